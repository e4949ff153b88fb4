/** What the engine keeps in machine memory besides the architectural state; at CPU_SCRATCH. */
import { array, bytes, struct, u32, u64 } from "../../abi/struct.ts";

export const engineState = struct("engine_state", {
  /** Where a page-crossing load is assembled (FXRSTOR is the longest). */
  read_bounce: bytes(512),
  /** Where a page-crossing store is assembled, until commitCrossing. */
  write_bounce: bytes(512),
  /** Host addresses of the two parts of the pending page-crossing store, and the bytes of the first. */
  crossing_first: u32,
  crossing_second: u32,
  crossing_split: u32,
  crossing_size: u32,
  /** Read array of the TLB set in use. */
  tlb: u32,
  /** Jump cache of the set in use. */
  jump_cache: u32,
  /** Fetch TLB of the set in use. */
  fetch_tlb: u32,
  /** Fill log of the set in use. */
  fill_log: u32,
  /** CR3 that each TLB set was last used with; all bits set: none. */
  roots: array(u32, 2),
  /** Flushes of a set that had something to drop. */
  flushes: u32,
  /** Record being executed by an out-of-line handler. */
  record: u32,
  /** Branch record to be linked to what the next lookup finds, or 0. */
  link: u32,
  /** Nonzero: alignment is checked (RFLAGS.AC, CR0.AM, CPL 3); the TLB is then not used. */
  check_alignment: u32,
  /** How often a window (jit/windows.ts) was in two pages, and the entry's record of the region that met one last that could not be translated. */
  splits: u32,
  split_region: u32,
  /** Instructions that compiled regions have executed. */
  jit_retired: u64,
  /** Budget that was left when a compiled region was last returned from: nothing was interpreted since while it is. */
  region_budget: u32,
  /** The instruction behind which the last run was over that was interpreted up to its budget's end. */
  interrupted_at: u64,
  /** The address of the last non-canonical access. */
  bad_address: u64,
  read_misses: u32,
  write_misses: u32,
  fetch_misses: u32,
  lookups: u32,
  /** Operands and results of calls to TypeScript: three vectors. */
  a: bytes(16),
  b: bytes(16),
  result: bytes(16),
  scratch: u64,
  /** The temporary number of the x87 functions: significand, then sign and exponent. */
  x87_operand: bytes(16),
});
