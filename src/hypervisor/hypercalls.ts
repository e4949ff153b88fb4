/** All hypercalls, by number. */
import { HYPERCALL_COUNT } from "./statistics.ts";
import type { Hypercall } from "./hypercall.ts";
import { multicall } from "./multicall.ts";
import { callbackOp, nmiOp, setCallbacks } from "./traps/callbacks.ts";
import { iret } from "./traps/iret.ts";
import { stackSwitch } from "./traps/stack-switch.ts";
import { setTrapTable } from "./traps/trap-table.ts";

const ALL: readonly Hypercall[] = [
  // traps/
  setTrapTable,
  stackSwitch,
  setCallbacks,
  iret,
  nmiOp,
  callbackOp,
  multicall,
];

/** Sparse table by number. */
export function hypercallTable(): (Hypercall | undefined)[] {
  const table: (Hypercall | undefined)[] = new Array<Hypercall | undefined>(HYPERCALL_COUNT).fill(undefined);
  for (const call of ALL) {
    if (table[call.number] !== undefined) throw new Error(`two hypercalls have number ${call.number}`);
    table[call.number] = call;
  }
  return table;
}
