/** multicall: a batch of hypercalls for the price of one. */
import { EFAULT, EINVAL } from "../abi/errno.ts";
import { HYPERVISOR, multicallEntry } from "../abi/xen.ts";
import { invoke } from "./dispatch.ts";
import { CONTINUATION, type Hypercall, HypercallError, type HypercallResult, REGISTERS_SET } from "./hypercall.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { guestArrayAddress } from "./mm/guest-access.ts";
import { highHalf, lowHalf, readWords, wordAt, writeWords } from "./traps/guest-words.ts";
import type { Vcpu } from "./vcpu.ts";

const layout = multicallEntry;
const ENTRY_WORDS = layout.sizeof / 8;
const RESULT = BigInt(layout.offset.result);
const ARGS = BigInt(layout.offset.args);
const ARGUMENTS = 5;
/** Entries between two looks at events. */
const BATCH = 512;

const words = new Uint32Array(ENTRY_WORDS * 2);
const store = new Uint32Array(ENTRY_WORDS * 2);
const callArgs: bigint[] = [0n, 0n, 0n, 0n, 0n];

/** A 64-bit result or argument: numbers with their sign. */
function putWord(into: Uint32Array, index: number, value: number | bigint): void {
  if (typeof value === "number") {
    into[index * 2] = value;
    into[index * 2 + 1] = Math.floor(value / 2 ** 32);
  } else {
    into[index * 2] = Number(value & 0xffff_ffffn);
    into[index * 2 + 1] = Number((value >> 32n) & 0xffff_ffffn);
  }
}

function write(vcpu: Vcpu, at: bigint, count: number): void {
  if (!writeWords(vcpu, lowHalf(at), highHalf(at), count, store)) throw new HypercallError(EFAULT);
}

/** What is left is for the next call. */
function goOn(args: bigint[], at: bigint, left: number): typeof CONTINUATION {
  args[0] = at;
  args[1] = BigInt(left);
  return CONTINUATION;
}

function runBatch(hv: Hypervisor, vcpu: Vcpu, args: bigint[]): HypercallResult {
  const list = args[0] ?? 0n;
  const count = Number(BigInt.asUintN(32, args[1] ?? 0n));
  if (count === 0) return 0;
  // The range of the whole list, once: each entry is then known to be the guest's.
  guestArrayAddress(list, count - 1, layout.sizeof);
  for (let i = 0; i < count; i++) {
    const at = list + BigInt(i * layout.sizeof);
    if (i === BATCH || (i > 0 && hv.preempted())) return goOn(args, at, count - i);
    if (!readWords(vcpu, lowHalf(at), highHalf(at), ENTRY_WORDS, words)) throw new HypercallError(EFAULT);
    const number = words[0]!;
    for (let a = 0; a < ARGUMENTS; a++) callArgs[a] = wordAt(words, 2 + a);
    if (number < hv.statistics.inMulticall.length) hv.statistics.inMulticall[number]!++;
    const result = number === HYPERVISOR.multicall ? -EINVAL : invoke(hv, vcpu, number, callArgs);
    // The guest is somewhere else now, with RAX from its frame: the rest of the batch is void (XSA-213).
    if (result === REGISTERS_SET) return result;
    if (result === CONTINUATION) {
      for (let a = 0; a < ARGUMENTS; a++) putWord(store, a, callArgs[a] ?? 0n);
      write(vcpu, at + ARGS, ARGUMENTS);
      return goOn(args, at, count - i);
    }
    putWord(store, 0, result);
    write(vcpu, at + RESULT, 1);
  }
  return 0;
}

export const multicall: Hypercall = {
  number: HYPERVISOR.multicall,
  name: "multicall",
  arity: 2,
  handler: runBatch,
};
