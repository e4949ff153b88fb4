/**
 * The x87 unit: registers, stack, control, status and tags over the processor's state block.
 * SDM vol. 1 §8.1 (environment), §8.4, §8.5 (exceptions).
 */
import {
  ALL_EXCEPTIONS,
  F80,
  F80_PC24,
  F80_PC53,
  type Float,
  type FloatFormat,
  type FpContext,
  IE,
  INDEFINITE,
  largerNan,
  PE,
  PRE_COMPUTATION,
  pack80High,
  pack80Low,
  type Rounding,
  unpack80,
} from "../softfloat/index.ts";
import { type CpuState, cpuState } from "../state.ts";

// Status word. Bits 0..5 are the exception flags.
export const FSW_SF = 1 << 6;
export const FSW_ES = 1 << 7;
export const FSW_C0 = 1 << 8;
export const FSW_C1 = 1 << 9;
export const FSW_C2 = 1 << 10;
export const FSW_TOP_SHIFT = 11;
export const FSW_TOP = 7 << FSW_TOP_SHIFT;
export const FSW_C3 = 1 << 14;
export const FSW_B = 1 << 15;

// Control word. Bits 0..5 are the exception masks, 8..9 precision, 10..11 rounding.
export const FCW_DEFAULT = 0x37f;
/** Bits that can be set; bit 6 always reads as one. */
export const FCW_VALID = 0x1f3f;
export const FCW_FIXED = 0x40;

/** Exponent bias adjustment of unmasked overflow and underflow (SDM vol. 1 §8.5.4). */
const EXPONENT_WRAP = 24576;

/** What the x87 needs of its processor. */
export interface X87Host {
  /** Architectural state. `rip` must be the address of the instruction that is executed. */
  readonly state: CpuState;
  /** Machine memory, in which `state` and all operands are. */
  readonly dv: DataView;
  /** RFLAGS; only ZF, PF and CF are looked at (FCMOVcc). */
  getArithmeticFlags(): number;
  /** Sets CF, PF, AF, ZF, SF, OF to exactly these RFLAGS bits (FCOMI). */
  setArithmeticFlags(flags: number): void;
}

const at = cpuState.offset;

export class X87Unit {
  readonly host: X87Host;
  readonly dv: DataView;
  /** Address of the state block. */
  readonly base: number;
  /** Of the current instruction; see `begin`. */
  readonly context: FpContext = {
    rounding: 0,
    masks: ALL_EXCEPTIONS,
    flushToZero: false,
    chooseNan: largerNan,
    exponentWrap: EXPONENT_WRAP,
    flags: 0,
    inexact: false,
    roundedUp: false,
  };

  constructor(host: X87Host) {
    this.host = host;
    this.dv = host.dv;
    this.base = host.state.address;
  }

  get fcw(): number {
    return this.dv.getUint16(this.base + at.fcw, true);
  }
  set fcw(value: number) {
    this.dv.setUint16(this.base + at.fcw, value, true);
  }
  get fsw(): number {
    return this.dv.getUint16(this.base + at.fsw, true);
  }
  set fsw(value: number) {
    this.dv.setUint16(this.base + at.fsw, value, true);
  }
  /** Bit set: physical register not empty. */
  get ftw(): number {
    return this.dv.getUint8(this.base + at.ftw);
  }
  set ftw(value: number) {
    this.dv.setUint8(this.base + at.ftw, value);
  }
  get top(): number {
    return (this.fsw >> FSW_TOP_SHIFT) & 7;
  }
  set top(value: number) {
    this.fsw = (this.fsw & ~FSW_TOP) | ((value & 7) << FSW_TOP_SHIFT);
  }

  /** Control word as an instruction loads it; pending exceptions are judged again. */
  loadControl(value: number): void {
    this.fcw = (value & FCW_VALID) | FCW_FIXED;
    this.updateSummary();
  }

  /** ES and B say whether an exception flag is set and unmasked. */
  updateSummary(): void {
    const fsw = this.fsw & ~(FSW_ES | FSW_B);
    this.fsw = (fsw & ~this.fcw & ALL_EXCEPTIONS) === 0 ? fsw : fsw | FSW_ES | FSW_B;
  }

  /** Where results of arithmetic are rounded to: precision control. */
  get format(): FloatFormat {
    switch ((this.fcw >> 8) & 3) {
      case 0:
        return F80_PC24;
      case 2:
        return F80_PC53;
      default:
        return F80;
    }
  }

  /** Starts an arithmetic instruction: no flags yet, C1 clear. */
  begin(): FpContext {
    const { context, fcw } = this;
    context.rounding = ((fcw >> 10) & 3) as Rounding;
    context.masks = fcw & ALL_EXCEPTIONS;
    context.flags = 0;
    context.inexact = false;
    context.roundedUp = false;
    this.fsw &= ~FSW_C1;
    return context;
  }

  /**
   * Puts the flags that the instruction raised into the status word.
   * @returns false if an exception about its operands is unmasked: nothing may be stored
   */
  commit(): boolean {
    const { flags, masks, roundedUp } = this.context;
    if (flags === 0) return true;
    let fsw = this.fsw | flags;
    if ((flags & ~masks) !== 0) fsw |= FSW_ES | FSW_B;
    const proceed = (flags & ~masks & PRE_COMPUTATION) === 0;
    if ((flags & PE) !== 0 && roundedUp && proceed) fsw |= FSW_C1;
    this.fsw = fsw;
    return proceed;
  }

  /** A stack fault: IE and SF, C1 telling overflow. True if masked, so that the indefinite is to be stored. */
  stackFault(overflow: boolean): boolean {
    this.context.flags |= IE;
    this.fsw = (this.fsw & ~FSW_C1) | FSW_SF | (overflow ? FSW_C1 : 0);
    return this.commit();
  }

  /** Address of ST(i)'s 16 bytes. */
  address(i: number): number {
    return this.base + at.fpr + (((this.fsw >> FSW_TOP_SHIFT) + i) & 7) * 16;
  }

  isEmpty(i: number): boolean {
    return ((this.ftw >> ((this.top + i) & 7)) & 1) === 0;
  }

  setEmpty(i: number): void {
    this.ftw &= ~(1 << ((this.top + i) & 7));
  }

  setFull(i: number): void {
    this.ftw |= 1 << ((this.top + i) & 7);
  }

  read(i: number): Float {
    const address = this.address(i);
    return unpack80(this.dv.getUint16(address + 8, true), this.dv.getBigUint64(address, true));
  }

  write(i: number, value: Float): void {
    const address = this.address(i);
    this.dv.setBigUint64(address, pack80Low(value), true);
    this.dv.setUint16(address + 8, pack80High(value), true);
    this.setFull(i);
  }

  /** The sign and exponent word of ST(i). */
  signExponent(i: number): number {
    return this.dv.getUint16(this.address(i) + 8, true);
  }

  /** Copies 80 bits as they are, whatever they encode. */
  copyBits(from: number, to: number): void {
    this.dv.setUint32(to, this.dv.getUint32(from, true), true);
    this.dv.setUint32(to + 4, this.dv.getUint32(from + 4, true), true);
    this.dv.setUint16(to + 8, this.dv.getUint16(from + 8, true), true);
  }

  pop(): void {
    this.setEmpty(0);
    this.top = this.top + 1;
  }

  /** Makes room for a new ST(0). False if that is not possible: stack overflow, already dealt with. */
  canPush(): boolean {
    if (this.isEmpty(7)) return true;
    if (this.stackFault(true)) this.push(INDEFINITE);
    return false;
  }

  push(value: Float): void {
    this.top = this.top - 1;
    this.write(0, value);
  }

  /** C3, C2, C0 at once; C1 stays. */
  setConditions(bits: number): void {
    this.fsw = (this.fsw & ~(FSW_C0 | FSW_C2 | FSW_C3)) | bits;
  }
}
