/** mmu_update: updates of page-table entries by machine address, and of the M2P. */
import { EINVAL, ENOSYS, EPERM, ESRCH } from "../../abi/errno.ts";
import {
  HYPERVISOR,
  MMU_MACHPHYS_UPDATE,
  MMU_NORMAL_PT_UPDATE,
  MMU_PT_UPDATE_NO_TRANSLATE,
  MMU_PT_UPDATE_PRESERVE_AD,
  mmuUpdateStruct,
} from "../../abi/xen.ts";
import { PAGE_SHIFT } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import { type Hypercall, HypercallError } from "../hypercall.ts";
import type { Hypervisor } from "../hypervisor.ts";
import { requests, runBatch } from "./batch.ts";
import { frameOwner, mayControl } from "./foreign.ts";
import { FRAME_VALIDATED, PageType } from "./frame-table.ts";
import { setM2p } from "./m2p.ts";
import { getPage, getPageType, type MmuOperation, putPage, putPageType } from "./page-type.ts";
import { updateL1Entry, updateTableEntry } from "./update-entry.ts";

const REQUEST_SIZE = mmuUpdateStruct.sizeof;
/** The type of an update is in the low bits of an entry's address, which is a multiple of 8. */
const COMMAND_MASK = 7;

/** High half of `foreigndom`: whose tables, plus 1 (0: one's own). The low half says whose frames; without one, the caller's own. */
function tablesOwner(caller: Domain, foreigndom: number): Domain {
  const high = foreigndom >>> 16;
  if (high === 0) return caller;
  const tables = caller.hypervisor.domains.get(high - 1);
  if (tables === undefined) throw new HypercallError(ESRCH);
  if (!mayControl(caller, tables)) throw new HypercallError(EPERM);
  return tables;
}

/**
 * Writes 8 bytes to a page-table entry (checked) or to a page that is, or can be, writable (as they are).
 * @param at machine address, a multiple of 8
 */
function updateFrame(
  tables: Domain,
  owner: number,
  at: number,
  lo: number,
  hi: number,
  preserveAd: boolean,
  operation: MmuOperation,
): number {
  const hv = tables.hypervisor;
  const { frames } = hv;
  const mfn = at >>> PAGE_SHIFT;
  if (!getPage(tables, mfn)) return -EINVAL;
  let result = -EINVAL;
  const type = frames.typeCount(mfn) > 0 && frames.hasFlag(mfn, FRAME_VALIDATED) ? frames.type(mfn) : PageType.None;
  if (type === PageType.L1) result = updateL1Entry(tables, owner, at, lo, hi, preserveAd);
  else if (type >= PageType.L2 && type <= PageType.L4) {
    result = updateTableEntry(tables, type, at, lo, hi, preserveAd, operation);
  } else if (getPageType(tables, mfn, PageType.Writable) === 0) {
    hv.memory.u32[at >>> 2] = lo;
    hv.memory.u32[(at >>> 2) + 1] = hi;
    hv.cpu.frameWritten(mfn);
    putPageType(tables, mfn);
    result = 0;
  }
  putPage(hv, mfn);
  return result;
}

function machphysUpdate(hv: Hypervisor, owner: number, mfn: number, pfn: bigint): number {
  if (!hv.frames.getPage(mfn, owner)) return -EINVAL;
  setM2p(hv, mfn, pfn);
  putPage(hv, mfn);
  return 0;
}

export const mmuUpdate: Hypercall = {
  number: HYPERVISOR.mmu_update,
  name: "mmu_update",
  arity: 4,
  operations: {
    [MMU_NORMAL_PT_UPDATE]: { name: "NORMAL_PT_UPDATE", status: "done" },
    [MMU_MACHPHYS_UPDATE]: { name: "MACHPHYS_UPDATE", status: "done" },
    [MMU_PT_UPDATE_PRESERVE_AD]: { name: "PT_UPDATE_PRESERVE_AD", status: "done" },
    [MMU_PT_UPDATE_NO_TRANSLATE]: { name: "PT_UPDATE_NO_TRANSLATE", status: "done" },
  },
  handler(hv, vcpu, args) {
    const foreigndom = args.halves[6]!;
    const owner = frameOwner(vcpu.domain, foreigndom & 0xffff);
    const tables = tablesOwner(vcpu.domain, foreigndom);
    return runBatch(hv, vcpu, args, REQUEST_SIZE, (request, operation) => {
      const ptrLo = requests[request]!;
      const ptrHi = requests[request + 1]!;
      const lo = requests[request + 2]!;
      const hi = requests[request + 3]!;
      const command = ptrLo & COMMAND_MASK;
      hv.statistics.countOperation(HYPERVISOR.mmu_update, command);
      switch (command) {
        case MMU_NORMAL_PT_UPDATE:
        case MMU_PT_UPDATE_PRESERVE_AD:
        case MMU_PT_UPDATE_NO_TRANSLATE: {
          if (ptrHi !== 0) return -EINVAL;
          const preserveAd = command === MMU_PT_UPDATE_PRESERVE_AD;
          return updateFrame(tables, owner, ptrLo - command, lo, hi, preserveAd, operation);
        }
        case MMU_MACHPHYS_UPDATE:
          if (ptrHi !== 0) return -EINVAL;
          return machphysUpdate(hv, owner, ptrLo >>> 12, BigInt(lo) | (BigInt(hi) << 32n));
        default:
          return -ENOSYS;
      }
    });
  },
};
