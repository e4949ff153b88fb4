/** Exceptions for the guest: the virtual IDT. */
import { archVcpuInfo, TI_DPL_MASK, TI_MASK_EVENTS, trapInfo } from "../../abi/arch-x86.ts";
import { vcpuInfoStruct } from "../../abi/xen.ts";
import {
  EXC_BP,
  EXC_DB,
  EXC_DF,
  EXC_GP,
  EXC_NM,
  EXC_OF,
  EXC_PF,
  EXC_UD,
  EXCEPTIONS_WITH_ERROR_CODE,
  PF_USER,
} from "../../machine/x86/state.ts";
import { vcpuInfoAddress } from "../event-channel/vcpu-info.ts";
import type { Vcpu } from "../vcpu.ts";
import { bounce, hasNoHandler, MASK_EVENTS, NO_ERROR_CODE } from "./bounce.ts";
import { vcpuTraps } from "./record.ts";

const TRAP_TABLE = vcpuTraps.offset.trap_table;
const { flags: FLAGS, handler: HANDLER } = trapInfo.offset;
const INFO_CR2 = vcpuInfoStruct.offset.arch + archVcpuInfo.offset.cr2;

const trapEntry = (vcpu: Vcpu, vector: number): number => vcpu.traps.address + TRAP_TABLE + vector * trapInfo.sizeof;

/** Where the address of the guest's handler is. */
export const handlerAt = (vcpu: Vcpu, vector: number): number => trapEntry(vcpu, vector) + HANDLER;

/** Address of the guest's handler, 0 if it has none. */
export function trapHandler(vcpu: Vcpu, vector: number): bigint {
  return vcpu.domain.hypervisor.memory.dv.getBigUint64(handlerAt(vcpu, vector), true);
}

export function trapFlags(vcpu: Vcpu, vector: number): number {
  return vcpu.domain.hypervisor.memory.u8[trapEntry(vcpu, vector) + FLAGS] ?? 0;
}

const NAMES: Readonly<Record<number, string>> = {
  0: "#DE",
  1: "#DB",
  2: "NMI",
  3: "#BP",
  4: "#OF",
  5: "#BR",
  6: "#UD",
  7: "#NM",
  8: "#DF",
  10: "#TS",
  11: "#NP",
  12: "#SS",
  13: "#GP",
  14: "#PF",
  16: "#MF",
  17: "#AC",
  18: "#MC",
  19: "#XM",
  21: "#CP",
};

export function exceptionName(vector: number): string {
  return NAMES[vector] ?? `vector ${vector}`;
}

/**
 * Gives an exception to the guest. RIP must already be where it is to return to.
 * @param errorCode ignored for vectors that have none
 */
export function injectException(vcpu: Vcpu, vector: number, errorCode: number): void {
  const handler = handlerAt(vcpu, vector);
  if (hasNoHandler(vcpu, handler) || vector === EXC_DF) {
    const code = ((EXCEPTIONS_WITH_ERROR_CODE >>> vector) & 1) !== 0 ? `[0x${errorCode.toString(16)}]` : "";
    const at = vector === EXC_PF ? ` at 0x${vcpu.traps.cr2.toString(16)}` : "";
    vcpu.domain.crash(`unhandled exception ${exceptionName(vector)}${code}${at}`);
  }
  vcpu.domain.hypervisor.statistics.injected[vector]!++;
  const withCode = vector < 32 && ((EXCEPTIONS_WITH_ERROR_CODE >>> vector) & 1) !== 0;
  bounce(
    vcpu,
    handler,
    withCode ? errorCode : NO_ERROR_CODE,
    (trapFlags(vcpu, vector) & TI_MASK_EVENTS) !== 0 ? MASK_EVENTS : 0,
  );
}

/** Where guests read the address of the page fault they are given: vcpu_info, or MOV from CR2. */
export function publishCr2(vcpu: Vcpu, cr2: bigint): void {
  vcpu.traps.cr2 = cr2;
  vcpu.domain.hypervisor.memory.dv.setBigUint64(vcpuInfoAddress(vcpu) + INFO_CR2, cr2, true);
}

/**
 * Gives a page fault to the guest. The U bit of the error code is the guest's view: its kernel
 * runs in ring 3 too, but reads the bit as "came from my user mode".
 */
export function injectPageFault(vcpu: Vcpu, cr2: bigint, errorCode: number): void {
  const code = vcpu.kernelMode ? errorCode & ~PF_USER : errorCode | PF_USER;
  publishCr2(vcpu, cr2);
  injectException(vcpu, EXC_PF, code);
}

export function injectGeneralProtection(vcpu: Vcpu, errorCode = 0): void {
  injectException(vcpu, EXC_GP, errorCode);
}

export function injectInvalidOpcode(vcpu: Vcpu): void {
  injectException(vcpu, EXC_UD, 0);
}

export function injectDeviceNotAvailable(vcpu: Vcpu): void {
  injectException(vcpu, EXC_NM, 0);
}

export function injectDebug(vcpu: Vcpu): void {
  injectException(vcpu, EXC_DB, 0);
}

/**
 * INT n, with RIP at the instruction. Hardware sees a gate that ring 3 may not use, the guest's
 * table says who may: the guest kernel counts as ring 1. A trap: RIP in the frame is behind the
 * instruction, there is no error code whatever the vector. #BP and #OF have gates of Xen that ring 3
 * may use: for them the guest's table has no say.
 */
export function softwareInterrupt(vcpu: Vcpu, vector: number, length: number): void {
  const next = BigInt.asUintN(64, vcpu.state.rip + BigInt(length));
  if (vector === EXC_BP || vector === EXC_OF) {
    vcpu.state.rip = next;
    injectException(vcpu, vector, 0);
    return;
  }
  const handler = handlerAt(vcpu, vector);
  const dpl = trapFlags(vcpu, vector) & TI_DPL_MASK;
  if (hasNoHandler(vcpu, handler) || dpl < (vcpu.kernelMode ? 1 : 3)) {
    // The selector-style error code of the IDT: index, then the IDT bit.
    injectGeneralProtection(vcpu, (vector << 3) | 2);
    return;
  }
  vcpu.state.rip = next;
  bounce(vcpu, handler, NO_ERROR_CODE, (trapFlags(vcpu, vector) & TI_MASK_EVENTS) !== 0 ? MASK_EVENTS : 0);
}
