/** multicall: a batch of hypercalls for the price of one. */
import { EFAULT, EINVAL } from "../abi/errno.ts";
import { HYPERVISOR, multicallEntry } from "../abi/xen.ts";
import { invoke } from "./dispatch.ts";
import {
  CONTINUATION,
  type Hypercall,
  HypercallArguments,
  HypercallError,
  type HypercallResult,
  REGISTERS_SET,
} from "./hypercall.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { checkGuestArray } from "./mm/guest-access.ts";
import { highHalf, linearAddress, lowHalf } from "./mm/linear.ts";
import { readWords, writeWords } from "./traps/guest-words.ts";
import type { Vcpu } from "./vcpu.ts";

const SIZE = multicallEntry.sizeof;
const RESULT = multicallEntry.offset.result;
const ARGS = multicallEntry.offset.args;
/** Entries between two looks at events. */
const BATCH = 512;

/** The entry in hand. */
const entry = new Uint32Array(SIZE / 4);
const result64 = new Uint32Array(2);
const callArgs = new HypercallArguments();

/** A 64-bit result: numbers with their sign. */
function putResult(value: number | bigint): void {
  if (typeof value === "number") {
    result64[0] = value;
    result64[1] = Math.floor(value / 2 ** 32);
  } else {
    result64[0] = Number(value & 0xffff_ffffn);
    result64[1] = Number((value >> 32n) & 0xffff_ffffn);
  }
}

function write(vcpu: Vcpu, at: number, words: Uint32Array): void {
  if (!writeWords(vcpu, lowHalf(at), highHalf(at), words.length / 2, words)) throw new HypercallError(EFAULT);
}

/** What is left is for the next call. */
function goOn(args: HypercallArguments, done: number, left: number): typeof CONTINUATION {
  args[0]! += BigInt(done * SIZE);
  args[1] = BigInt(left);
  return CONTINUATION;
}

function runBatch(hv: Hypervisor, vcpu: Vcpu, args: HypercallArguments): HypercallResult {
  const list = linearAddress(args.halves[0]!, args.halves[1]!);
  const count = args.halves[2]!;
  if (count === 0) return 0;
  // The range of the whole list, once: each entry is then known to be the guest's.
  checkGuestArray(list, count, SIZE);
  const { inMulticall } = hv.statistics;
  const { halves } = callArgs;
  for (let i = 0; i < count; i++) {
    const at = list + i * SIZE;
    if (i === BATCH || (i > 0 && hv.preempted())) return goOn(args, i, count - i);
    if (!readWords(vcpu, lowHalf(at), highHalf(at), SIZE / 8, entry)) throw new HypercallError(EFAULT);
    const number = entry[0]!;
    for (let half = 0; half < halves.length; half++) halves[half] = entry[ARGS / 4 + half]!;
    if (number < inMulticall.length) inMulticall[number]!++;
    const result = number === HYPERVISOR.multicall ? -EINVAL : invoke(hv, vcpu, number, callArgs);
    // The guest is somewhere else now, with RAX from its frame: the rest of the batch is void (XSA-213).
    if (result === REGISTERS_SET) return result;
    if (result === CONTINUATION) {
      write(vcpu, at + ARGS, halves);
      return goOn(args, i, count - i);
    }
    putResult(result);
    write(vcpu, at + RESULT, result64);
  }
  return 0;
}

export const multicall: Hypercall = {
  number: HYPERVISOR.multicall,
  name: "multicall",
  arity: 2,
  handler: runBatch,
};
