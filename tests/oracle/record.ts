/**
 * What one case is and what comes out of it: the binary formats that the native
 * harness (native/harness.c) reads and writes, and the address map it executes in.
 */

/** Two pages of code, readable, writable and executable; the pages around them are not mapped. */
export const CODE_BASE = 0x10000000;
export const CODE_SIZE = 0x2000;
/** Two read-write pages of data, then a read-only one; the pages around them are not mapped. */
export const DATA_BASE = 0x20000000;
export const DATA_SIZE = 0x2000;
export const READ_ONLY_BASE = DATA_BASE + DATA_SIZE;
export const READ_ONLY_SIZE = 0x1000;
export const UNMAPPED_BELOW = DATA_BASE - 0x1000;
export const UNMAPPED_ABOVE = READ_ONLY_BASE + READ_ONLY_SIZE;

export const PATCH_SIZE = 64;
/** The part of an FXSAVE image that has a meaning (SDM vol. 1 table 10-2). */
export const FX_SIZE = 416;
export const FX_FCW = 0,
  FX_FSW = 2,
  FX_FTW = 4,
  FX_FOP = 6,
  FX_FIP = 8,
  FX_FDP = 16,
  FX_MXCSR = 24,
  FX_ST = 32,
  FX_XMM = 160;

/** Segment selectors of the native process: those of a 64-bit Linux task. */
export const USER_CS = 0x33;
export const USER_SS = 0x2b;

// Offsets in a case.
export const CASE_SIZE = 744;
export const CASE_RIP = 0;
export const CASE_LENGTH = 8;
export const CASE_CODE = 9;
export const CASE_RFLAGS = 24;
export const CASE_FS_BASE = 32;
export const CASE_GS_BASE = 40;
export const CASE_GPR = 48;
export const CASE_PATCH = 176;
export const CASE_FX = 320;
export const CASE_FLAGS = 736;
/** Flag: executed with TF set, not with an INT3 behind it: branches, and instructions at the end of the code pages. */
export const CASE_SINGLE_STEP = 1;

// Offsets in a result, which is followed by its changed words, { u64 address, u64 value } each.
export const RESULT_SIZE = 608;
export const RESULT_VECTOR = 0;
export const RESULT_ERROR_CODE = 4;
export const RESULT_CR2 = 8;
export const RESULT_RIP = 16;
export const RESULT_RFLAGS = 24;
export const RESULT_FS_BASE = 32;
export const RESULT_GS_BASE = 40;
export const RESULT_GPR = 48;
/** cs, ss, ds, es, fs, gs. */
export const RESULT_SELECTORS = 176;
export const RESULT_CHANGES = 188;
export const RESULT_FX = 192;

/** `RESULT_VECTOR` when the instruction was executed: the trap of the single step. */
export const EXECUTED = 1;

/** Typed access to one case in a buffer of cases. */
export class Case {
  readonly bytes: Uint8Array;
  readonly dv: DataView;
  readonly gpr: BigUint64Array;

  constructor(buffer: ArrayBuffer, index: number) {
    const at = index * CASE_SIZE;
    this.bytes = new Uint8Array(buffer, at, CASE_SIZE);
    this.dv = new DataView(buffer, at, CASE_SIZE);
    this.gpr = new BigUint64Array(buffer, at + CASE_GPR, 16);
  }
  get rip(): bigint {
    return this.dv.getBigUint64(CASE_RIP, true);
  }
  set rip(value: bigint) {
    this.dv.setBigUint64(CASE_RIP, value, true);
  }
  get code(): Uint8Array {
    return this.bytes.subarray(CASE_CODE, CASE_CODE + (this.bytes[CASE_LENGTH] ?? 0));
  }
  set code(value: Uint8Array) {
    this.bytes[CASE_LENGTH] = value.length;
    this.bytes.set(value, CASE_CODE);
  }
  get rflags(): bigint {
    return this.dv.getBigUint64(CASE_RFLAGS, true);
  }
  set rflags(value: bigint) {
    this.dv.setBigUint64(CASE_RFLAGS, value, true);
  }
  get fsBase(): bigint {
    return this.dv.getBigUint64(CASE_FS_BASE, true);
  }
  set fsBase(value: bigint) {
    this.dv.setBigUint64(CASE_FS_BASE, value, true);
  }
  get gsBase(): bigint {
    return this.dv.getBigUint64(CASE_GS_BASE, true);
  }
  set gsBase(value: bigint) {
    this.dv.setBigUint64(CASE_GS_BASE, value, true);
  }
  get fx(): Uint8Array {
    return this.bytes.subarray(CASE_FX, CASE_FX + FX_SIZE);
  }
  get mxcsr(): number {
    return this.dv.getUint32(CASE_FX + FX_MXCSR, true);
  }
  set mxcsr(value: number) {
    this.dv.setUint32(CASE_FX + FX_MXCSR, value, true);
  }
  get singleStep(): boolean {
    return (this.dv.getUint32(CASE_FLAGS, true) & CASE_SINGLE_STEP) !== 0;
  }
  set singleStep(value: boolean) {
    this.dv.setUint32(CASE_FLAGS, value ? CASE_SINGLE_STEP : 0, true);
  }
  patchAddress(n: number): number {
    return Number(this.dv.getBigUint64(CASE_PATCH + n * (8 + PATCH_SIZE), true));
  }
  patchData(n: number): Uint8Array {
    const at = CASE_PATCH + n * (8 + PATCH_SIZE) + 8;
    return this.bytes.subarray(at, at + PATCH_SIZE);
  }
  /** Places patch `n`; its window is moved so that it lies inside the writable data. */
  setPatch(n: number, address: number): Uint8Array {
    const at = Math.max(DATA_BASE, Math.min(address, DATA_BASE + DATA_SIZE - PATCH_SIZE));
    this.dv.setBigUint64(CASE_PATCH + n * (8 + PATCH_SIZE), BigInt(at), true);
    return this.patchData(n);
  }
}

/** One result: a view of the harness's output, or the same made from our processor's state. */
export class Result {
  readonly bytes: Uint8Array;
  readonly dv: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  get vector(): number {
    return this.dv.getUint32(RESULT_VECTOR, true);
  }
  get errorCode(): number {
    return this.dv.getUint32(RESULT_ERROR_CODE, true);
  }
  get cr2(): bigint {
    return this.dv.getBigUint64(RESULT_CR2, true);
  }
  get rip(): bigint {
    return this.dv.getBigUint64(RESULT_RIP, true);
  }
  get rflags(): bigint {
    return this.dv.getBigUint64(RESULT_RFLAGS, true);
  }
  gpr(n: number): bigint {
    return this.dv.getBigUint64(RESULT_GPR + n * 8, true);
  }
  get changeCount(): number {
    return this.dv.getUint16(RESULT_CHANGES, true);
  }
  change(n: number): { address: number; value: bigint } {
    const at = RESULT_SIZE + n * 16;
    return { address: Number(this.dv.getBigUint64(at, true)), value: this.dv.getBigUint64(at + 8, true) };
  }
}

/** Splits the harness's output into results. */
export function splitResults(output: Uint8Array): Result[] {
  const dv = new DataView(output.buffer, output.byteOffset, output.byteLength);
  const results: Result[] = [];
  for (let at = 0; at < output.length; ) {
    const size = RESULT_SIZE + dv.getUint16(at + RESULT_CHANGES, true) * 16;
    results.push(new Result(output.subarray(at, at + size)));
    at += size;
  }
  return results;
}

/** What data memory holds before patches: a linear congruential generator, the same as in the harness. */
export function backgroundMemory(): Uint8Array {
  const bytes = new Uint8Array(DATA_SIZE + READ_ONLY_SIZE);
  let x = 1;
  for (let i = 0; i < bytes.length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}
