/** An instruction in a function of its own: complete, with all that is rare. */
import { CPU_SCRATCH } from "../layout.ts";
import { ExitReason } from "../processor.ts";
import { type Expr, i32, i64, type Local, StoreOp, truncSat, ValType, v128 } from "../wasm/expression.ts";
import { call, type FunctionRef } from "../wasm/module.ts";
import type { Insn } from "../x86/insn.ts";
import { type Flow, type Place, RecordEmit } from "./emit.ts";
import { engineState } from "./engine-state.ts";
import { REC_LENGTH, REC_LINK } from "./record.ts";
import type { Runtime } from "./runtime.ts";

const EN = engineState.offset;
const ZERO = i32.const(0);

export interface HandlerFlow extends Flow {
  /** Exception stored; RIP is at the instruction. */
  fault(): void;
  /** exit_reason and rip are stored. */
  exit(): void;
  /** Result of a system function: a status as of handlers. */
  status(value: Expr): void;
}

/** What functions of instructions may call. */
export interface Callees {
  readonly runtime: Runtime;
  readonly system: FunctionRef;
  /** Runtime functions by name, for callRuntime. */
  readonly named: Readonly<Record<string, FunctionRef>>;
}

export class HandlerEmit extends RecordEmit<HandlerFlow> {
  readonly #callees: Callees;
  /** Whether the instruction may be executed in TypeScript, which then needs it decoded. */
  usesSystem = false;
  /** Whether it calls functions of the runtime even if nothing is rare: not worth a case, see case-emit.ts. */
  callsRuntime = false;

  constructor(place: Place<HandlerFlow>, insn: Insn, callees: Callees) {
    super(place, insn);
    this.#callees = callees;
  }

  translate(linear: Local, size: number, write: boolean): Local {
    return this.#translate(linear, i64.const(size - 1), i32.const(size), write);
  }

  translateRange(linear: Local, bytes: Local, write: boolean): Local {
    return this.#translate(linear, i64.const(0), bytes, write);
  }

  #translate(linear: Local, last: Expr, size: Expr, write: boolean): Local {
    const { fn } = this;
    const { runtime } = this.#callees;
    const result = fn.local(ValType.i32);
    const { isHit, host } = this.lookInTlb(linear, last, write);
    fn.if(
      isHit,
      () => fn.set(result, host),
      () => {
        fn.set(result, call(write ? runtime.slowWrite : runtime.slowRead, linear, size));
        fn.if(i32.eqz(result), () => this.#leaveByFault());
      },
    );
    return result;
  }

  #leaveByFault(): void {
    this.faultCleanup?.();
    this.flow.fault();
  }

  commit(host: Local): void {
    const bounce = i32.const(CPU_SCRATCH + EN.write_bounce);
    this.fn.if(i32.eq(host, bounce), () => this.fn.run(call(this.#callees.runtime.commitCrossing)));
  }

  raise(vector: number, errorCode = 0): void {
    this.setState32("exit_reason", i32.const(ExitReason.Exception));
    this.setState32("exit_vector", i32.const(vector));
    this.setState32("exit_error_code", i32.const(errorCode));
    this.#leaveByFault();
  }

  #storeExit(reason: number): void {
    this.setState32("exit_reason", i32.const(reason));
    this.setState32("exit_instruction_length", i32.load8u(this.record, REC_LENGTH));
  }

  exitAfter(reason: number): void {
    this.#storeExit(reason);
    this.setState64("rip", this.nextRip());
    this.flow.exit();
  }

  exitAt(reason: number): void {
    this.#storeExit(reason);
    this.setState64("rip", this.thisRip());
    this.flow.exit();
  }

  callSystem(host: Expr = ZERO): void {
    this.usesSystem = true;
    const h = this.fn.let(host);
    this.setState64("rip", this.thisRip());
    this.flow.status(call(this.#callees.system, i32.load(this.record, REC_LINK), h));
  }

  softSse(op: Expr, a: Expr, b: Expr): Local {
    const { fn } = this;
    fn.store(StoreOp.v128, ZERO, a, CPU_SCRATCH + EN.a);
    fn.store(StoreOp.v128, ZERO, b, CPU_SCRATCH + EN.b);
    fn.if(this.#call("softSse", op), () => this.#leaveByFault());
    return fn.let(v128.load(ZERO, CPU_SCRATCH + EN.result));
  }

  callRuntime(name: string, _type: ValType, ...args: Expr[]): Expr {
    this.callsRuntime = true;
    return this.#call(name, ...args);
  }

  #call(name: string, ...args: Expr[]): Expr {
    const f = this.#callees.named[name];
    if (!f) throw new Error(`no runtime function ${name}`);
    return call(f, ...args);
  }

  timestamp(): Expr {
    return truncSat.i64FromF64s(this.callRuntime("tsc", ValType.f64));
  }
}
