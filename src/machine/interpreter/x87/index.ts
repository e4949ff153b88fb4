/**
 * The x87 functions of the runtime (docs/engine.md, "x87"): the frequent cases of each operation, for
 * the interpreter and for compiled regions. What they are called with: x86/semantics/x87-functions.ts.
 */
import { ValType } from "../../wasm/expression.ts";
import type { Fn } from "../../wasm/function.ts";
import type { FunctionRef, ModuleBuilder } from "../../wasm/module.ts";
import type { Insn } from "../../x86/insn.ts";
import { x87Arithmetic } from "../../x86/semantics/x87-arithmetic.ts";
import type { X87Function } from "../../x86/semantics/x87-functions.ts";
import { defineAdd, defineDivide, defineMultiply, defineSquareRoot } from "./arithmetic.ts";
import { defineCompare } from "./compare.ts";
import { defineFromDouble, defineFromInteger, defineFromParts, defineFromSingle } from "./operands.ts";
import { defineRoundToInteger, defineStoreDouble, defineStoreInteger, defineStoreSingle } from "./store.ts";
import {
  defineChangeSign,
  defineCopy,
  defineExchange,
  defineMove,
  definePush,
  definePushExtended,
  definePushRegister,
  defineStoreExtended,
} from "./transfer.ts";

const { i32: I32, i64: I64 } = ValType;

interface X87Definition {
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
  readonly define: (fn: Fn) => void;
}

const withStatus = (params: readonly ValType[], define: (fn: Fn) => void): X87Definition => ({
  params,
  results: [I32],
  define,
});

const setsTemporary = (params: readonly ValType[], define: (fn: Fn) => void): X87Definition => ({
  params,
  results: [],
  define,
});

const definitions: Readonly<Record<X87Function, X87Definition>> = {
  x87FromSingle: setsTemporary([I32], defineFromSingle),
  x87FromDouble: setsTemporary([I64], defineFromDouble),
  x87FromInteger: setsTemporary([I64], defineFromInteger),
  x87FromParts: setsTemporary([I32, I64], defineFromParts),
  x87Push: withStatus([], definePush),
  x87PushRegister: withStatus([I32], definePushRegister),
  x87PushExtended: withStatus([I32], definePushExtended),
  x87Copy: withStatus([I32, I32], defineCopy),
  x87Exchange: withStatus([I32], defineExchange),
  x87Move: withStatus([I32, I32], defineMove),
  x87ChangeSign: withStatus([I32, I32], defineChangeSign),
  x87StoreSingle: withStatus([I32, I32], defineStoreSingle),
  x87StoreDouble: withStatus([I32, I32], defineStoreDouble),
  x87StoreExtended: withStatus([I32, I32], defineStoreExtended),
  x87StoreInteger: withStatus([I32, I32, I32, I32], defineStoreInteger),
  x87RoundToInteger: withStatus([], defineRoundToInteger),
  x87Add: withStatus([I32, I32, I32, I32, I32], defineAdd),
  x87Multiply: withStatus([I32, I32, I32], defineMultiply),
  x87Divide: withStatus([I32, I32, I32, I32], defineDivide),
  x87SquareRoot: withStatus([], defineSquareRoot),
  x87Compare: withStatus([I32, I32, I32], defineCompare),
};

/** By name; none for code that does not call them. */
export type X87Functions = Readonly<Record<string, FunctionRef>>;

/** Defines and exports them. */
export function defineX87(module: ModuleBuilder): X87Functions {
  const functions: Record<string, FunctionRef> = {};
  for (const [name, { params, results, define }] of Object.entries(definitions)) {
    const ref = module.declare(params, results, name);
    module.define(ref, define);
    functions[name] = ref;
  }
  return functions;
}

/** Imports them from the module that defines them, if any of the instructions may call them. */
export function importX87(module: ModuleBuilder, insns: Iterable<Insn>): X87Functions {
  const functions: Record<string, FunctionRef> = {};
  let wanted = false;
  for (const { def } of insns) wanted ||= Object.hasOwn(x87Arithmetic, def.mnemonic);
  if (!wanted) return functions;
  for (const [name, { params, results }] of Object.entries(definitions)) {
    functions[name] = module.importFunction(name, params, results);
  }
  return functions;
}
