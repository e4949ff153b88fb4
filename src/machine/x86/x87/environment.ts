/**
 * Control: FLDCW, FNSTSW, FNINIT..., and the environment and state images of FNSTENV and FNSAVE.
 *
 * The protected-mode image with 32-bit operand size; with 16-bit operand size each field has two
 * bytes (SDM vol. 1 §8.1.10):
 *
 *     0 FCW   4 FSW   8 FTW   12 FIP   16 FCS, FOP << 16   20 FDP   24 FDS
 *
 * FCS and FDS read as zero, as on processors that deprecate them (CPUID.7.0:EBX[13]).
 */
import { ALL_EXCEPTIONS, Kind, unpack80 } from "../softfloat/index.ts";
import type { Handler } from "./handler.ts";
import { environmentSize, memoryOperand, stackOperand } from "./operands.ts";
import { FCW_DEFAULT, FSW_B, FSW_C1, FSW_ES, FSW_SF, type X87Unit } from "./unit.ts";

const Tag = { Valid: 0, Zero: 1, Special: 2, Empty: 3 } as const;

/** The tag word of FNSTENV: two bits for each physical register, from what it holds. */
export function fullTagWord(fpu: X87Unit): number {
  let word = 0;
  for (let physical = 0; physical < 8; physical++) {
    word |= tagOf(fpu, physical) << (2 * physical);
  }
  return word;
}

function tagOf(fpu: X87Unit, physical: number): number {
  if (((fpu.ftw >> physical) & 1) === 0) return Tag.Empty;
  const address = fpu.address(physical - fpu.top);
  const x = unpack80(fpu.dv.getUint16(address + 8, true), fpu.dv.getBigUint64(address, true));
  if (x.kind === Kind.Zero) return Tag.Zero;
  return x.kind === Kind.Finite && !x.denormal ? Tag.Valid : Tag.Special;
}

/** Of a tag word, only "empty" matters: the rest is in the registers. */
function abridge(word: number): number {
  let abridged = 0;
  for (let i = 0; i < 8; i++) if (((word >> (2 * i)) & 3) !== Tag.Empty) abridged |= 1 << i;
  return abridged;
}

function initialise(fpu: X87Unit): void {
  fpu.fcw = FCW_DEFAULT;
  fpu.fsw = 0;
  fpu.ftw = 0;
  const { state } = fpu.host;
  state.fop = 0;
  state.fip = 0n;
  state.fdp = 0n;
}

function storeEnvironment(fpu: X87Unit, address: number, size: number): void {
  const { state } = fpu.host;
  const fields = [
    fpu.fcw,
    fpu.fsw,
    fullTagWord(fpu),
    Number(BigInt.asUintN(32, state.fip)),
    0,
    Number(BigInt.asUintN(32, state.fdp)),
    0,
  ];
  if (size === 14) {
    fields.forEach((field, i) => {
      fpu.dv.setUint16(address + 2 * i, field, true);
    });
    return;
  }
  fields.forEach((field, i) => {
    // The upper halves of 16-bit fields are ones, except beside FCS, where the opcode is.
    const opcode = i === 4;
    const whole = i === 3 || i === 5;
    fpu.dv.setUint32(address + 4 * i, whole ? field : opcode ? (state.fop << 16) | field : field | 0xffff0000, true);
  });
}

function loadEnvironment(fpu: X87Unit, address: number, size: number): void {
  const { dv } = fpu;
  const { state } = fpu.host;
  const step = size / 7;
  const word = (i: number): number => dv.getUint16(address + i * step, true);
  const pointer = (i: number): bigint => BigInt(step === 2 ? word(i) : dv.getUint32(address + i * step, true));
  fpu.fsw = word(1);
  fpu.ftw = abridge(word(2));
  state.fip = pointer(3);
  state.fdp = pointer(5);
  state.fop = step === 2 ? 0 : dv.getUint16(address + 18, true) & 0x7ff;
  fpu.loadControl(word(0));
}

const fnstenv: Handler = (fpu, insn, address) => {
  storeEnvironment(fpu, address, environmentSize(insn));
  fpu.fcw |= ALL_EXCEPTIONS;
  fpu.updateSummary();
};

const fldenv: Handler = (fpu, insn, address) => loadEnvironment(fpu, address, environmentSize(insn));

const fnsave: Handler = (fpu, insn, address) => {
  const size = environmentSize(insn);
  storeEnvironment(fpu, address, size);
  for (let i = 0; i < 8; i++) fpu.copyBits(fpu.address(i), address + size + 10 * i);
  initialise(fpu);
};

const frstor: Handler = (fpu, insn, address) => {
  const size = environmentSize(insn);
  loadEnvironment(fpu, address, size);
  for (let i = 0; i < 8; i++) fpu.copyBits(address + size + 10 * i, fpu.address(i));
};

const fnstsw: Handler = (fpu, insn, address) => {
  if (memoryOperand(insn)) fpu.dv.setUint16(address, fpu.fsw, true);
  else {
    const { gpr } = fpu.host.state;
    gpr.set(0, (gpr.get(0) & ~0xffffn) | BigInt(fpu.fsw));
  }
};

export const environment: Record<string, Handler> = {
  fnstcw: (fpu, _insn, address) => fpu.dv.setUint16(address, fpu.fcw, true),
  fldcw: (fpu, _insn, address) => fpu.loadControl(fpu.dv.getUint16(address, true)),
  fnstsw,
  fnstenv,
  fldenv,
  fnsave,
  frstor,
  fninit: initialise,
  fnclex: (fpu) => {
    fpu.fsw &= ~(ALL_EXCEPTIONS | FSW_SF | FSW_ES | FSW_B);
  },
  fincstp: (fpu) => {
    fpu.top = fpu.top + 1;
    fpu.fsw &= ~FSW_C1;
  },
  fdecstp: (fpu) => {
    fpu.top = fpu.top - 1;
    fpu.fsw &= ~FSW_C1;
  },
  ffree: (fpu, insn) => fpu.setEmpty(stackOperand(insn)),
  ffreep: (fpu, insn) => {
    fpu.setEmpty(stackOperand(insn));
    fpu.pop();
  },
  fnop: () => {},
  // Of the 8087 and 80287; nothing since.
  fneni: () => {},
  fndisi: () => {},
  fnsetpm: () => {},
  // Waiting has been done when a handler is called.
  fwait: () => {},
  wait: () => {},
  emms: (fpu) => {
    fpu.ftw = 0;
  },
};
