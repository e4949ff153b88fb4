/** Finds where two results of the same case differ in what the architecture defines. */
import {
  EXC_AC,
  EXC_GP,
  EXC_PF,
  EXC_SS,
  EXCEPTIONS_WITH_ERROR_CODE,
  FLAG_RF,
  FLAG_TF,
  PF_PRESENT,
  PF_WRITE,
} from "../../src/machine/x86/state.ts";
import type { Instance } from "./generate.ts";
import {
  backgroundMemory,
  type Case,
  DATA_BASE,
  EXECUTED,
  FX_FCW,
  FX_FSW,
  FX_FTW,
  FX_MXCSR,
  FX_ST,
  FX_XMM,
  RESULT_FX,
  type Result,
} from "./record.ts";
import {
  approximate,
  transcendental,
  undefinedFlags,
  undefinedX87,
  unspecifiedFaultAddress,
  unspecifiedMemory,
  unspecifiedPartialResult,
} from "./undefined.ts";

const REGISTERS = [
  "rax",
  "rcx",
  "rdx",
  "rbx",
  "rsp",
  "rbp",
  "rsi",
  "rdi",
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
];
/** Exceptions of memory accesses. Which part of a large operand is accessed first decides between them. */
const MEMORY_FAULTS: ReadonlySet<number> = new Set([EXC_SS, EXC_GP, EXC_PF, EXC_AC]);
const LINUX_TASK_SIZE = 0x7ffffffff000n;
const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
const background = backgroundMemory();
const expected = Buffer.alloc(background.length);
const expectedView = new DataView(expected.buffer, expected.byteOffset);

const vectorName = (vector: number): string =>
  vector === EXECUTED ? "executed" : vector >= 256 ? `exit reason ${vector - 256}` : `exception ${vector}`;

function bytesHex(bytes: Uint8Array): string {
  let s = "";
  for (let i = bytes.length - 1; i >= 0; i--) s += (bytes[i] ?? 0).toString(16).padStart(2, "0");
  return s;
}

/** Memory as the real processor left it. */
function expectMemory(c: Case, native: Result): void {
  expected.set(background);
  for (let i = 0; i < 2; i++) if (c.patchAddress(i) !== 0) expected.set(c.patchData(i), c.patchAddress(i) - DATA_BASE);
  for (let i = 0; i < native.changeCount; i++) {
    const { address, value } = native.change(i);
    expectedView.setBigUint64(address - DATA_BASE, value, true);
  }
}

function compareMemory(instance: Instance, c: Case, native: Result, ours: Uint8Array, differences: string[]): void {
  expectMemory(c, native);
  for (const [from, to] of unspecifiedMemory(instance)) {
    const at = Number(from - BigInt(DATA_BASE));
    const end = Number(to - BigInt(DATA_BASE));
    if (at >= 0 && end <= expected.length) expected.set(ours.subarray(at, end), at);
  }
  if (expected.equals(ours)) return;
  for (let at = 0; at < expected.length; at += 8) {
    const e = expected.subarray(at, at + 8);
    const o = ours.subarray(at, at + 8);
    if (!e.equals(o)) differences.push(`[${hex(DATA_BASE + at)}] ${bytesHex(o)}, expected ${bytesHex(e)}`);
  }
}

/** Four floats each of which is the same within the error that RCPPS and RSQRTPS may have, 1.5 * 2^-12 each. */
function closeVectors(a: Result, b: Result, at: number): boolean {
  for (let lane = at; lane < at + 16; lane += 4) {
    if (a.dv.getUint32(lane, true) === b.dv.getUint32(lane, true)) continue;
    const [x, y] = [a.dv.getFloat32(lane, true), b.dv.getFloat32(lane, true)];
    if (!(Math.abs(x - y) <= Math.abs(x) * 3 * 2 ** -12)) return false;
  }
  return true;
}

/** Extended values with significands that differ by one. */
function differByOneBit(a: Result, b: Result, at: number): boolean {
  if (a.dv.getUint16(at + 8, true) !== b.dv.getUint16(at + 8, true)) return false;
  const difference = a.dv.getBigUint64(at, true) - b.dv.getBigUint64(at, true);
  return difference === 1n || difference === -1n;
}

function compareFx(instance: Instance, c: Case, native: Result, ours: Result, differences: string[]): void {
  const e = native.bytes.subarray(RESULT_FX, RESULT_FX + 416);
  const o = ours.bytes.subarray(RESULT_FX, RESULT_FX + 416);
  const field = (name: string, at: number, size: number, ignore = 0): void => {
    const get = (r: Result): number =>
      size === 1
        ? r.dv.getUint8(RESULT_FX + at)
        : size === 2
          ? r.dv.getUint16(RESULT_FX + at, true)
          : r.dv.getUint32(RESULT_FX + at, true);
    const [expectedValue, value] = [get(native) & ~ignore, get(ours) & ~ignore];
    if (expectedValue !== value) differences.push(`${name} ${hex(value)}, expected ${hex(expectedValue)}`);
  };
  field("fcw", FX_FCW, 2);
  field("fsw", FX_FSW, 2, undefinedX87(instance, c));
  field("ftw", FX_FTW, 1);
  field("mxcsr", FX_MXCSR, 4);
  const block = (name: string, at: number, size: number): void => {
    for (let i = 0; i < size; i++) {
      if (e[at + i] !== o[at + i]) {
        differences.push(
          `${name} ${bytesHex(o.subarray(at, at + size))}, expected ${bytesHex(e.subarray(at, at + size))}`,
        );
        return;
      }
    }
  };
  const close = transcendental.has(instance.form.def.mnemonic);
  for (let i = 0; i < 8; i++) {
    if (!close || !differByOneBit(native, ours, RESULT_FX + FX_ST + i * 16)) block(`st${i}`, FX_ST + i * 16, 10);
  }
  const rough = approximate.has(instance.form.def.mnemonic);
  for (let i = 0; i < 16; i++) {
    if (!rough || !closeVectors(native, ours, RESULT_FX + FX_XMM + i * 16)) block(`xmm${i}`, FX_XMM + i * 16, 16);
  }
}

/** All differences, as "name value, expected value". */
export function compare(instance: Instance, c: Case, native: Result, ours: Result, memory: Uint8Array): string[] {
  const differences: string[] = [];
  if (native.vector !== ours.vector) {
    if (MEMORY_FAULTS.has(native.vector) && MEMORY_FAULTS.has(ours.vector) && unspecifiedFaultAddress(instance))
      return differences;
    return [
      `${vectorName(ours.vector)} (rip ${hex(ours.rip)}), expected ${vectorName(native.vector)} (rip ${hex(native.rip)}, error code ${hex(native.errorCode)}, cr2 ${hex(native.cr2)})`,
    ];
  }
  const check = (name: string, value: bigint | number, wanted: bigint | number): void => {
    if (value !== wanted) differences.push(`${name} ${hex(value)}, expected ${hex(wanted)}`);
  };
  if (native.vector !== EXECUTED && (EXCEPTIONS_WITH_ERROR_CODE >> native.vector) & 1) {
    let ignored = 0;
    if (native.vector === EXC_PF) {
      // Linux pretends that pages beyond its user space are present.
      if (native.cr2 >= LINUX_TASK_SIZE) ignored = PF_PRESENT;
      if (unspecifiedFaultAddress(instance)) ignored = PF_PRESENT | PF_WRITE;
    }
    check("error code", ours.errorCode | ignored, native.errorCode | ignored);
  }
  if (native.vector === EXC_PF && !unspecifiedFaultAddress(instance)) check("cr2", ours.cr2, native.cr2);
  check("rip", ours.rip, native.rip);
  // A fault leaves the flags alone, except RF (SDM vol. 3 §17.3.1.1); TF is the harness's.
  const ignored = BigInt(FLAG_TF | FLAG_RF | (native.vector === EXECUTED ? undefinedFlags(instance, c) : 0));
  check("rflags", ours.rflags & ~ignored, native.rflags & ~ignored);
  for (let i = 0; i < 16; i++) check(REGISTERS[i] ?? "", ours.gpr(i), native.gpr(i));
  check("fs base", ours.dv.getBigUint64(32, true), native.dv.getBigUint64(32, true));
  check("gs base", ours.dv.getBigUint64(40, true), native.dv.getBigUint64(40, true));
  if (native.vector === EXECUTED || !unspecifiedPartialResult(instance)) {
    compareFx(instance, c, native, ours, differences);
    compareMemory(instance, c, native, memory, differences);
  }
  return differences;
}

/** A case in words: bytes and the state before. */
export function describeCase(instance: Instance, c: Case): string {
  const code = [...c.code].map((b) => b.toString(16).padStart(2, "0")).join(" ");
  const registers = REGISTERS.map((name, i) => `${name}=${hex(c.gpr[i] ?? 0n)}`).join(" ");
  const patches = [0, 1]
    .filter((i) => c.patchAddress(i) !== 0)
    .map(
      (i) =>
        `    [${hex(c.patchAddress(i))}] ${[...c.patchData(i)].map((b) => b.toString(16).padStart(2, "0")).join("")}\n`,
    );
  const fx = [
    `fcw=${hex(c.dv.getUint16(320, true))} fsw=${hex(c.dv.getUint16(322, true))} ftw=${hex(c.bytes[324] ?? 0)} mxcsr=${hex(c.mxcsr)}`,
  ];
  for (let i = 0; i < 8; i++) fx.push(`st${i}=${bytesHex(c.fx.subarray(FX_ST + i * 16, FX_ST + i * 16 + 10))}`);
  for (let i = 0; i < 16; i++) fx.push(`xmm${i}=${bytesHex(c.fx.subarray(FX_XMM + i * 16, FX_XMM + i * 16 + 16))}`);
  return `  ${code}  at ${hex(c.rip)}${instance.memory ? `, operand at ${hex(instance.target)}` : ""}, rflags=${hex(c.rflags)} fs=${hex(c.fsBase)} gs=${hex(c.gsBase)}\n    ${registers}\n    ${fx.join(" ")}\n${patches.join("")}`;
}
