/** Accesses near one register are translated together, if they are in one page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExitReason } from "../../src/machine/processor.ts";
import type { ProcessorOptions } from "../../src/machine/software-processor.ts";
import { flatMachine } from "../machine/flat-machine.ts";
import { CODE_PAGE, DATA } from "./random-program.ts";

const ITERATIONS = 20_000;
const STACK = DATA + 0x2800;

/** Pushes, uses what it has pushed, calls a subroutine that uses fields of a structure, and pops. */
const PROGRAM = [
  [0xb9, ITERATIONS & 255, ITERATIONS >> 8, 0, 0], // mov ecx, ITERATIONS
  [0x50, 0x53, 0x57], // again: push rax; push rbx; push rdi
  [0x48, 0x01, 0x0c, 0x24], // add [rsp], rcx
  [0x48, 0x8b, 0x54, 0x24, 0x10], // mov rdx, [rsp + 16]
  [0xe8, 11, 0, 0, 0], // call field
  [0x5f, 0x5b, 0x58], // pop rdi; pop rbx; pop rax
  [0x48, 0x31, 0xd0], // xor rax, rdx
  [0xff, 0xc9], // dec ecx
  [0x75, 0xe5], // jnz again
  [0xcc], // int3
  [0x48, 0x89, 0x53, 0x10], // field: mov [rbx + 16], rdx
  [0x48, 0x8d, 0x73, 0x08], // lea rsi, [rbx + 8]
  [0x48, 0x03, 0x56, 0x10], // add rdx, [rsi + 16]
  [0x01, 0x43, 0x10], // add [rbx + 16], eax
  [0xc3], // ret
].flat();

function run(options: ProcessorOptions, rsp: number, structure: number) {
  const { cpu, bytes } = flatMachine(options);
  bytes.set(PROGRAM, CODE_PAGE);
  for (let i = 0; i < 0x4000; i++) bytes[DATA + i] = (i * 37) & 255;
  cpu.gpr.fill(0x0123_4567_89ab_cdefn, 0, 16);
  cpu.gpr[3] = BigInt(structure);
  cpu.gpr[4] = BigInt(rsp);
  cpu.state.rip = BigInt(CODE_PAGE);
  while (cpu.run(2000) === ExitReason.Budget);
  assert.equal(cpu.state.exit_vector, 3);
  const memory = Buffer.from(bytes.subarray(DATA, DATA + 0x4000)).toString("base64");
  return { gpr: [...cpu.gpr], rflags: cpu.rflags, retired: cpu.retired, memory, regions: cpu.statistics.regions };
}

for (const [where, rsp, structure] of [
  ["in one page", STACK, DATA + 0x100],
  ["the stack in two pages", DATA + 0x1000 + 20, DATA + 0x100],
  ["a structure in two pages", STACK, DATA + 0x1000 - 18],
] as const) {
  test(`accesses near one register, ${where}, do the same as one by one`, () => {
    const { regions: none, ...plain } = run({ jit: false }, rsp, structure);
    const { regions, ...compiled } = run({ jitThreshold: 1 }, rsp, structure);
    assert.equal(none, undefined);
    assert.deepEqual(compiled, plain);
    assert.ok(regions && regions.compiled > 0, "nothing was compiled");
    // A region that meets two pages all the time is made again, without windows.
    if (where === "in one page") assert.equal(regions.dropped, 0);
    else assert.ok(regions.dropped > 0 && regions.compiled > regions.dropped, "no region was made again");
  });
}
