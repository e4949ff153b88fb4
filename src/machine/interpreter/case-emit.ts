/**
 * An instruction in a case of the big switch: what it does if nothing is rare. Anything else (a TLB miss, an exception, TypeScript) is left to its
 * function, before it has changed anything. That keeps the switch small: beyond some 70 KiB of machine code V8 does not keep the loop's
 * locals in registers any more (measured: everything takes a quarter longer).
 */
import { type Expr, f64, i32, i64, type Local, ValType } from "../wasm/expression.ts";
import { type Flow, RecordEmit } from "./emit.ts";

export interface CaseFlow extends Flow {
  /** The instruction's function executes it. */
  leave(): void;
}

export class CaseEmit extends RecordEmit<CaseFlow> {
  translate(linear: Local, size: number, write: boolean): Local {
    return this.#translate(linear, i64.const(size - 1), write);
  }

  translateRange(linear: Local, _bytes: Local, write: boolean): Local {
    return this.#translate(linear, i64.const(0), write);
  }

  #translate(linear: Local, last: Expr, write: boolean): Local {
    const { isHit, host } = this.lookInTlb(linear, last, write);
    this.fn.if(i32.eqz(isHit), () => this.#leave());
    return this.fn.let(host);
  }

  #leave(): void {
    this.faultCleanup?.();
    this.flow.leave();
  }

  /** Accesses that cross pages miss in the TLB, so there is nothing to complete. */
  commit(): void {}

  raise(): void {
    this.#leave();
  }

  exitAfter(): void {
    this.#leave();
  }

  exitAt(): void {
    this.#leave();
  }

  callSystem(): void {
    this.#leave();
  }

  softSse(): Local {
    this.#leave();
    return this.fn.local(ValType.v128);
  }

  timestamp(): Expr {
    this.#leave();
    return i64.const(0);
  }

  /** A call anywhere in the loop costs all of it: V8 stores its locals where they are computed, for wherever there is one. */
  callRuntime(_name: string, type: ValType): Expr {
    this.#leave();
    return type === ValType.i64 ? i64.const(0) : type === ValType.f64 ? f64.const(0n) : i32.const(0);
  }
}
