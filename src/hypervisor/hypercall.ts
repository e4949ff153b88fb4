/** What a hypercall is made of: its handler, its operations, its errors. */
import type { Hypervisor } from "./hypervisor.ts";
import type { Vcpu } from "./vcpu.ts";

/** Thrown by anything below a hypercall handler: the dispatcher returns `-errno` to the guest. */
export class HypercallError extends Error {
  readonly errno: number;
  /** @param errno positive number of abi/errno.ts */
  constructor(errno: number, message?: string) {
    super(message ?? `errno ${errno}`);
    this.errno = errno;
  }
}

/** Thrown for guest errors that Xen answers with `domain_crash`. The domain ends, its neighbours do not notice. */
export class DomainCrash extends Error {
  override readonly name = "DomainCrash";
}

/**
 * Returned by a handler that has done part of its work and wants to go on later. It has changed
 * its `args` array in place to the arguments for the rest; it never writes registers itself.
 * The dispatcher stores them in the argument registers and rewinds RIP to the instruction, so that
 * it is executed again (after events, if any); a multicall stores them in its entry instead.
 */
export const CONTINUATION = Symbol("hypercall continuation");

/** Returned by a handler that has set all registers itself, RAX among them: iret. */
export const REGISTERS_SET = Symbol("registers set");

export type HypercallResult = number | bigint | typeof CONTINUATION | typeof REGISTERS_SET;

const ARGUMENTS = 5;

/**
 * The arguments of a hypercall: rdi, rsi, rdx, r10, r8, or those of a multicall's entry. As 64-bit numbers, and
 * as 32-bit halves for frequent hypercalls: a bigint is an object.
 */
export class HypercallArguments extends BigUint64Array {
  /** The low half of argument n is at 2n, its high half behind it. */
  readonly halves: Uint32Array;

  constructor(values: readonly bigint[] = []) {
    super(ARGUMENTS);
    this.set(values);
    this.halves = new Uint32Array(this.buffer);
  }

  static get [Symbol.species](): BigUint64ArrayConstructor {
    return BigUint64Array;
  }
}

/** One sub-operation, for dispatch, statistics and docs/hypercalls.md. */
export interface Operation {
  readonly name: string;
  /** "enosys": Xen would not have it for this guest either. "missing": Xen has it, we not yet. */
  readonly status: "done" | "enosys" | "missing";
  readonly note?: string;
}

/**
 * A hypercall. Handlers copy in, validate, act, copy out; they trust nothing.
 * `args` are rdi, rsi, rdx, r10, r8 (or the multicall entry's args).
 */
export interface Hypercall {
  readonly number: number;
  /** As in the public headers, without the prefix: "mmu_update". */
  readonly name: string;
  /** Sub-operations by command number, where the hypercall has them. */
  readonly operations?: Readonly<Record<number, Operation>>;
  /** The command number of these arguments, for statistics; only where there are operations. */
  readonly operationOf?: (args: HypercallArguments) => number;
  /** Number of arguments; those beyond are 0. Default 5. */
  readonly arity?: number;
  /** For docs/hypercalls.md: what a reader should know that the name does not say. */
  readonly note?: string;
  handler(hv: Hypervisor, vcpu: Vcpu, args: HypercallArguments): HypercallResult;
}
