/**
 * String instructions (SDM vol. 1 §7.3.9).
 *
 * A repeated instruction does as much as fits into the pages at hand in one go and is then executed
 * again (`repeat`), so that it can be interrupted and faults leave it precise. Each such step counts
 * as one instruction.
 */
import { type Expr, i32, i64, type Local, type StoreOp } from "../../wasm/expression.ts";
import { FLAG_AC, FLAG_DF, RAX, RCX, RDI, RSI } from "../state.ts";
import { type Emit, loadSized, type Semantics, STORE_SIZED, truncate } from "./emit.ts";

const REPNE = 0xf2;

const elementSize = (e: Emit): number => e.insn.operandSize;

const pointer = (e: Emit, register: number): Expr => e.gpr(register, e.insn.addressSize);

/** Linear address of the source, whose segment may be overridden. */
function source(e: Emit): Local {
  const base = e.segmentBase();
  const offset = pointer(e, RSI);
  return e.fn.let(base ? i64.add(offset, base) : offset);
}

/** Linear address of the destination (ES, whose base is zero in 64-bit mode). */
const destination = (e: Emit): Local => e.fn.let(pointer(e, RDI));

const backwards = (e: Emit): Expr => i32.and(e.state32("rflags_system"), i32.const(FLAG_DF));

/** Backwards, or each element's alignment may have to be checked. */
const oneByOne = (e: Emit): Expr => i32.and(e.state32("rflags_system"), i32.const(FLAG_DF | FLAG_AC));

/** Moves a pointer by `bytes`, forward. */
function advance(e: Emit, register: number, bytes: Expr): void {
  const size = e.insn.addressSize;
  e.setGpr(register, truncate(size, i64.add(e.gpr(register, size), bytes)), size);
}

/** One element's step, by the direction flag. */
const step = (e: Emit, size: number): Local => e.fn.let(i64.select(backwards(e), i64.const(-size), i64.const(size)));

function count(e: Emit): Local {
  return e.fn.let(e.gpr(RCX, e.insn.addressSize));
}

function decrement(e: Emit, by: Expr): void {
  const size = e.insn.addressSize;
  e.setGpr(RCX, truncate(size, i64.sub(e.gpr(RCX, size), by)), size);
}

/**
 * Frame of REP: nothing for a count of zero; `bulk` for the elements that fit into the pages (forward
 * and unless AC is set), `single` for one element otherwise. Then again while elements are left.
 */
function repeated(
  e: Emit,
  addresses: () => Local[],
  bulk: (n: Local, addresses: Local[]) => void,
  single: () => void,
): void {
  const fn = e.fn;
  const size = elementSize(e);
  if (!e.insn.rep) return single();
  const total = count(e);
  fn.if(i64.eqz(total), () => e.next());
  const n = fn.let(i64.const(0));
  const at = addresses();
  fn.if(i32.eqz(oneByOne(e)), () => {
    fn.set(n, total);
    for (const a of at) {
      const room = fn.let(i64.shrU(i64.sub(i64.const(4096), i64.and(a, i64.const(4095))), i64.const(Math.log2(size))));
      fn.set(n, i64.select(i64.ltU(room, n), room, n));
    }
  });
  fn.if(
    i64.eqz(n),
    () => {
      single();
      decrement(e, i64.const(1));
    },
    () => {
      bulk(n, at);
      decrement(e, n);
    },
  );
  fn.if(i64.ne(e.gpr(RCX, e.insn.addressSize), i64.const(0)), () => e.repeat());
}

/** Host address of `n` elements that lie within one page. */
function translateElements(
  e: Emit,
  linear: Local,
  n: Local,
  size: number,
  write: boolean,
): { host: Local; bytes: Local } {
  const bytes = e.fn.let(i32.mul(i32.wrap(n), i32.const(size)));
  return { host: e.translateRange(linear, bytes, write), bytes };
}

const movs: Semantics = (e) => {
  const fn = e.fn;
  const size = elementSize(e);
  repeated(
    e,
    () => [source(e), destination(e)],
    (n, [from, to]) => {
      const { host: s, bytes } = translateElements(e, from as Local, n, size, false);
      const { host: d } = translateElements(e, to as Local, n, size, true);
      // Copying forward onto an overlapping, higher destination repeats the pattern: not what memory.copy does.
      fn.if(
        i32.ltU(i32.sub(d, s), bytes),
        () => {
          const i = fn.let(i32.const(0));
          fn.loop((again) => {
            fn.store(STORE_SIZED[size] as StoreOp, i32.add(d, i), loadSized(size, i32.add(s, i)));
            fn.set(i, i32.add(i, i32.const(size)));
            fn.brIf(again, i32.ltU(i, bytes));
          });
        },
        () => fn.copy(d, s, bytes),
      );
      const moved = fn.let(i64.extendU(bytes));
      advance(e, RSI, moved);
      advance(e, RDI, moved);
    },
    () => {
      const value = e.loadLinear(size, source(e));
      e.storeLinear(size, destination(e), value);
      const by = step(e, size);
      advance(e, RSI, by);
      advance(e, RDI, by);
    },
  );
};

const stos: Semantics = (e) => {
  const fn = e.fn;
  const size = elementSize(e);
  repeated(
    e,
    () => [destination(e)],
    (n, [to]) => {
      const { host, bytes } = translateElements(e, to as Local, n, size, true);
      const value = fn.let(e.gpr(RAX, size));
      const low = fn.let(i64.and(value, i64.const(0xff)));
      const pattern = truncate(size, i64.mul(low, i64.const(0x0101010101010101n)));
      fn.if(
        i64.eq(value, pattern),
        () => fn.fill(host, i32.wrap(low), bytes),
        () => {
          const i = fn.let(i32.const(0));
          fn.loop((again) => {
            fn.store(STORE_SIZED[size] as StoreOp, i32.add(host, i), value);
            fn.set(i, i32.add(i, i32.const(size)));
            fn.brIf(again, i32.ltU(i, bytes));
          });
        },
      );
      advance(e, RDI, i64.extendU(bytes));
    },
    () => {
      e.storeLinear(size, destination(e), fn.let(e.gpr(RAX, size)));
      advance(e, RDI, step(e, size));
    },
  );
};

const lods: Semantics = (e) => {
  const fn = e.fn;
  const size = elementSize(e);
  const one = (): void => {
    const value = e.loadLinear(size, source(e));
    e.setGpr(RAX, value, size);
    advance(e, RSI, step(e, size));
  };
  if (!e.insn.rep) return one();
  fn.if(i64.eqz(count(e)), () => e.next());
  one();
  decrement(e, i64.const(1));
  fn.if(i64.ne(e.gpr(RCX, e.insn.addressSize), i64.const(0)), () => e.repeat());
};

/** CMPS and SCAS: one element at a time, until the count is used up or ZF decides. */
function comparing(operands: (e: Emit) => { a: Local; b: Local; move: () => void }): Semantics {
  return (e) => {
    const fn = e.fn;
    const size = elementSize(e);
    const rep = e.insn.rep;
    if (rep) fn.if(i64.eqz(count(e)), () => e.next());
    const { a, b, move } = operands(e);
    move();
    e.flagsSub(size, a, b, fn.let(truncate(size, i64.sub(a, b))));
    if (!rep) return;
    decrement(e, i64.const(1));
    const equal = i64.eq(a, b);
    const goOn = rep === REPNE ? i32.eqz(equal) : equal;
    const left = i64.ne(e.gpr(RCX, e.insn.addressSize), i64.const(0));
    fn.if(i32.and(goOn, left), () => e.repeat());
  };
}

const cmps = comparing((e) => {
  const size = elementSize(e);
  const a = e.loadLinear(size, source(e));
  const b = e.loadLinear(size, destination(e));
  return {
    a,
    b,
    move: () => {
      const by = step(e, size);
      advance(e, RSI, by);
      advance(e, RDI, by);
    },
  };
});

const scas = comparing((e) => {
  const size = elementSize(e);
  const b = e.loadLinear(size, destination(e));
  const a = e.fn.let(e.gpr(RAX, size));
  return { a, b, move: () => advance(e, RDI, step(e, size)) };
});

export const strings: Record<string, Semantics> = { movs, stos, lods, cmps, scas };
