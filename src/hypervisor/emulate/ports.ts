/** I/O ports as an unprivileged domain sees them: nothing there, but for what clocks and bus probes touch. */
import { VMASST_TYPE_architectural_iopl } from "../../abi/xen.ts";
import { isGuestAddress } from "../mm/guest-access.ts";
import { linearOf } from "../mm/linear.ts";
import { entryFrame, PTE_PRESENT } from "../mm/pte.ts";
import { l1EntryAddress } from "../mm/walk.ts";
import type { Vcpu } from "../vcpu.ts";
import { readPit, writePit } from "./pit.ts";

const PIT_CH2 = 0x42;
const PIT_MODE = 0x43;
const SYSTEM_CONTROL_B = 0x61;
const CMOS_INDEX = 0x70;
const PCI_ADDRESS = 0xcf8;

/** Privilege level that counts against the virtual IOPL: the guest kernel is ring 1, or ring 0 with architectural_iopl. */
function virtualCpl(vcpu: Vcpu): number {
  if (!vcpu.kernelMode) return 3;
  return vcpu.domain.vmAssist(VMASST_TYPE_architectural_iopl) ? 0 : 1;
}

/** CLI, STI and port accesses are allowed by IOPL. */
export function ioplAllows(vcpu: Vcpu): boolean {
  return virtualCpl(vcpu) <= vcpu.traps.iopl;
}

/** A byte of kernel memory, whatever mode the vCPU is in; all ones where there is none. */
function kernelByte(vcpu: Vcpu, va: bigint): number {
  const { memory } = vcpu.domain.hypervisor;
  const root = vcpu.mm.kernel_root;
  const entry = root === 0 || !isGuestAddress(va) ? -1 : l1EntryAddress(memory, root, linearOf(va));
  if (entry < 0) return 0xff;
  const lo = memory.u32[entry >>> 2] ?? 0;
  if ((lo & PTE_PRESENT) === 0) return 0xff;
  return memory.u8[entryFrame(lo, memory.u32[(entry >>> 2) + 1] ?? 0) * 4096 + Number(va & 0xfffn)] ?? 0xff;
}

/** The I/O bitmap of PHYSDEVOP_set_iobitmap allows all `size` ports from `port` on. */
function bitmapAllows(vcpu: Vcpu, port: number, size: number): boolean {
  const { iobmp_limit, iobmp } = vcpu.traps;
  if (port + size > iobmp_limit) return false;
  for (let p = port; p < port + size; p++) {
    const byte = kernelByte(vcpu, BigInt.asUintN(64, iobmp + BigInt(p >>> 3)));
    if ((byte & (1 << (p & 7))) !== 0) return false;
  }
  return true;
}

export function portAllowed(vcpu: Vcpu, port: number, size: number): boolean {
  return ioplAllows(vcpu) || bitmapAllows(vcpu, port, size);
}

function readByte(vcpu: Vcpu, port: number): number {
  switch (port) {
    case PIT_CH2:
    case PIT_MODE:
    case SYSTEM_CONTROL_B:
      return readPit(vcpu.domain, port);
    case CMOS_INDEX:
      return vcpu.domain.record.emulate.cmos_index;
    default:
      return 0xff;
  }
}

/** Reads 1, 2 or 4 bytes. */
export function readPort(vcpu: Vcpu, port: number, size: number): number {
  if (port === PCI_ADDRESS && size === 4) return vcpu.domain.record.emulate.pci_cf8;
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 256 + readByte(vcpu, (port + i) & 0xffff);
  return value;
}

/** Writes 1, 2 or 4 bytes. */
export function writePort(vcpu: Vcpu, port: number, size: number, value: number): void {
  const { emulate } = vcpu.domain.record;
  if (port === PCI_ADDRESS && size === 4) {
    emulate.pci_cf8 = value;
    return;
  }
  for (let i = 0; i < size; i++) {
    const byte = (value >>> (i * 8)) & 0xff;
    const p = (port + i) & 0xffff;
    if (p === PIT_CH2 || p === PIT_MODE || p === SYSTEM_CONTROL_B) writePit(vcpu.domain, p, byte);
    else if (p === CMOS_INDEX) emulate.cmos_index = byte & 0x7f;
  }
}
