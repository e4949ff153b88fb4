/** Writes one WebAssembly function from expressions and structured statements. */
import { Encoder } from "./encoder.ts";
import { type Expr, type Local, NodeKind, node, type StoreOp, ValType } from "./expression.ts";
import { HoleKind, type Stencil } from "./stencil.ts";

/** A branch target. */
export interface Label {
  readonly depth: number;
}

export interface FunctionType {
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
}

const EMPTY_BLOCK = 0x40;

/** Buffers of functions that are complete, for the next ones: typed arrays are dear to allocate. */
const buffers: Encoder[] = [];

export class Fn {
  readonly type: FunctionType;
  readonly params: readonly Local[];
  protected code = buffers.pop() ?? new Encoder(4096);
  readonly #prologue = buffers.pop() ?? new Encoder(4096);
  readonly #locals: ValType[] = [];
  /** Locals given back, by type, for reuse. */
  readonly #free: (Local[] | undefined)[] = [];
  #scope: Local[] | undefined;
  protected depth = 0;
  /** Where a local.set ends that nothing follows yet, and its local: a local.get of it makes it a local.tee. */
  #setEnd = -1;
  #setLocal = -1;

  constructor(type: FunctionType) {
    this.type = type;
    this.params = type.params.map((t, i) => node(NodeKind.Local, t, i) as Local);
  }

  /** A fresh local; its content is unspecified if reused from an earlier scope. */
  local(type: ValType): Local {
    const local = this.borrow(type);
    this.#scope?.push(local);
    return local;
  }

  /** A local to be given back by `release`, whatever the scope. */
  borrow(type: ValType): Local {
    return this.#free[type]?.pop() ?? this.ownLocal(type);
  }

  /** A local that no scope gives back and nothing else has used: zero unless the prologue sets it. */
  ownLocal(type: ValType): Local {
    return node(NodeKind.Local, type, this.params.length + this.#locals.push(type) - 1) as Local;
  }

  /** Runs `body`; the locals it takes are reused afterwards. */
  scope(body: () => void): void {
    this.release(this.collect(body));
  }

  /** Runs `body` and gives the locals it takes, for `release`. */
  collect(body: () => void): readonly Local[] {
    const outer = this.#scope;
    const taken: Local[] = [];
    this.#scope = taken;
    body();
    this.#scope = outer;
    return taken;
  }

  /** These locals are not needed any more. */
  release(locals: readonly Local[]): void {
    for (const local of locals) {
      const pool = this.#free[local.type];
      if (pool) pool.push(local);
      else this.#free[local.type] = [local];
    }
  }

  /** A fresh local holding the value. */
  let(value: Expr): Local {
    const local = this.local(value.type);
    this.set(local, value);
    return local;
  }

  set(local: Local, value: Expr): void {
    this.#write(value);
    this.code.u8(0x21);
    this.localIndex(local.code);
    this.#setEnd = this.code.length;
    this.#setLocal = local.code;
  }

  /** Writes the index of a local behind its instruction. */
  protected localIndex(index: number): void {
    this.code.unsigned(index);
  }

  /** Writes the value of a hole behind its instruction. */
  protected hole(_which: number): void {
    throw new Error("holes are for stencils");
  }

  setGlobal(index: number, value: Expr): void {
    this.#write(value);
    this.code.u8(0x24);
    this.code.unsigned(index);
  }

  store(op: StoreOp, address: Expr, value: Expr, offset = 0): void {
    this.#write(address);
    this.#write(value);
    if (op > 0xff) this.code.u8(op >> 8);
    this.code.u8(op & 0xff);
    this.code.unsigned(0); // alignment hint: none
    this.code.unsigned(offset);
  }

  /** memory.copy; regions may overlap. */
  copy(to: Expr, from: Expr, bytes: Expr): void {
    for (const e of [to, from, bytes]) this.#write(e);
    for (const b of [0xfc, 0x0a, 0, 0]) this.code.u8(b);
  }

  /** memory.fill */
  fill(to: Expr, value: Expr, bytes: Expr): void {
    for (const e of [to, value, bytes]) this.#write(e);
    for (const b of [0xfc, 0x0b, 0]) this.code.u8(b);
  }

  /** Evaluates for its effect (a call without result). */
  run(e: Expr, drop = false): void {
    this.#write(e);
    if (drop) this.code.u8(0x1a);
  }

  if(condition: Expr, then: () => void, otherwise?: () => void): void {
    this.#write(condition);
    this.code.u8(0x04);
    this.code.u8(EMPTY_BLOCK);
    this.depth++;
    then();
    if (otherwise) {
      this.code.u8(0x05);
      otherwise();
    }
    this.depth--;
    this.code.u8(0x0b);
  }

  block(body: (exit: Label) => void): void {
    this.#structured(0x02, body);
  }

  loop(body: (again: Label) => void): void {
    this.#structured(0x03, body);
  }

  #structured(opcode: number, body: (label: Label) => void): void {
    this.code.u8(opcode);
    this.code.u8(EMPTY_BLOCK);
    this.depth++;
    body({ depth: this.depth });
    this.depth--;
    this.code.u8(0x0b);
  }

  br(label: Label): void {
    this.code.u8(0x0c);
    this.code.unsigned(this.depth - label.depth);
  }

  brIf(label: Label, condition: Expr): void {
    this.#write(condition);
    this.code.u8(0x0d);
    this.code.unsigned(this.depth - label.depth);
  }

  /**
   * br_table over `count` cases; `body(i)` is the code of case i, after which control goes
   * to the statement behind the switch unless it branches elsewhere. The last case is the default.
   */
  switch(index: Expr, count: number, body: (i: number) => void): void {
    this.block((end) => {
      for (let i = 0; i < count; i++) {
        this.code.u8(0x02);
        this.code.u8(EMPTY_BLOCK);
        this.depth++;
      }
      this.#write(index);
      this.code.u8(0x0e);
      this.code.unsigned(count - 1);
      for (let i = 0; i < count; i++) this.code.unsigned(i);
      for (let i = 0; i < count; i++) {
        this.depth--;
        this.code.u8(0x0b);
        body(i);
        if (i < count - 1) this.br(end);
      }
    });
  }

  return(...values: Expr[]): void {
    for (const v of values) this.#write(v);
    this.code.u8(0x0f);
  }

  unreachable(): void {
    this.code.u8(0x00);
  }

  /** Writes code that runs before all else; may be called when the rest is written. */
  prologue(body: () => void): void {
    const code = this.code;
    this.code = this.#prologue;
    this.interrupt();
    body();
    this.code = code;
    this.interrupt();
  }

  /** Writes a stencil; `locals` has the index of each of its symbols, `constants` the value of each hole. */
  place(
    { code, holes }: Stencil,
    locals: Uint16Array,
    constants: readonly (number | bigint)[],
    flow: (which: number, symbol: number) => void,
  ): void {
    this.interrupt();
    let from = 0;
    for (let i = 0; i < holes.length; i += 3) {
      const to = holes[i] as number;
      this.code.copy(code, from, to);
      from = to;
      const value = holes[i + 2] as number;
      switch (holes[i + 1]) {
        case HoleKind.Local:
          this.code.unsigned(locals[value] as number);
          break;
        case HoleKind.Constant:
          this.code.signed64(constants[value] as number | bigint);
          break;
        default: {
          const depth = (value >> 8) & 0xff;
          this.depth += depth;
          flow(value & 0xff, value >> 16);
          this.depth -= depth;
        }
      }
    }
    this.code.copy(code, from, code.length);
  }

  /** Leaves a value on the stack as the function's result (at its very end). */
  result(value: Expr): void {
    this.#write(value);
  }

  #get(index: number): void {
    const { code } = this;
    if (this.#setEnd === code.length && this.#setLocal === index) {
      this.makeTee();
      this.interrupt();
      return;
    }
    code.u8(0x20);
    this.localIndex(index);
  }

  /** Something follows that the length of the code does not tell. */
  protected interrupt(): void {
    this.#setEnd = -1;
  }

  /** The local.set that was written last leaves its value on the stack. */
  protected makeTee(): void {
    this.code.patch(this.code.length - (this.#setLocal < 128 ? 2 : 3), 0x22);
  }

  /** The complete code entry: local declarations, body, end. The function cannot be written to any more. */
  encode(): Uint8Array {
    const out = new Encoder(this.code.length + this.#prologue.length + 2 * this.#locals.length + 8);
    const runs: [ValType, number][] = [];
    for (const t of this.#locals) {
      const last = runs.at(-1);
      if (last && last[0] === t) last[1]++;
      else runs.push([t, 1]);
    }
    out.unsigned(runs.length);
    for (const [t, n] of runs) {
      out.unsigned(n);
      out.u8(t);
    }
    out.raw(this.#prologue.bytes);
    out.raw(this.code.bytes);
    out.u8(0x0b);
    this.recycle();
    return out.bytes;
  }

  /** Gives the buffers back. */
  protected recycle(): void {
    for (const buffer of [this.code, this.#prologue]) {
      buffer.clear();
      buffers.push(buffer);
    }
  }

  #write(e: Expr): void {
    const code = this.code;
    for (let i = 0; i < e.args.length; i++) this.#write(e.args[i] as Expr);
    switch (e.kind) {
      case NodeKind.Const:
        code.u8(e.code);
        if (e.type === ValType.i32) code.signed(e.value as number);
        else code.signed64(e.value);
        break;
      case NodeKind.Local:
        this.#get(e.code);
        break;
      case NodeKind.Hole:
        code.u8(e.code);
        this.hole(e.value as number);
        break;
      case NodeKind.Global:
        code.u8(0x23);
        code.unsigned(e.code);
        break;
      case NodeKind.Op:
        if (e.code > 0xff) code.u8(e.code >> 8);
        code.u8(e.code & 0xff);
        break;
      case NodeKind.Memory:
        code.u8(e.code);
        code.unsigned(0);
        code.unsigned(e.offset);
        break;
      case NodeKind.Simd:
        code.u8(0xfd);
        code.unsigned(e.code);
        break;
      case NodeKind.SimdMemory:
        code.u8(0xfd);
        code.unsigned(e.code);
        code.unsigned(0);
        code.unsigned(e.offset);
        break;
      case NodeKind.SimdLane:
        code.u8(0xfd);
        code.unsigned(e.code);
        code.u8(e.offset);
        break;
      case NodeKind.V128Const:
        code.u8(0xfd);
        code.unsigned(e.code);
        code.raw(e.bytes as Uint8Array);
        break;
      case NodeKind.Call:
        code.u8(0x10);
        code.unsigned(e.code);
        break;
      case NodeKind.CallIndirect:
        code.u8(0x11);
        code.unsigned(e.code);
        code.unsigned(0);
        break;
    }
  }
}

/** A reference to a mutable or constant global. */
export function global(type: ValType, index: number): Expr {
  return node(NodeKind.Global, type, index);
}
