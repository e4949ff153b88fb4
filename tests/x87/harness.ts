/** Runs x87 instructions on both the host's processor and `executeX87`, and compares all state. */
import { decode, newInsn } from "../../src/machine/x86/decode/index.ts";
import type { Insn } from "../../src/machine/x86/insn.ts";
import { cpuState } from "../../src/machine/x86/state.ts";
import { instructionTable } from "../../src/machine/x86/table/index.ts";
import { executeX87, X87Unit } from "../../src/machine/x86/x87/index.ts";
import { type Random, randomF32, randomF64, randomF80 } from "../softfloat/operands.ts";
import type { Oracle } from "../softfloat/oracle.ts";

export const STATE_SIZE = 108;
const REQUEST = 8 + 4 + STATE_SIZE;
const REPLY = 12 + STATE_SIZE;
const ARITHMETIC_FLAGS = 0x8d5;

/** One encoding of one instruction; its memory operand is [rdi]. */
export interface Form {
  readonly name: string;
  readonly mnemonic: string;
  readonly code: Uint8Array;
  readonly insn: Insn;
}

/** One case: everything that goes in. */
export interface Case {
  readonly form: Form;
  readonly flags: number;
  /** FNSAVE image. */
  readonly state: Uint8Array;
  readonly memory: Uint8Array;
}

/** Everything that comes out. */
export interface Outcome {
  fault: boolean;
  flags: number;
  ax: number;
  state: Uint8Array;
  memory: Uint8Array;
}

function decoded(code: Uint8Array): Insn {
  const insn = newInsn();
  const length = decode(code, 0, 64, insn);
  if (length !== code.length) throw new Error(`${[...code].map((b) => b.toString(16))} decodes to length ${length}`);
  return insn;
}

/** All encodings of an instruction of the table, with each stack register. */
export function formsOf(encoding: string, mnemonic: string): Form[] {
  const words = encoding.replace(/^NP /, "").split(" ");
  const rexW = words[0] === "REX.W";
  const bytes = words.slice(rexW ? 1 : 0);
  const prefix = rexW ? [0x48] : [];
  const last = bytes.at(-1) ?? "";
  const opcode = bytes.map((word) => Number.parseInt(word, 16));
  const make = (tail: number[], suffix: string): Form => {
    const code = new Uint8Array([...prefix, ...tail]);
    return { name: `${mnemonic} ${suffix}(${encoding})`, mnemonic, code, insn: decoded(code) };
  };
  if (last.startsWith("/")) return [make([...opcode.slice(0, -1), (Number(last[1]) << 3) | 7], "m ")];
  if (last.endsWith("+i")) {
    return [0, 1, 2, 3, 4, 5, 6, 7].map((i) =>
      make([...opcode.slice(0, -1), Number.parseInt(last, 16) + i], `st${i} `),
    );
  }
  return [make(opcode, "")];
}

/** The same with a prefix byte. */
export function prefixed(form: Form, prefix: number): Form {
  const code = new Uint8Array([prefix, ...form.code]);
  return { ...form, name: `${prefix.toString(16)} ${form.name}`, code, insn: decoded(code) };
}

/** Forms by mnemonic, from the decoder's own table. */
export function tableForms(wanted: (mnemonic: string, feature: string) => boolean): Map<string, Form[]> {
  const forms = new Map<string, Form[]>();
  for (const def of instructionTable) {
    if (!wanted(def.mnemonic, def.feature)) continue;
    const list = forms.get(`${def.mnemonic} ${def.encoding}`) ?? [];
    list.push(...formsOf(def.encoding, def.mnemonic));
    forms.set(`${def.mnemonic} ${def.encoding}`, list);
  }
  return forms;
}

/** A register of the stack: now and then small integers, which exponents and quotients like. */
function randomRegister(random: Random): { high: number; low: bigint } {
  if (random.below(6) !== 0) return randomF80(random);
  const n = random.below(1 << random.below(17));
  if (n === 0) return { high: random.below(2) << 15, low: 0n };
  const length = 32 - Math.clz32(n);
  return { high: (16383 + length - 1) | (random.below(2) << 15), low: BigInt(n) << BigInt(64 - length) };
}

export interface StateOptions {
  /** Some exceptions unmasked in a part of the cases. */
  unmasked?: boolean;
  /** Replaces ST(0) and ST(1). */
  registers?: (random: Random) => { high: number; low: bigint }[];
}

/** A random FNSAVE image. */
export function randomState(random: Random, options: StateOptions = {}): Uint8Array {
  const dv = new DataView(new ArrayBuffer(STATE_SIZE));
  const masks = options.unmasked && random.below(4) === 0 ? random.below(64) : 63;
  const precision = random.pick([0, 2, 3, 3, 3]);
  dv.setUint32(0, masks | (precision << 8) | (random.below(4) << 10) | 0x40 | 0xffff0000, true);
  const top = random.below(8);
  const flags = random.below(8) === 0 ? random.below(128) : 0;
  dv.setUint32(4, flags | (top << 11) | (random.u32() & 0x4700), true);
  let tags = 0;
  for (let i = 0; i < 8; i++) {
    const register = options.registers?.(random)[i] ?? randomRegister(random);
    dv.setBigUint64(28 + 10 * i, register.low, true);
    dv.setUint16(36 + 10 * i, register.high, true);
    // ST(0) and ST(1) are mostly there, ST(7) mostly not.
    const empty = i < 2 ? random.below(20) === 0 : i === 7 ? random.below(10) !== 0 : random.below(10) === 0;
    if (empty) tags |= 3 << (2 * ((top + i) & 7));
  }
  dv.setUint32(8, tags, true);
  return new Uint8Array(dv.buffer);
}

/** A random memory operand: float or integer of any size, at offset 0. */
export function randomMemory(random: Random, form: Form, size: number): Uint8Array {
  const memory = new Uint8Array(size);
  const dv = new DataView(memory.buffer);
  for (let i = 0; i < size; i += 4) dv.setUint32(i, random.u32(), true);
  const bytes = form.insn.operands[0].size;
  if (form.mnemonic.startsWith("fi")) {
    dv.setBigInt64(0, BigInt.asIntN(64, random.u64()) >> BigInt(random.below(64)), true);
  } else if (bytes === 4) dv.setUint32(0, randomF32(random), true);
  else if (bytes === 8) dv.setBigUint64(0, randomF64(random), true);
  else if (form.mnemonic === "fbld") {
    for (let i = 0; i < 9; i++) dv.setUint8(i, random.below(10) * 16 + random.below(10));
  } else if (bytes === 10) {
    const { high, low } = randomF80(random);
    dv.setBigUint64(0, low, true);
    dv.setUint16(8, high, true);
  }
  return memory;
}

/** Runs all cases on the processor; the memory operands are all of one size. */
export function runOracle(oracle: Oracle, cases: readonly Case[], size: number): Outcome[] {
  const input = new Uint8Array(cases.length * (REQUEST + size));
  const dv = new DataView(input.buffer);
  cases.forEach(({ form, flags, state, memory }, i) => {
    const at = i * (REQUEST + size);
    input[at] = form.code.length;
    input.set(form.code, at + 1);
    dv.setUint32(at + 8, flags | 0x202, true);
    input.set(state, at + 12);
    input.set(memory, at + REQUEST);
  });
  const reply = oracle.run(input, [String(size)]);
  return cases.map((_, i) => {
    const at = i * (REPLY + size);
    const bytes = (offset: number, length: number): Uint8Array =>
      new Uint8Array(reply.buffer, reply.byteOffset + at + offset, length);
    return {
      fault: reply.getUint32(at, true) !== 0,
      flags: reply.getUint32(at + 4, true) & ARITHMETIC_FLAGS,
      ax: reply.getUint32(at + 8, true) & 0xffff,
      state: bytes(12, STATE_SIZE),
      memory: bytes(REPLY, size),
    };
  });
}

const STATE_AT = 0x1000;
const IMAGE_AT = 0x3000;
const OPERAND_AT = 0x4000;

/** A processor with nothing but an x87. */
export class Machine {
  readonly memory = new Uint8Array(0x5000);
  readonly dv = new DataView(this.memory.buffer);
  readonly state = cpuState.at({ dv: this.dv, u8: this.memory }, STATE_AT);
  flags = 0;
  readonly fpu = new X87Unit({
    state: this.state,
    dv: this.dv,
    getArithmeticFlags: () => this.flags,
    setArithmeticFlags: (flags) => {
      this.flags = flags;
    },
  });
  readonly #frstor = decoded(new Uint8Array([0xdd, 0x27]));
  readonly #fnsave = decoded(new Uint8Array([0xdd, 0x37]));

  run({ form, flags, state, memory }: Case): Outcome {
    this.state.fsw = 0;
    this.memory.set(state, IMAGE_AT);
    executeX87(this.fpu, this.#frstor, IMAGE_AT);
    this.flags = flags;
    this.state.gpr.set(0, 0n);
    this.memory.set(memory, OPERAND_AT);
    const fault = executeX87(this.fpu, form.insn, OPERAND_AT) !== 0;
    const ax = Number(this.state.gpr.get(0));
    executeX87(this.fpu, this.#fnsave, IMAGE_AT);
    return {
      fault,
      flags: this.flags,
      ax,
      state: this.memory.slice(IMAGE_AT, IMAGE_AT + STATE_SIZE),
      memory: this.memory.slice(OPERAND_AT, OPERAND_AT + memory.length),
    };
  }
}

const hex = (n: number | bigint, digits: number): string => n.toString(16).padStart(digits, "0");

/** An image in words, without instruction and data pointers. */
export function describeState(image: Uint8Array): string {
  const dv = new DataView(image.buffer, image.byteOffset, STATE_SIZE);
  const fsw = dv.getUint16(4, true);
  const tags = dv.getUint16(8, true);
  const words = [`fcw=${hex(dv.getUint16(0, true), 4)} fsw=${hex(fsw, 4)} tags=${hex(tags, 4)}`];
  for (let i = 0; i < 8; i++) {
    const physical = ((fsw >> 11) + i) & 7;
    words.push(
      ((tags >> (2 * physical)) & 3) === 3
        ? "-"
        : `${hex(dv.getUint16(36 + 10 * i, true), 4)}:${hex(dv.getBigUint64(28 + 10 * i, true), 16)}`,
    );
  }
  return words.join(" ");
}

export const hexBytes = (bytes: Uint8Array): string => [...bytes].map((b) => hex(b, 2)).join("");
