/**
 * What fast paths share with the TypeScript around them, in the hypervisor's heap: whose state is on
 * the processor, and counters that both sides increment. See docs/fast-paths.md.
 */
import { aligned, bytes, struct, u32 } from "../../abi/struct.ts";

const doubles = (count: number) => aligned(bytes(count * 8), 8);

/** Numbers of hypercalls are below this. */
export const HYPERCALL_COUNT = 64;
/** Numbers of operations are below this: what a guest makes up beyond counts as one. */
export const OPERATION_COUNT = 64;
/** Vectors of exceptions that the processor reports are below this. */
export const EXCEPTION_COUNT = 32;
export const EXIT_REASON_COUNT = 8;
/** Entries of the trace of hypercalls; a power of two. */
export const TRACE_LENGTH = 32;
/** Argument registers that an entry of the trace has. */
export const TRACE_ARGUMENTS = 3;

/** One hypercall, for crash reports. */
export const traceEntry = struct("trace_entry", {
  domain: u32,
  vcpu: u32,
  number: u32,
  /** It has returned: `result` is valid. */
  returned: u32,
  /** 64 bits, signed. */
  result_lo: u32,
  result_hi: u32,
  /** RDI, RSI, RDX. */
  args: bytes(TRACE_ARGUMENTS * 8),
});

/** Counters are IEEE doubles. */
export const fastPathRecord = struct("fast_paths", {
  /** Machine address of the record of the vCPU on the processor, and of its domain; 0: none that fast paths serve. */
  vcpu: u32,
  domain: u32,
  /** Exits since the run loop last looked at the clock. */
  exits_unclocked: u32,
  /** Hypercalls in the trace, ever. */
  traced: u32,
  /** CS and SS that a return is about to load, as `segmentRegister`. */
  segments: aligned(bytes(32), 8),
  /** By ExitReason. */
  exits: doubles(EXIT_REASON_COUNT),
  exceptions: doubles(EXCEPTION_COUNT),
  injected: doubles(256),
  hypercalls: doubles(HYPERCALL_COUNT),
  xen_version_operations: doubles(OPERATION_COUNT + 1),
  segment_base_operations: doubles(OPERATION_COUNT + 1),
  guest_syscalls: doubles(1),
  /** RDMSR of KERNEL_GS_BASE that a fast path has done. */
  rdmsr_kernel_gs_base: doubles(1),
  /** Exits that fast paths have served. */
  served: doubles(1),
  trace: bytes(TRACE_LENGTH * traceEntry.sizeof),
});
