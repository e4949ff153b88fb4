/** The protocol between the interpreter's loop, out-of-line handlers and compiled regions. */
import { CASE_FIRST_REGION } from "./record.ts";

/** What an out-of-line handler returns. */
export const Status = {
  /** Go on with the next record. */
  Next: 0,
  /** An exception is in the state; RIP is at the instruction. */
  Fault: 1,
  /** exit_reason and rip are set. */
  Exit: 2,
  /** Go on at `rip`. */
  Jump: 3,
  /** Execute the same record again. */
  Repeat: 4,
  /** From compiled code: execute the instruction of the record in `engine.record` here, and go on behind it. */
  Resume: 5,
  /** Go on at `rip` without looking at the budget (a forward branch within the page). */
  JumpUnchecked: 6,
  /** From compiled code: go on at `rip`, where the record in `engine.record` is; the budget has been looked at. */
  Link: 7,
  /** From chain(): go on with the record in `engine.record`; page_va is set. */
  Record: 8,
  /** From what is in the place of a region that is gone: go on at `rip`, as before. */
  Gone: 9,
} as const;

/** Size of the table: out-of-line handlers, then compiled regions. */
export const HANDLERS = CASE_FIRST_REGION;
export const TABLE_SIZE = 65536;
/** Behind them: the function that may serve an exit; see Processor.fastExits. */
export const FAST_EXIT = TABLE_SIZE;

/**
 * Where the budget is looked at: at indirect transfers, and at direct branches that go backward or
 * leave the page. Compiled code does the same, so that a run ends at the same instruction whatever
 * executes it. A budget below STEP_LIMIT ends at any transfer: single steps start there.
 */
export const STEP_LIMIT = -0x40000000;

/** Executions of a transfer to one record between two looks at whether it is worth compiling; a power of two. */
export const HOT_INTERVAL = 1024;
