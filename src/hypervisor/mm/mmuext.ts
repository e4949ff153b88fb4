/** mmuext_op: pins, roots, TLB, LDT, and whole pages. */
import { EACCES, EFAULT, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from "../../abi/errno.ts";
import type { Width } from "../../abi/struct.ts";
import { HYPERVISOR, MMUEXT, mmuextOpStruct } from "../../abi/xen.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import { DOMAIN_HAS_IO, type Domain } from "../domain.ts";
import { type Hypercall, HypercallError, type Operation } from "../hypercall.ts";
import type { Hypervisor } from "../hypervisor.ts";
import { wordAt } from "../traps/guest-words.ts";
import type { Vcpu } from "../vcpu.ts";
import { requests, runBatch } from "./batch.ts";
import { setLdt } from "./descriptor-window.ts";
import { targetDomain } from "./foreign.ts";
import { PageType } from "./frame-table.ts";
import { copyFromGuest } from "./guest-access.ts";
import { isCanonicalLinear, linearAddress } from "./linear.ts";
import { getPage, getPageType, type MmuOperation, putPage, putPageAndType } from "./page-type.ts";
import { pinTable, unpinTable } from "./pin.ts";
import { newBasePtr, newUserBasePtr } from "./roots.ts";
import { flushTlb, flushTlbPage } from "./tlb.ts";

/** What a request is: made by whom, about whose memory. */
interface Request {
  readonly hv: Hypervisor;
  readonly vcpu: Vcpu;
  readonly target: Domain;
  readonly operation: MmuOperation;
}

const { cmd: CMD, arg1: ARG1, arg2: ARG2 } = mmuextOpStruct.offset;
/** The request in hand, as 64-bit guests lay it out. */
const words = new Uint32Array(mmuextOpStruct.sizeof / 4);

/** Takes the request at an index of what the batch has copied in. */
function takeRequest(width: Width, at: number): void {
  const { cmd, arg1, arg2 } = mmuextOpStruct.for(width).offset;
  words[CMD / 4] = requests[at + cmd / 4]!;
  words[ARG1 / 4] = requests[at + arg1 / 4]!;
  words[ARG2 / 4] = requests[at + arg2 / 4]!;
  words[ARG1 / 4 + 1] = width === 64 ? requests[at + arg1 / 4 + 1]! : 0;
  words[ARG2 / 4 + 1] = width === 64 ? requests[at + arg2 / 4 + 1]! : 0;
}

/** The argument at an offset as a 64-bit number. */
const argument = (offset: number): bigint => wordAt(words, offset / 8);

/** An argument as a frame number; one that cannot be owned by anybody if it is out of range. */
function frame({ hv }: Request, offset = ARG1): number {
  const low = words[offset / 4]!;
  return words[offset / 4 + 1] === 0 && low < hv.frames.count ? low : -1;
}

/** Roots, TLB and LDT are those of the caller. */
function requireSelf({ vcpu, target }: Request): void {
  if (vcpu.domain !== target) throw new HypercallError(EPERM);
}

function requireCacheFlush({ vcpu }: Request, errno: number): void {
  if ((vcpu.domain.record.flags & DOMAIN_HAS_IO) === 0) throw new HypercallError(errno);
}

/** The set of vCPUs at arg2 must be readable; what they share is the one processor. */
function readVcpuMask({ vcpu }: Request): void {
  try {
    copyFromGuest(vcpu, argument(ARG2), Math.ceil(vcpu.domain.vcpus.length / 8));
  } catch (error) {
    // Not -EFAULT: it is an operand, not an argument of the hypercall.
    if (error instanceof HypercallError && error.errno === EFAULT) throw new HypercallError(EINVAL);
    throw error;
  }
}

const pin = (level: PageType) => (request: Request) =>
  pinTable(request.target, frame(request), level, request.operation);

function flushAll(request: Request): number {
  requireSelf(request);
  flushTlb(request.hv);
  return 0;
}

function invalidatePage(request: Request): number {
  requireSelf(request);
  const la = linearAddress(words[ARG1 / 4]!, words[ARG1 / 4 + 1]!);
  if (isCanonicalLinear(la)) flushTlbPage(request.hv, la);
  return 0;
}

/** Runs `fill` on a frame of the target that can be written to. */
function onWritableFrame(request: Request, fill: (bytes: Uint8Array) => void): number {
  const { hv, target } = request;
  const mfn = frame(request);
  if (!getPage(target, mfn)) return -EINVAL;
  const result = getPageType(target, mfn, PageType.Writable);
  if (result !== 0) {
    putPage(hv, mfn);
    return result;
  }
  fill(hv.memory.frame(mfn));
  hv.cpu.frameWritten(mfn);
  putPageAndType(target, mfn);
  return 0;
}

function copyPage(request: Request): number {
  const { hv, target } = request;
  const source = frame(request, ARG2);
  if (!getPage(target, source)) return -EINVAL;
  const at = source * PAGE_SIZE;
  const result = onWritableFrame(request, (bytes) => bytes.set(hv.memory.u8.subarray(at, at + PAGE_SIZE)));
  putPage(hv, source);
  return result;
}

interface Handler {
  readonly name: string;
  readonly run: (request: Request) => number;
}

const HANDLERS: Readonly<Record<number, Handler>> = {
  [MMUEXT.PIN_L1_TABLE]: { name: "PIN_L1_TABLE", run: pin(PageType.L1) },
  [MMUEXT.PIN_L2_TABLE]: { name: "PIN_L2_TABLE", run: pin(PageType.L2) },
  [MMUEXT.PIN_L3_TABLE]: { name: "PIN_L3_TABLE", run: pin(PageType.L3) },
  [MMUEXT.PIN_L4_TABLE]: { name: "PIN_L4_TABLE", run: pin(PageType.L4) },
  [MMUEXT.UNPIN_TABLE]: { name: "UNPIN_TABLE", run: (r) => unpinTable(r.target, frame(r), r.operation) },
  [MMUEXT.NEW_BASEPTR]: {
    name: "NEW_BASEPTR",
    run: (r) => {
      requireSelf(r);
      return newBasePtr(r.vcpu, frame(r), r.operation);
    },
  },
  [MMUEXT.NEW_USER_BASEPTR]: {
    name: "NEW_USER_BASEPTR",
    run: (r) => {
      requireSelf(r);
      return newUserBasePtr(r.vcpu, frame(r), r.operation);
    },
  },
  [MMUEXT.TLB_FLUSH_LOCAL]: { name: "TLB_FLUSH_LOCAL", run: flushAll },
  [MMUEXT.TLB_FLUSH_ALL]: { name: "TLB_FLUSH_ALL", run: flushAll },
  [MMUEXT.TLB_FLUSH_MULTI]: {
    name: "TLB_FLUSH_MULTI",
    run: (r) => {
      requireSelf(r);
      readVcpuMask(r);
      return flushAll(r);
    },
  },
  [MMUEXT.INVLPG_LOCAL]: { name: "INVLPG_LOCAL", run: invalidatePage },
  [MMUEXT.INVLPG_ALL]: { name: "INVLPG_ALL", run: invalidatePage },
  [MMUEXT.INVLPG_MULTI]: {
    name: "INVLPG_MULTI",
    run: (r) => {
      requireSelf(r);
      readVcpuMask(r);
      return invalidatePage(r);
    },
  },
  // Caches are coherent here: there is nothing to flush but the right to do so.
  [MMUEXT.FLUSH_CACHE]: {
    name: "FLUSH_CACHE",
    run: (r) => {
      requireSelf(r);
      requireCacheFlush(r, EACCES);
      return 0;
    },
  },
  [MMUEXT.FLUSH_CACHE_GLOBAL]: {
    name: "FLUSH_CACHE_GLOBAL",
    run: (r) => {
      requireSelf(r);
      requireCacheFlush(r, EINVAL);
      return 0;
    },
  },
  [MMUEXT.SET_LDT]: {
    name: "SET_LDT",
    run: (r) => {
      requireSelf(r);
      setLdt(r.vcpu, argument(ARG1), words[ARG2 / 4]!);
      return 0;
    },
  },
  [MMUEXT.CLEAR_PAGE]: { name: "CLEAR_PAGE", run: (r) => onWritableFrame(r, (bytes) => bytes.fill(0)) },
  [MMUEXT.COPY_PAGE]: { name: "COPY_PAGE", run: copyPage },
  [MMUEXT.MARK_SUPER]: { name: "MARK_SUPER", run: () => -EOPNOTSUPP },
  [MMUEXT.UNMARK_SUPER]: { name: "UNMARK_SUPER", run: () => -EOPNOTSUPP },
};

const operations: Readonly<Record<number, Operation>> = Object.fromEntries(
  Object.entries(HANDLERS).map(([command, { name }]) => [command, { name, status: "done" }]),
);

export const mmuextOp: Hypercall = {
  number: HYPERVISOR.mmuext_op,
  name: "mmuext_op",
  arity: 4,
  operations,
  handler(hv, vcpu, args) {
    const domid = args.halves[6]!;
    // As Xen: whoever means itself says DOMID_SELF.
    if (domid === vcpu.domain.id) throw new HypercallError(ESRCH);
    const target = targetDomain(vcpu.domain, domid & 0xffff);
    return runBatch(hv, vcpu, args, mmuextOpStruct.size(vcpu.domain.width), (at, operation) => {
      takeRequest(vcpu.domain.width, at);
      const cmd = words[CMD / 4]!;
      hv.statistics.countOperation(HYPERVISOR.mmuext_op, cmd);
      const handler = HANDLERS[cmd];
      if (handler === undefined) return -ENOSYS;
      return handler.run({ hv, vcpu, target, operation });
    });
  },
};
