/** Whatever a guest executes, the processor goes on or raises an exception; it neither throws nor grows without bound. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CodeCache } from "../../src/machine/interpreter/code-cache.ts";
import { FLAG_AC, FLAG_TF, RBP, RSP } from "../../src/machine/x86/state.ts";
import { instructionTable } from "../../src/machine/x86/table/index.ts";
import { randomNumbers, writeEncoding } from "../decode/generate.ts";
import { CODE, DATA, UserMachine } from "./machine.ts";

const ALL = new Set(instructionTable.map((def) => def.feature));

/** Fills registers with addresses of the data, of code (which then modifies itself), and with anything. */
function scramble({ cpu }: UserMachine, random: () => number): void {
  for (let i = 0; i < 16; i++) {
    const kind = random() % 4;
    const low = BigInt(random() % 8192);
    if (kind === 0) cpu.gpr[i] = (BigInt(random()) << 32n) | BigInt(random() >>> 0);
    else if (kind === 1) cpu.gpr[i] = CODE + low;
    else cpu.gpr[i] = DATA + low;
  }
  cpu.gpr[RSP] = DATA + BigInt(random() % 8192);
  cpu.gpr[RBP] = DATA + BigInt(random() % 8192);
}

test("streams of random instructions", () => {
  const machine = new UserMachine({ features: ALL });
  const { cpu, memory } = machine;
  const random = randomNumbers(1);
  const defs = instructionTable.filter((def) => def.mode !== "not64");
  const exits = new Map<number, number>();
  for (let round = 0; round < 60; round++) {
    const code = memory.u8.subarray(machine.code, machine.code + 8192);
    for (let at = 0; at < code.length; at++) code[at] = random() >>> 8;
    // Most of it decodes.
    for (let at = 0; at < code.length - 64; at += 1 + (random() % 8)) {
      writeEncoding(defs[random() % defs.length]!, random, code, at, true);
    }
    machine.load("");
    for (let run = 0; run < 60; run++) {
      scramble(machine, random);
      cpu.state.rip = CODE + BigInt(random() % 8192);
      cpu.rflags = BigInt(2 | (random() & 0x4d5) | (run % 8 === 0 ? FLAG_AC : 0) | (run % 8 === 1 ? FLAG_TF : 0));
      const reason = cpu.run(200);
      exits.set(reason, (exits.get(reason) ?? 0) + 1);
    }
  }
  assert.ok((exits.get(1) ?? 0) > 100, `exceptions: ${[...exits]}`);
});

test("more forms of instructions than there is room for", () => {
  const machine = new UserMachine({ features: ALL, jit: false });
  const { cpu } = machine;
  const rooms: number[] = [];
  let executed = 0;
  // ALU operations on memory, in all shapes of address, with CMOVcc and SETcc.
  const opcodes: number[][] = [];
  for (let op = 0; op < 8; op++) for (let form = 0; form < 4; form++) opcodes.push([op * 8 + form]);
  // Shifts, bit tests, exchanges, multiplications.
  opcodes.push([0xd2], [0xd3], [0xc0], [0xc1], [0xd0], [0xd1], [0x69], [0x6b], [0x84], [0x85], [0x86], [0x87]);
  opcodes.push([0x0f, 0xa3], [0x0f, 0xab], [0x0f, 0xb3], [0x0f, 0xbb], [0x0f, 0xa4], [0x0f, 0xa5], [0x0f, 0xac]);
  opcodes.push([0x0f, 0xaf], [0x0f, 0xb0], [0x0f, 0xb1], [0x0f, 0xc0], [0x0f, 0xc1], [0x0f, 0xbc], [0x0f, 0xbd]);
  opcodes.push([0x80], [0x81], [0x83], [0x88], [0x8a], [0x8d], [0xc6], [0xc7], [0xf6], [0xf7], [0xfe], [0xff]);
  for (const extend of [0xb6, 0xb7, 0xbe, 0xbf]) opcodes.push([0x0f, extend]);
  for (let cc = 0; cc < 16; cc++) opcodes.push([0x0f, 0x40 + cc], [0x0f, 0x90 + cc]);
  const shapes = [[0x00], [0x40, 0x10], [0x04, 0x08], [0x04, 0x25, 0, 0, 0, 0], [0x04, 0x0d, 0, 0, 0, 0], [0xc0]];
  const prefixes = [[], [0x66], [0x48]].flatMap((size) =>
    [[], [0x67]].flatMap((a) => [[], [0x64]].map((s) => [...s, ...a, ...size])),
  );
  for (const prefix of prefixes) {
    for (const opcode of opcodes) {
      for (const shape of shapes) {
        const bytes = [...prefix, ...opcode, ...shape];
        machine.memory.u8.set(bytes, machine.code + (executed % 100) * 16);
        cpu.frameWritten(machine.code >>> 12);
        cpu.state.rip = CODE + BigInt((executed % 100) * 16);
        for (let i = 0; i < 16; i++) cpu.gpr[i] = i === 1 ? 0n : DATA;
        cpu.run(1);
        rooms.push(cpu.forms.room);
        executed++;
      }
    }
  }
  assert.ok(rooms.every((room) => room > 0));
  assert.ok(
    rooms.some((room, i) => i > 0 && room > (rooms[i - 1] ?? 0)),
    `some forms were forgotten (least room: ${Math.min(...rooms)})`,
  );
});

test("an instruction across two pages that is decoded again and again", () => {
  const machine = new UserMachine();
  const { cpu, memory } = machine;
  machine.load("dd03", 0xfff); // FLD m64, executed in TypeScript
  assert.ok(cpu.code instanceof CodeCache);
  for (let i = 0; i < 70_000; i++) {
    memory.u8[machine.code + 4096] = 0x03;
    cpu.frameWritten((machine.code >>> 12) + 1);
    cpu.state.rip = CODE + 0xfffn;
    cpu.gpr[3] = DATA;
    cpu.run(1);
  }
  assert.ok(cpu.statistics.code.flushes > 0, "what was kept was dropped");
});
