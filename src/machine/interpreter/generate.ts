/**
 * Generates the interpreter: one function with a loop and a br_table over the forms that are
 * executed most, and a function for each other form.
 *
 * The forms worth a case are data (hot-forms.ts, from measured frequencies); a form met later gets
 * its function in a small module of its own, linked to the first by the table.
 */
import type { MemoryLayout } from "../layout.ts";
import { ValType } from "../wasm/expression.ts";
import { ModuleBuilder } from "../wasm/module.ts";
import { defineChain, defineGone } from "./chain.ts";
import { defineRunWithFastExits } from "./fast-exit.ts";
import { defineHandler, type Emitted, type FormShape, runtimeFunctions } from "./handlers.ts";
import { defineRun } from "./loop.ts";
import { defineRoots } from "./roots.ts";
import { defineRuntime, type Runtime } from "./runtime.ts";
import { TABLE_SIZE } from "./status.ts";
import { importX87 } from "./x87/index.ts";

const { i32: I32, i64: I64, f64: F64 } = ValType;

/** Imports from TypeScript of the first module. */
export const IMPORTS = {
  decode: { params: [I32], results: [I32] },
  codeWrite: { params: [I32, I32], results: [] },
  hot: { params: [I32], results: [] },
  crossing: { params: [I32, I32], results: [I32] },
  system: { params: [I32, I32], results: [I32] },
  softSse: { params: [I32], results: [I32] },
  tsc: { params: [], results: [F64] },
} as const;

/** What the first module offers to TypeScript. */
export interface InterpreterExports {
  /** Runs from `record` (0: from RIP) until an exit; returns the exit reason. */
  run(record: number): number;
  walk(linear: bigint, access: number, user: number): number;
  slowRead(linear: bigint, size: number): number;
  slowWrite(linear: bigint, size: number): number;
  commitCrossing(): void;
  find(rip: bigint): number;
  getFlags(): number;
  setFlags(flags: number): void;
  /** See roots.ts. */
  loadRoot(maddr: number, pcid: number, keep: number): void;
  selectSet(pcid: number): void;
  flushSet(pcid: number): void;
  entryChanged(index: number, mfn: number): void;
  dropWrites(mfn: number): void;
  /** What takes the place of a region that is gone, see chain.ts. */
  gone(): number;
  /** What FAST_EXIT of the table is until there is something better: 0. */
  noFastExit(): number;
  readonly table: WebAssembly.Table;
}

export interface Generated {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** By position in `functions`: what table entry `position` executes. */
  readonly functions: readonly Emitted[];
}

/**
 * Generates the first module.
 * @param inline forms that get a case in the switch
 * @param functions forms that get a function; those of one instruction that get a case are among them
 * @param profile address of the samples of what is executed, or 0; see form-profile.ts
 */
export function generateInterpreter(
  layout: MemoryLayout,
  inline: readonly FormShape[],
  functions: readonly FormShape[],
  profile = 0,
): Generated {
  const module = new ModuleBuilder();
  module.importMemory(layout.size / 65536);
  const imports = {
    decode: module.importFunction("decode", IMPORTS.decode.params, IMPORTS.decode.results),
    codeWrite: module.importFunction("codeWrite", IMPORTS.codeWrite.params, IMPORTS.codeWrite.results),
    hot: module.importFunction("hot", IMPORTS.hot.params, IMPORTS.hot.results),
    crossing: module.importFunction("crossing", IMPORTS.crossing.params, IMPORTS.crossing.results),
    system: module.importFunction("system", IMPORTS.system.params, IMPORTS.system.results),
    softSse: module.importFunction("softSse", IMPORTS.softSse.params, IMPORTS.softSse.results),
    tsc: module.importFunction("tsc", IMPORTS.tsc.params, IMPORTS.tsc.results),
  };
  module.ownTable(TABLE_SIZE + 1);
  const runtime = defineRuntime(module, layout, imports);
  defineRoots(module, layout, runtime.walk);
  const handlerType = module.typeIndex({ params: [I32], results: [I32] });
  const run = module.declare([I32], [I32], "run");
  const regionType = module.typeIndex({ params: [I32], results: [I32] });
  const chain = module.declare([I32], [I32]);
  module.define(chain, (fn) => defineChain(fn, regionType, imports.hot));
  module.define(module.declare([I32], [I32], "gone"), defineGone);
  const refs = { runtime, hot: imports.hot, handlerType, chain };
  const loop = module.declare([I32], [I32]);
  module.define(loop, (fn) => defineRun(fn, refs, inline, profile));
  defineRunWithFastExits(module, run, loop);
  const callees = { runtime, system: imports.system, named: runtimeFunctions(runtime) };
  const emitted = functions.map((shape) => {
    const ref = module.declare([I32], [I32]);
    module.element(ref);
    return defineHandler(module, ref, shape, callees);
  });
  return { bytes: module.encode(), functions: emitted };
}

/** Generates a module with the functions of more forms, exported as "0", "1", ... */
export function generateHandlers(
  layout: MemoryLayout,
  shapes: readonly FormShape[],
): { bytes: Uint8Array<ArrayBuffer>; forms: Emitted[] } {
  const module = new ModuleBuilder();
  module.importMemory(layout.size / 65536);
  const system = module.importFunction("system", IMPORTS.system.params, IMPORTS.system.results);
  const runtime: Runtime = {
    walk: module.importFunction("walk", [I64, I32, I32], [I32]),
    slowRead: module.importFunction("slowRead", [I64, I32], [I32]),
    slowWrite: module.importFunction("slowWrite", [I64, I32], [I32]),
    commitCrossing: module.importFunction("commitCrossing", [], []),
    find: module.importFunction("find", [I64], [I32]),
    crossing: system,
    getFlags: module.importFunction("getFlags", [], [I32]),
    setFlags: module.importFunction("setFlags", [I32], [I32]),
    softSse: module.importFunction("softSse", IMPORTS.softSse.params, IMPORTS.softSse.results),
    tsc: module.importFunction("tsc", IMPORTS.tsc.params, IMPORTS.tsc.results),
    sameLevelIret: module.importFunction("sameLevelIret", [], [I32]),
    x87: importX87(module, shapes.flat()),
  };
  const callees = { runtime, system, named: runtimeFunctions(runtime) };
  const forms = shapes.map((shape, i) =>
    defineHandler(module, module.declare([I32], [I32], String(i)), shape, callees),
  );
  return { bytes: module.encode(), forms };
}
