/** multicall: a batch of hypercalls for the price of one. */
import { EFAULT, EINVAL } from "../abi/errno.ts";
import { HYPERVISOR, multicallEntry } from "../abi/xen.ts";
import { invoke, resultWord } from "./dispatch.ts";
import { CONTINUATION, type Hypercall, HypercallError, type HypercallResult } from "./hypercall.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { guestArrayAddress } from "./mm/guest-access.ts";
import { readWords, writeWords } from "./traps/guest-words.ts";
import type { Vcpu } from "./vcpu.ts";

const layout = multicallEntry;
const ENTRY_WORDS = layout.sizeof / 8;
const RESULT = BigInt(layout.offset.result);
const ARGS = BigInt(layout.offset.args);
const ARGUMENTS = 5;
/** Entries between two looks at events. */
const BATCH = 512;

const words = new BigUint64Array(ENTRY_WORDS);
const store = new BigUint64Array(ENTRY_WORDS);
const callArgs: bigint[] = [0n, 0n, 0n, 0n, 0n];

function write(vcpu: Vcpu, at: bigint, count: number): void {
  if (!writeWords(vcpu, at, count, store)) throw new HypercallError(EFAULT);
}

function runBatch(hv: Hypervisor, vcpu: Vcpu, args: bigint[]): HypercallResult {
  const list = args[0] ?? 0n;
  const count = Number(BigInt.asUintN(32, args[1] ?? 0n));
  if (count === 0) return 0;
  // The range of the whole list, once: each entry is then known to be the guest's.
  guestArrayAddress(list, count - 1, layout.sizeof);
  for (let i = 0; i < count; i++) {
    const at = list + BigInt(i * layout.sizeof);
    const goOn = (): typeof CONTINUATION => {
      args[0] = at;
      args[1] = BigInt(count - i);
      return CONTINUATION;
    };
    if (i === BATCH) return goOn();
    if (!readWords(vcpu, at, ENTRY_WORDS, words)) throw new HypercallError(EFAULT);
    const number = Number(BigInt.asUintN(32, words[0] ?? 0n));
    for (let a = 0; a < ARGUMENTS; a++) callArgs[a] = words[2 + a] ?? 0n;
    if (number < hv.statistics.inMulticall.length) hv.statistics.inMulticall[number]!++;
    const result = number === HYPERVISOR.multicall ? -EINVAL : invoke(hv, vcpu, number, callArgs);
    // The guest is somewhere else now, with RAX from its frame: the rest of the batch is void (XSA-213).
    if (number === HYPERVISOR.iret) return result;
    if (result === CONTINUATION) {
      for (let a = 0; a < ARGUMENTS; a++) store[a] = callArgs[a] ?? 0n;
      write(vcpu, at + ARGS, ARGUMENTS);
      return goOn();
    }
    store[0] = resultWord(result);
    write(vcpu, at + RESULT, 1);
  }
  return 0;
}

export const multicall: Hypercall = {
  number: HYPERVISOR.multicall,
  name: "multicall",
  handler: runBatch,
};
