/** IRET in WebAssembly does what its twin in TypeScript does, and does the frequent case itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { copySegment, iret } from "../../src/machine/interpreter/far-transfer.ts";
import { decode, newInsn } from "../../src/machine/x86/decode/index.ts";
import { CS, SS } from "../../src/machine/x86/state.ts";
import { Random } from "../jit/random-program.ts";
import { type FlatMachine, flatMachine } from "./flat-machine.ts";

const CODE = 0x1000;
const GDT = 0x2000;
const STACK = 0x5000;
const CODE_SELECTOR = 0x0b;
const DATA_SELECTOR = 0x13;
const OTHER_CODE = 0x1b;
/** Flat: long-mode code and data of ring 3, accessed. */
const CODE_DESCRIPTOR = 0x00affb000000ffffn;
const DATA_DESCRIPTOR = 0x00cff3000000ffffn;
const IRETQ = [0x48, 0xcf];
const CASES = 1500;

function set(machine: FlatMachine, seed: number): void {
  const { cpu, bytes } = machine;
  const random = new Random(seed);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const often = (usual: bigint, ...rare: bigint[]): bigint => (random.next(6) ? usual : random.pick(rare));
  bytes.set(IRETQ, CODE);
  const descriptors = [
    0n,
    // Not accessed, not present, 32-bit code, data, another base, another limit, ring 0.
    often(
      CODE_DESCRIPTOR,
      0x00affa000000ffffn,
      0x00af7b000000ffffn,
      0x00cffb000000ffffn,
      0x00cff3000000ffffn,
      0x00affb000001ffffn,
      0x00a0fb000000ffffn,
      0x00af9b000000ffffn,
    ),
    often(DATA_DESCRIPTOR, 0x00cff2000000ffffn, 0x00cff1000000ffffn, 0x00cff300000100ffn, 0x004ff3000000ffffn),
    CODE_DESCRIPTOR,
  ];
  for (const [i, d] of descriptors.entries()) view.setBigUint64(GDT + i * 8, d, true);
  const { state } = cpu;
  state.gdtr.base = BigInt(GDT);
  state.gdtr.limit = Number(often(0x1fn, 0x0fn, 0x17n));
  Object.assign(state.segment.get(CS), { selector: CODE_SELECTOR, attributes: 0xafb, limit: 0xffffffff, base: 0n });
  Object.assign(state.segment.get(SS), { selector: DATA_SELECTOR, attributes: 0xcf3, limit: 0xffffffff, base: 0n });
  state.cpl = 3;
  cpu.rflags = often(0x202n, 0x4202n, 0x200202n, 0x602n);
  const at = STACK + random.next(0x2000);
  cpu.gpr[4] = often(BigInt(at & ~7), BigInt(at), 0x7fff_ffff_0000n);
  const frame = [
    often(0x3000n + BigInt(random.next(4096)), 0x8000_0000_0000n, 0x7fff_ffff_ffffn),
    often(BigInt(CODE_SELECTOR), BigInt(OTHER_CODE), 0n, 8n, 0x0fn, 0xfffbn),
    often(0x202n, 0x2n, 0x4202n, 0x200202n, 0x10202n) | BigInt(random.next(4096) & 0x8d5),
    BigInt(random.next(2 ** 32)),
    often(BigInt(DATA_SELECTOR), 0n, 3n, 0x10n, BigInt(OTHER_CODE)),
  ];
  if (cpu.gpr[4] < BigInt(bytes.length)) {
    for (const [i, word] of frame.entries()) view.setBigUint64(Number(cpu.gpr[4]) + i * 8, word, true);
  }
  state.rip = BigInt(CODE);
  state.exit_vector = state.exit_error_code = 0;
}

function outcome({ cpu, bytes }: FlatMachine, faulted: boolean): unknown {
  const { state } = cpu;
  return {
    rip: state.rip,
    rsp: cpu.gpr[4],
    rflags: cpu.rflags,
    cs: copySegment(state, CS),
    ss: copySegment(state, SS),
    gdt: Buffer.from(bytes.subarray(GDT, GDT + 32)).toString("hex"),
    ...(faulted && { vector: state.exit_vector, errorCode: state.exit_error_code }),
  };
}

test("IRET to the same level agrees with its twin", () => {
  const generated = flatMachine({ jit: false });
  const twin = flatMachine({ jit: false });
  const insn = newInsn();
  decode(Uint8Array.from([...IRETQ, ...new Array(16).fill(0)]), 0, 64, insn);
  let completed = 0;
  for (let seed = 1; seed <= CASES; seed++) {
    set(generated, seed * 7919);
    set(twin, seed * 7919);
    generated.cpu.run(1);
    const rip = generated.cpu.state.rip;
    const faulted = rip === BigInt(CODE);
    iret(twin.cpu, insn, 0);
    assert.deepEqual(outcome(generated, faulted), outcome(twin, faulted), `seed ${seed}`);
    if (!faulted) completed++;
  }
  assert.ok(completed > CASES / 4 && completed < CASES, `${completed} of ${CASES} completed`);
});
