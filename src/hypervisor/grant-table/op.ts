/** grant_table_op: each operation comes as an array, and has a status in each element. */
import { EINVAL, ENOSYS } from "../../abi/errno.ts";
import {
  GNTTABOP,
  gnttabCacheFlush,
  gnttabCopy,
  gnttabMapGrantRef,
  gnttabSwapGrantRef,
  gnttabTransfer,
  gnttabUnmapAndReplace,
  gnttabUnmapGrantRef,
} from "../../abi/grant_table.ts";
import type { StructDef, View } from "../../abi/struct.ts";
import { HYPERVISOR } from "../../abi/xen.ts";
import { CONTINUATION, type Hypercall, type HypercallArguments, type HypercallResult } from "../hypercall.ts";
import { done, firstArgument, refused } from "../misc/operation.ts";
import { guestArrayAddress, guestStruct, putGuestStruct } from "../mm/guest-access.ts";
import { flushTlb } from "../mm/tlb.ts";
import type { Vcpu } from "../vcpu.ts";
import { cacheFlushOne } from "./cache-flush.ts";
import { copyOne } from "./copy.ts";
import { mapOne } from "./map.ts";
import { getStatusFrames, getVersion, querySize, setupTable } from "./setup.ts";
import { swapOne } from "./swap.ts";
import { transferOne } from "./transfer.ts";
import { unmapOne } from "./unmap.ts";
import { setVersion } from "./version.ts";

type Fields = Parameters<typeof import("../../abi/struct.ts").struct>[1];

/** What an element is worth to `preempted`: up to a page is copied. */
const ELEMENT_STEPS = 8;
const MAX_COUNT = 0x7fff_ffff;

/** An operation on an array: runs elements in order, and goes on later if there are many. */
interface ArrayOperation {
  size(vcpu: Vcpu): number;
  /** Runs one element; a negative result ends the hypercall with it. */
  run(vcpu: Vcpu, address: bigint): number;
  /** Called once, when it is over or preempted. */
  finish?(vcpu: Vcpu): void;
}

/** Copies an element in, lets `run` fill in its results, copies it out. */
function elements<F extends Fields>(
  def: StructDef<F>,
  run: (vcpu: Vcpu, op: View<F>) => number | undefined,
  finish?: (vcpu: Vcpu) => void,
): ArrayOperation {
  return {
    size: (vcpu) => def.size(vcpu.domain.width),
    run(vcpu, address) {
      const op = guestStruct(vcpu, def, address);
      const error = run(vcpu, op);
      if (error !== undefined) return error;
      putGuestStruct(vcpu, def, address, op);
      return 0;
    },
    ...(finish === undefined ? {} : { finish }),
  };
}

const flush = (vcpu: Vcpu): void => flushTlb(vcpu.domain.hypervisor);

const arrayOperations: Readonly<Record<number, ArrayOperation>> = {
  [GNTTABOP.map_grant_ref]: elements(gnttabMapGrantRef, (vcpu, op) => void (op.status = mapOne(vcpu, op))),
  [GNTTABOP.unmap_grant_ref]: elements(gnttabUnmapGrantRef, (vcpu, op) => void (op.status = unmapOne(vcpu, op)), flush),
  [GNTTABOP.unmap_and_replace]: elements(
    gnttabUnmapAndReplace,
    (vcpu, op) => {
      const { handle, host_addr, new_addr } = op;
      op.status = unmapOne(vcpu, { handle, host_addr, new_addr, dev_bus_addr: 0n });
      return undefined;
    },
    flush,
  ),
  [GNTTABOP.copy]: elements(gnttabCopy, (vcpu, op) => void (op.status = copyOne(vcpu.domain, op))),
  [GNTTABOP.transfer]: elements(gnttabTransfer, (vcpu, op) => void (op.status = transferOne(vcpu.domain, op)), flush),
  [GNTTABOP.swap_grant_ref]: elements(
    gnttabSwapGrantRef,
    (vcpu, op) => void (op.status = swapOne(vcpu.domain, op.ref_a, op.ref_b)),
  ),
  [GNTTABOP.cache_flush]: elements(gnttabCacheFlush, (vcpu, op) => cacheFlushOne(vcpu.domain, op) || undefined),
};

/** Operations on exactly one element (set_version and get_version do not look at the count). */
const singleOperations: Readonly<Record<number, (vcpu: Vcpu, argument: bigint, count: number) => void>> = {
  [GNTTABOP.setup_table]: setupTable,
  [GNTTABOP.query_size]: querySize,
  [GNTTABOP.set_version]: setVersion,
  [GNTTABOP.get_status_frames]: getStatusFrames,
  [GNTTABOP.get_version]: getVersion,
};

function runArray(vcpu: Vcpu, operation: ArrayOperation, args: HypercallArguments, count: number): HypercallResult {
  const address = args[1] ?? 0n;
  const size = operation.size(vcpu);
  if (count > 0) guestArrayAddress(address, count - 1, size);
  const { hypervisor } = vcpu.domain;
  let i = 0;
  try {
    for (; i < count && !(i > 0 && hypervisor.preempted(ELEMENT_STEPS)); i++) {
      const result = operation.run(vcpu, guestArrayAddress(address, i, size));
      if (result < 0) return result;
    }
  } finally {
    operation.finish?.(vcpu);
  }
  if (i === count) return 0;
  args[1] = address + BigInt(i * size);
  args[2] = BigInt(count - i);
  return CONTINUATION;
}

/** Command in rdi, array at rsi, number of elements in rdx. */
export const grantTableOp: Hypercall = {
  number: HYPERVISOR.grant_table_op,
  name: "grant_table_op",
  operations: {
    ...Object.fromEntries(Object.entries(GNTTABOP).map(([name, command]) => [command, done(name)])),
    [GNTTABOP.dump_table]: refused("dump_table", "-ENOSYS: Xen dropped it for a debug key"),
  },
  operationOf: firstArgument,
  handler(_hv, vcpu, args) {
    const command = firstArgument(args);
    const count = Number(BigInt.asUintN(32, args[2] ?? 0n));
    if (count > MAX_COUNT) return -EINVAL;
    const single = singleOperations[command];
    if (single !== undefined) {
      single(vcpu, args[1] ?? 0n, count);
      return 0;
    }
    const operation = arrayOperations[command];
    return operation === undefined ? -ENOSYS : runArray(vcpu, operation, args, count);
  },
};
