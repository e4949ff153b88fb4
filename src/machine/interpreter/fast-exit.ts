/** Runs that exits may end or not: what Processor.fastExits promises, around the interpreter's loop. */
import { CPU_STATE } from "../layout.ts";
import { i32, type Local, ValType } from "../wasm/expression.ts";
import type { Fn } from "../wasm/function.ts";
import { call, callIndirect, type FunctionRef, type ModuleBuilder } from "../wasm/module.ts";
import { cpuState } from "../x86/state.ts";
import { FAST_EXIT } from "./status.ts";

/** The type of the function that may serve an exit. */
const FAST_EXIT_TYPE = { params: [], results: [ValType.i32] };

/**
 * Defines run(record) around loop(record): at each exit the function FAST_EXIT of the table is asked,
 * and if it has served it, the loop begins anew at RIP with the budget that is left.
 */
export function defineRunWithFastExits(module: ModuleBuilder, run: FunctionRef, loop: FunctionRef): void {
  const type = module.typeIndex(FAST_EXIT_TYPE);
  module.define(run, (fn: Fn) => {
    const [record] = fn.params as [Local];
    fn.loop((again) => {
      fn.run(call(loop, record), true);
      fn.set(record, i32.const(0));
      fn.brIf(again, callIndirect(type, ValType.i32, [], i32.const(FAST_EXIT)));
    });
    fn.result(i32.load(i32.const(0), CPU_STATE + cpuState.offset.exit_reason));
  });
  // What the table has there until there is something better.
  const none = module.declare(FAST_EXIT_TYPE.params, FAST_EXIT_TYPE.results, "noFastExit");
  module.define(none, (fn) => fn.result(i32.const(0)));
}
