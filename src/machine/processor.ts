/**
 * The hardware boundary: a processor that runs until something needs attention.
 *
 * The boundary is that of KVM: `run()` executes guest instructions from the
 * architectural state in memory and returns why it stopped, with that state
 * precise. Nothing above this file knows how instructions are executed, so
 * another processor (a JIT tier, real virtualization hardware) can stand here.
 */
import type { MachineMemory } from "./memory.ts";
import type { CpuState } from "./x86/state.ts";

/** Why `run()` returned. */
export const ExitReason = {
  /** The instruction budget is used up. */
  Budget: 0,
  /**
   * An exception: `exit_vector`, `exit_error_code` (0 if the vector has none) and, for #PF, `cr2`.
   * RIP is at the faulting instruction for faults and behind it for traps (#BP from INT3, #DB).
   */
  Exception: 1,
  /** SYSCALL: RCX and R11 are already loaded as by hardware, RIP is behind the instruction (2 bytes). CS, SS, RFLAGS untouched. */
  Syscall: 2,
  /** SYSENTER: RIP is behind the instruction; nothing else has changed. */
  Sysenter: 3,
  /** INT n: vector in `exit_vector`; RIP is *at* the instruction, whose length is in `exit_instruction_length`. */
  SoftwareInterrupt: 4,
  /** CPUID: RIP is *at* the instruction; the handler fills RAX..RDX and advances RIP by `exit_instruction_length`. */
  Cpuid: 5,
  /** HLT at CPL 0: RIP is behind the instruction. (At CPL 3 HLT is #GP(0), as are all privileged instructions.) */
  Halt: 6,
} as const;
export type ExitReason = (typeof ExitReason)[keyof typeof ExitReason];

/** How a linear address is to be accessed. Rights are checked for the given level, WP and NX included. */
export const Access = { Read: 0, Write: 1, Execute: 2 } as const;
export type Access = (typeof Access)[keyof typeof Access];

/** A source of time in nanoseconds since the machine was reset. It never goes back. */
export interface Clock {
  now(): number;
}

/**
 * Functions of a processor, in WebAssembly, that a fast exit may import from module "e", with the
 * memory "memory". Parameters and results by their value types.
 */
export const FAST_EXIT_IMPORTS = {
  /**
   * probe(linear, access, size) -> machine address of user memory in the page tables in use, or 0 where
   * that is not simple: it faults, crosses pages, or a store would go to translated code. Leaves no trace then.
   */
  probe: { params: ["i64", "i32", "i32"], results: ["i32"] },
  /** loadRoot(maddr, pcid, keep): as loadCr3. */
  loadRoot: { params: ["i32", "i32", "i32"], results: [] },
  /** getFlags() -> the arithmetic flags of RFLAGS. */
  getFlags: { params: [], results: ["i32"] },
  /** setFlags(flags): sets the arithmetic flags. */
  setFlags: { params: ["i32"], results: ["i32"] },
} as const;

/**
 * Exits served in WebAssembly, without leaving `run()`. The function is called at each exit with the
 * state as the exit leaves it, `budget` being what is left. It returns 0, having changed nothing, to
 * leave; or 1, having served it: execution goes on at `rip` as behind an indirect jump. It must
 * leave with a budget of 1 or less, with RFLAGS.TF or AC set before or after, and must load roots by `loadRoot` only.
 */
export interface FastExits {
  /** For `WebAssembly.Instance`, as its module "e". */
  readonly imports: NonNullable<ConstructorParameters<typeof WebAssembly.Instance>[1]>[string];
  /** @param serve an exported WebAssembly function without parameters that returns an i32 */
  install(serve: unknown): void;
}

/**
 * A TLB that is kept right by being told what changes in page tables, so that it needs no flushes.
 * Who uses it tells it of *every* change of an entry that was present, in tables that a loaded root
 * leads to; for entries of upper levels `flushTlb` will do.
 */
export interface TrackedTlb {
  /** Entry `index` (0..511) of a table mapped frame `mfn`, and maps something else now or in another way. */
  entryChanged(index: number, mfn: number): void;
  /** A frame is about to stop being a root. */
  rootGone(mfn: number): void;
  /** As loadCr3, with what is right under the new root kept. */
  switchRoot(maddr: number, pcid: number): void;
}

/** Counters that a processor keeps; see `--stats`. */
export interface ProcessorStatistics {
  /** Instructions retired, by tier. */
  instructions: Record<string, number>;
  tlb: { readMisses: number; writeMisses: number; fetchMisses: number; flushes: number };
  /** The compiled tier; without it, undefined. */
  regions?: { compiled: number; instructions: number; dropped: number; milliseconds: number } | undefined;
  code: { decodedInstructions: number; lookups: number; invalidatedFrames: number; flushes: number; bytesUsed: number };
}

/**
 * A processor. The architectural state is `state` (a live view of `cpuState` in machine memory);
 * the hypervisor reads and writes it freely between runs, except CR3 (use `loadCr3`) and the
 * arithmetic flags (use `rflags`).
 */
export interface Processor {
  readonly memory: MachineMemory;
  readonly state: CpuState;
  /** The 16 general registers of `state`, by encoding number. */
  readonly gpr: BigUint64Array;
  /** Full RFLAGS, arithmetic flags included. */
  rflags: bigint;

  /**
   * Runs at most about `budget` instructions (a block may be finished); a budget of 1 is exactly one.
   * `continued`: this is the rest of a budget of which a part has been run already, and it ends where
   * one run of the whole budget would have ended. So a run can be interrupted without a trace.
   */
  run(budget: number, continued?: boolean): ExitReason;
  /**
   * Where the last run was when its budget was over, about: the transfer of control that it ended
   * with if that is known (RIP is where it went), else RIP.
   */
  readonly interruptedAt: bigint;
  /** Which tier executed the last instruction, by its name in `statistics.instructions`. */
  readonly tier: string;

  /**
   * Loads CR3 and selects a TLB set. `pcid` is 0 or 1 (a PV hypervisor uses 0 for guest kernel
   * mode, 1 for guest user mode). The set is flushed unless `keep` is true and it was last used
   * with the same CR3.
   */
  loadCr3(maddr: number, pcid: number, keep: boolean): void;
  /** Drops all translations of all sets. */
  flushTlb(): void;
  /** Drops the translation of one linear address in all sets. */
  invlpg(linear: bigint): void;
  /** Must be called when the content of a frame was changed by other than guest code (copies, scrubbing, domain building) or when the frame changes hands: drops code translated from it. Cheap if there is none. */
  frameWritten(mfn: number): void;

  /**
   * Walks the page tables of CR3 as an access by privilege level 3 (`user` true) or 0 would, sets
   * accessed and dirty bits. Returns the machine address, or -1 - errorCode if it faults, where
   * errorCode is the page-fault error code (for a non-canonical address, too).
   */
  translate(linear: bigint, access: Access, user: boolean): number;

  /**
   * Loads a segment register as MOV Sreg would: descriptor fetch through GDTR/LDTR with
   * supervisor rights, checks, accessed bit. Returns 0, or the exception as
   * `vector << 16 | errorCode` (with CR2 set for a page fault), leaving the register unchanged.
   */
  loadSegment(segment: number, selector: number): number;

  /** Undefined if this processor's TLB must be flushed. */
  readonly trackedTlb?: TrackedTlb;
  /** Undefined if this processor has none. */
  readonly fastExits?: FastExits;

  /** Instructions retired since reset, exact at every exit and whenever the clock is read. */
  readonly retired: number;
  /** The time-stamp counter as RDTSC reads it now. */
  readTsc(): bigint;
  readonly statistics: ProcessorStatistics;
}
