/** A stencil placed gives the code that would have been written there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { holeI32, i32, type Local, NodeKind, node, ValType } from "../../src/machine/wasm/expression.ts";
import { ModuleBuilder } from "../../src/machine/wasm/module.ts";
import { StencilFn } from "../../src/machine/wasm/stencil-function.ts";

const { i32: I32 } = ValType;
const SOURCE = 3;
const DESTINATION = 7;
const OWN = 64;
const symbol = (n: number): Local => node(NodeKind.Local, I32, n) as Local;

function run(build: (module: ModuleBuilder) => void, ...args: number[]): unknown {
  const module = new ModuleBuilder();
  build(module);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()));
  return (instance.exports.f as (...a: number[]) => unknown)(...args);
}

test("locals, constants and ways out are those of the place", () => {
  const stencil = new StencilFn(OWN);
  const sum = stencil.let(i32.add(symbol(SOURCE), holeI32(0)));
  stencil.if(i32.gtS(sum, holeI32(1)), () => stencil.flow(5, sum.code));
  stencil.set(symbol(DESTINATION), i32.mul(sum, i32.const(2)));
  assert.deepEqual([...stencil.used].sort(), [SOURCE, OWN, DESTINATION].sort());
  assert.deepEqual([...stencil.assigned].sort(), [OWN, DESTINATION].sort());
  assert.deepEqual([...stencil.constants], [0, 1]);
  assert.deepEqual(stencil.temporaries, [I32]);
  const placed = stencil.stencil();

  const twice = (x: number): unknown =>
    run((module) => {
      module.define(module.declare([I32], [I32], "f"), (fn) => {
        const [a] = fn.params as [Local];
        const result = fn.local(I32);
        fn.block((out) => {
          // The second goes on with what the first has made, in other locals, with other constants.
          for (const [from, to, constants] of [
            [a, result, [10, 1000]],
            [result, a, [-3, 70_000]],
          ] as const) {
            const own = fn.local(I32);
            const locals = new Uint16Array(256);
            locals[SOURCE] = from.code;
            locals[DESTINATION] = to.code;
            locals[OWN] = own.code;
            fn.place(placed, locals, constants, (which, at) => {
              assert.equal(which, 5);
              assert.equal(at, OWN);
              fn.set(a, i32.sub(i32.const(0), own));
              fn.br(out);
            });
          }
        });
        fn.result(a);
      });
    }, x);
  assert.equal(twice(1), ((1 + 10) * 2 - 3) * 2);
  assert.equal(twice(991), -1001);
  assert.equal(twice(990), (1000 * 2 - 3) * 2);
});

test("a local that is read where it has just been set stays on the stack", () => {
  const plain = new ModuleBuilder();
  plain.define(plain.declare([I32], [I32], "f"), (fn) => {
    const [a] = fn.params as [Local];
    fn.result(i32.add(fn.let(i32.add(a, i32.const(1))), a));
  });
  const code = plain.encode();
  // local.tee of local 1, then local.get of the parameter.
  assert.ok(Buffer.from(code).includes(Buffer.from([0x22, 1, 0x20, 0])));
  assert.equal(
    run(
      (module) =>
        module.define(module.declare([I32], [I32], "f"), (fn) => {
          const [a] = fn.params as [Local];
          const b = fn.let(i32.add(a, i32.const(1)));
          // Behind the end of a block nothing is on the stack.
          fn.block(() => fn.set(b, i32.mul(b, i32.const(5))));
          fn.result(b);
        }),
      3,
    ),
    20,
  );
});
