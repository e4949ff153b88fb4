/** Short forms for tables of sub-operations. */
import type { HypercallArguments, Operation } from "../hypercall.ts";

/** The low 32 bits of the first argument: the command number of most hypercalls. */
export const firstArgument = ({ halves }: HypercallArguments): number => halves[0]!;

export const done = (name: string): Operation => ({ name, status: "done" });
export const missing = (name: string, note?: string): Operation =>
  note === undefined ? { name, status: "missing" } : { name, status: "missing", note };
/** Not for a guest of this kind in Xen either. */
export const refused = (name: string, note?: string): Operation =>
  note === undefined ? { name, status: "enosys" } : { name, status: "enosys", note };
