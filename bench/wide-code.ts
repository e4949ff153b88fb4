/**
 * Why wide code is slow: nanoseconds an instruction by how much code is executed in turns.
 *
 * 1. The interpreter, on straight code of one form and of twelve: with one it hardly matters how many instructions there are, so it
 *    is not reading their records; with twelve the host foresees the dispatches of some thousand instructions, and no more.
 * 2. Compiled code, made as regions are, called in a random order: what matters is how much of the host's second cache it takes.
 *
 *     npx tsx bench/wide-code.ts
 */
import { i32, i64, type Local, StoreOp, ValType } from "../src/machine/wasm/expression.ts";
import type { Fn, Label } from "../src/machine/wasm/function.ts";
import { callIndirect, ModuleBuilder } from "../src/machine/wasm/module.ts";
import { Random } from "../tests/jit/random-program.ts";
import { flatMachine } from "../tests/machine/flat-machine.ts";
import { median } from "./report/statistics.ts";

const timed = (work: () => void): number => {
  const start = performance.now();
  work();
  return performance.now() - start;
};

// --- The interpreter ---------------------------------------------------------------------------

const CODE = 0x8000;
const DATA = 0x6000;

/** One of the first `forms` kinds of instructions, with random registers; RBX has the address of the data. */
function instruction(random: Random, forms: number): number[] {
  const [a, b] = [random.pick([0, 1, 2, 6, 7]), random.pick([0, 1, 2, 6, 7])];
  const registers = 0xc0 | (a << 3) | b;
  const field = [0x43 | (a << 3), random.next(12) * 8];
  return [
    [0x48, 0x89, registers], // mov
    [0x48, 0x01, registers], // add
    [0x31, registers], // xor, 32 bits
    [0x48, 0x8d, ...field], // lea
    [0x48, 0x8b, ...field], // load
    [0x48, 0x89, ...field], // store
    [0x48, 0x21, registers], // and
    [0x48, 0x83, 0xc0 | a, random.next(100)], // add, immediate
    [0x85, registers], // test, 32 bits
    [0x48, 0xc1, 0xe0 | a, random.next(8)], // shl
    [0x89, registers], // mov, 32 bits
    [0x48, 0x29, registers], // sub
  ][random.next(forms)] as number[];
}

const rel32 = (n: number): number[] => [n & 255, (n >> 8) & 255, (n >> 16) & 255, (n >> 24) & 255];

/** Nanoseconds an instruction of a loop of so many instructions. */
function interpreted(count: number, forms: number): number {
  const random = new Random(12345);
  const { cpu, bytes } = flatMachine({ jit: false });
  const code = [0x48, 0xbb, ...rel32(DATA), 0, 0, 0, 0];
  const top = CODE + code.length;
  for (let n = 0; n < count; n++) {
    const next = instruction(random, forms);
    const room = 0x1000 - ((CODE + code.length) & 0xfff);
    // None crosses into the next page: that is another matter.
    if (room < 16) code.push(0xe9, ...rel32(room - 5), ...new Array<number>(room - 5).fill(0x90));
    else code.push(...next);
  }
  code.push(0xe9, ...rel32(top - (CODE + code.length + 5)));
  bytes.set(code, CODE);
  cpu.state.rip = BigInt(CODE);
  cpu.run(2_000_000);
  const times = Array.from({ length: 5 }, () => {
    const before = cpu.retired;
    return (timed(() => cpu.run(3_000_000)) * 1e6) / (cpu.retired - before);
  });
  return median(times);
}

// --- Compiled code -----------------------------------------------------------------------------

const STATE = 0x1000;
const TLB = 0x1100;
const ORDER = 0x100000;
const REGIONS = 4000;
const STEPS = 60;
const BATCH = 32;
const { i32: I32 } = ValType;

/** Loads registers, does some sixty things to them, half of them loads by a look in a TLB that always hits, and stores them. */
function region(fn: Fn, random: Random, number: number): void {
  const registers = Array.from({ length: 8 }, (_, i) => fn.let(i64.load(i32.const(0), STATE + 8 * i)));
  const tlb = fn.let(i32.load(i32.const(0), TLB));
  fn.block((out: Label) => {
    for (let step = 0; step < STEPS; step++) {
      const [a, b, c] = [random.pick(registers), random.pick(registers), random.pick(registers)];
      if (random.next(2) === 0) {
        const mixed = i64.sub(i64.xor(a, b), i64.const(step));
        fn.set(c, i64.and(random.next(2) ? i64.add(a, b) : mixed, i64.const(0x7f8)));
        continue;
      }
      const entry = fn.let(i32.add(i32.and(i32.wrap(i64.shrU(a, i64.const(8))), i32.const(0xff0)), tlb));
      const page = i64.and(i64.add(a, i64.const(7)), i64.const(~0xfffn));
      fn.if(i64.ne(i64.load(entry), page), () => {
        fn.set(a, i64.const(step));
        fn.br(out);
      });
      fn.set(b, i64.load(i32.add(i32.load(entry, 8), i32.wrap(a)), 0x2000));
    }
  });
  registers.forEach((r, i) => {
    fn.store(StoreOp.i64, i32.const(0), r, STATE + 8 * i);
  });
  fn.result(i32.const(number));
}

function compileRegions(memory: WebAssembly.Memory, table: WebAssembly.Table): void {
  const random = new Random(12345);
  for (let first = 0; first < REGIONS; first += BATCH) {
    const module = new ModuleBuilder();
    module.importMemory(64);
    for (let i = 0; i < BATCH; i++) {
      module.define(module.declare([], [I32], String(i)), (fn) => region(fn, random, first + i));
    }
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), { e: { memory } });
    for (let i = 0; i < BATCH; i++) table.set(first + i, exports[String(i)]);
  }
}

/** run(from, to): calls the regions whose numbers are in memory there. */
function compileDriver(memory: WebAssembly.Memory, table: WebAssembly.Table): (from: number, to: number) => void {
  const module = new ModuleBuilder();
  module.importMemory(64);
  module.importTable();
  const type = module.typeIndex({ params: [], results: [I32] });
  module.define(module.declare([I32, I32], [I32], "run"), (fn) => {
    const [at, to] = fn.params as [Local, Local];
    fn.loop((again) => {
      fn.run(callIndirect(type, I32, [], i32.load(at)), true);
      fn.set(at, i32.add(at, i32.const(4)));
      fn.brIf(again, i32.ltU(at, to));
    });
    fn.result(i32.const(0));
  });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), { e: { memory, table } });
  return exports.run as (from: number, to: number) => void;
}

/** Puts the numbers below `count` into memory, in a random order. */
function shuffle(memory: WebAssembly.Memory, count: number): void {
  const random = new Random(12345);
  const order = new Uint32Array(memory.buffer, ORDER, count).map((_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.next(i + 1);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  new Uint32Array(memory.buffer, ORDER, count).set(order);
}

async function compiled(counts: readonly number[]): Promise<void> {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536 });
  const table = new WebAssembly.Table({ initial: REGIONS, element: "anyfunc" });
  compileRegions(memory, table);
  const run = compileDriver(memory, table);
  // Until V8 has optimized all of them, in its other threads.
  shuffle(memory, REGIONS);
  for (let i = 0; i < 40; i++) {
    for (let n = 0; n < 40; n++) run(ORDER, ORDER + 4 * REGIONS);
    await new Promise((done) => setTimeout(done, 100));
  }
  for (const count of counts) {
    shuffle(memory, count);
    const turns = Math.ceil(200_000 / count);
    const once = (): number =>
      timed(() => {
        for (let n = 0; n < turns; n++) run(ORDER, ORDER + 4 * count);
      });
    once();
    const time = median(Array.from({ length: 5 }, once));
    console.log(`| ${count} | ${((time * 1e6) / (turns * count * STEPS)).toFixed(1)} |`);
  }
}

console.log("| Interpreted instructions | ns each, of one form | of twelve |\n| --: | --: | --: |");
for (const count of [200, 1000, 4000, 16_000, 48_000]) {
  console.log(`| ${count} | ${interpreted(count, 1).toFixed(1)} | ${interpreted(count, 12).toFixed(1)} |`);
}
console.log(`\n| Compiled regions of ${STEPS} operations | ns an operation |\n| --: | --: |`);
await compiled([16, 128, 256, 500, 1000, 2000, 4000]);
