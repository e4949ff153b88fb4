/**
 * The common frame of mmu_update and mmuext_op: an array of requests, a count of those done for the
 * caller, the error of the first one that fails. It is preempted between requests, or within
 * one that validates much; the call is then made again for the rest, with MMU_UPDATE_PREEMPTED set.
 *
 *     args   requests, count, &done, foreigndom
 */
import { EFAULT, ERESTART } from "../../abi/errno.ts";
import { MMU_UPDATE_PREEMPTED, mmuextOpStruct } from "../../abi/xen.ts";
import { PAGE_MASK, PAGE_SIZE } from "../../machine/memory.ts";
import { CONTINUATION, type HypercallArguments, HypercallError, type HypercallResult } from "../hypercall.ts";
import type { Hypervisor } from "../hypervisor.ts";
import { readHalves } from "../traps/guest-words.ts";
import type { Vcpu } from "../vcpu.ts";
import { checkGuestArray, copyFromGuest, copyToGuest } from "./guest-access.ts";
import { highHalf, linearAddress, lowHalf } from "./linear.ts";
import { guestOperation, keepAbandoned, putOldGuestTable } from "./operation.ts";
import type { MmuOperation } from "./page-type.ts";

/** Most requests that are copied in at once. */
const CHUNK = 32;
/** Requests as the guest wrote them: one that changes another of its chunk does so too late. */
export const requests = new Uint32Array((CHUNK * mmuextOpStruct.sizeof) / 4);

/** Does the request that begins at an index of `requests`. @returns 0, -errno or -ERESTART */
type Handle = (request: number, operation: MmuOperation) => number;

/** Copies requests in, those of one page at most. @returns how many; 0 if the first one cannot be read */
function readRequests(vcpu: Vcpu, la: number, count: number, size: number): number {
  const inPage = Math.floor((PAGE_SIZE - (la & PAGE_MASK)) / size);
  const n = Math.max(1, Math.min(count, CHUNK, inPage));
  return readHalves(vcpu, lowHalf(la), highHalf(la), (n * size) / 4, requests) ? n : 0;
}

export function runBatch(
  hv: Hypervisor,
  vcpu: Vcpu,
  args: HypercallArguments,
  size: number,
  handle: Handle,
): HypercallResult {
  const { halves } = args;
  const list = linearAddress(halves[0]!, halves[1]!);
  const word = halves[2]!;
  const counted = (halves[4]! | halves[5]!) !== 0;
  const operation = guestOperation(hv);
  if (putOldGuestTable(vcpu, operation) !== 0) return CONTINUATION;

  const preempted = word >= MMU_UPDATE_PREEMPTED;
  const count = preempted ? word - MMU_UPDATE_PREEMPTED : word;
  const before = preempted && counted ? readDone(vcpu, args[2]!) : 0;
  if (count > 0) checkGuestArray(list, count, size);

  let result = 0;
  let i = 0;
  /** Requests from `first` to `end` are copied in. */
  let first = 0;
  let end = 0;
  /** A table is half taken apart: that comes first. */
  let unfinished = false;
  for (; i < count; i++) {
    if (i > 0 && (unfinished || operation.preempt())) {
      result = -ERESTART;
      break;
    }
    if (i === end) {
      first = i;
      end = i + readRequests(vcpu, list + i * size, count - i, size);
      if (end === first) {
        result = -EFAULT;
        break;
      }
    }
    result = tryHandle(handle, ((i - first) * size) / 4, operation);
    if (keepAbandoned(vcpu, operation)) unfinished = true;
    if (result !== 0) break;
  }
  if (result === 0 && unfinished) result = -ERESTART;
  if (counted) writeDone(vcpu, args[2]!, before + i);
  if (result !== -ERESTART) return result;
  args[0]! += BigInt(i * size);
  args[1] = BigInt(count - i + MMU_UPDATE_PREEMPTED);
  return CONTINUATION;
}

/** Errors that a request throws are its result: those before it are done, and counted. */
function tryHandle(handle: Handle, request: number, operation: MmuOperation): number {
  try {
    return handle(request, operation);
  } catch (error) {
    if (error instanceof HypercallError) return -error.errno;
    throw error;
  }
}

function readDone(vcpu: Vcpu, pdone: bigint): number {
  return new DataView(copyFromGuest(vcpu, pdone, 4).buffer).getUint32(0, true);
}

/** The count is a courtesy: a bad address for it does not undo what is done. */
function writeDone(vcpu: Vcpu, pdone: bigint, done: number): void {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setUint32(0, done, true);
  try {
    copyToGuest(vcpu, pdone, data);
  } catch (error) {
    if (!(error instanceof HypercallError) || error.errno !== EFAULT) throw error;
  }
}
