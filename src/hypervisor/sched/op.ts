/** sched_op, its older form, and set_timer_op. */
import { EEXIST, EINVAL, ENOSYS, EPERM, ESRCH } from "../../abi/errno.ts";
import { SCHEDOP, schedPinOverride, schedRemoteShutdown, schedShutdown, schedWatchdog } from "../../abi/sched.ts";
import { DOMID_SELF, HYPERVISOR } from "../../abi/xen.ts";
import type { Domain } from "../domain.ts";
import { type Hypercall, HypercallError, type Operation } from "../hypercall.ts";
import { guestStruct } from "../mm/guest-access.ts";
import { systemTime } from "../time/now.ts";
import { NEVER, NR_DOMAIN_WATCHDOG_TIMERS } from "../time/record.ts";
import { armWatchdogs } from "../time/timers.ts";
import type { Vcpu } from "../vcpu.ts";
import { block, poll } from "./poll.ts";

const NANOSECONDS = 1_000_000_000n;

function yieldSlice(vcpu: Vcpu): void {
  vcpu.record.sched.yielded = 1;
}

/** Xen keeps the low byte of a reason, whatever it says. */
function shutdown(domain: Domain, reason: number): void {
  domain.shutdown(reason & 0xff);
}

/** A privileged domain may stop another one. */
function remoteShutdown(vcpu: Vcpu, argument: bigint): void {
  const op = guestStruct(vcpu, schedRemoteShutdown, argument);
  const { hypervisor } = vcpu.domain;
  const target = op.domain_id === DOMID_SELF ? vcpu.domain : hypervisor.domains.get(op.domain_id);
  const host = hypervisor.hostDomain?.id === op.domain_id;
  if (target === undefined && !host) throw new HypercallError(ESRCH);
  if (target === undefined || !vcpu.domain.privileged) throw new HypercallError(EPERM);
  shutdown(target, op.reason);
}

/** Arms, rearms or stops a watchdog: the domain is shut down unless it calls again in time. */
function watchdog(vcpu: Vcpu, argument: bigint): number {
  const op = guestStruct(vcpu, schedWatchdog, argument);
  const { watchdog: deadlines } = vcpu.domain.record.time;
  if (op.id > NR_DOMAIN_WATCHDOG_TIMERS) throw new HypercallError(EINVAL);
  const deadline = systemTime(vcpu.domain.hypervisor) + BigInt(op.timeout) * NANOSECONDS;
  if (op.id !== 0) {
    if (deadlines.get(op.id - 1) === NEVER) throw new HypercallError(EINVAL);
    deadlines.set(op.id - 1, op.timeout === 0 ? NEVER : deadline);
    armWatchdogs(vcpu.domain);
    return 0;
  }
  // A new one with a timeout of 0 is not refused: it expires at once.
  for (let id = 0; id < NR_DOMAIN_WATCHDOG_TIMERS; id++) {
    if (deadlines.get(id) !== NEVER) continue;
    deadlines.set(id, deadline);
    armWatchdogs(vcpu.domain);
    return id + 1;
  }
  throw new HypercallError(EEXIST);
}

function schedOperation(vcpu: Vcpu, command: number, argument: bigint): number {
  switch (command) {
    case SCHEDOP.yield:
      yieldSlice(vcpu);
      return 0;
    case SCHEDOP.block:
      block(vcpu);
      return 0;
    case SCHEDOP.poll:
      poll(vcpu, argument);
      return 0;
    case SCHEDOP.shutdown:
      shutdown(vcpu.domain, guestStruct(vcpu, schedShutdown, argument).reason);
      return 0;
    case SCHEDOP.remote_shutdown:
      remoteShutdown(vcpu, argument);
      return 0;
    case SCHEDOP.shutdown_code:
      vcpu.domain.record.shutdown_code = guestStruct(vcpu, schedShutdown, argument).reason & 0xff;
      return 0;
    case SCHEDOP.watchdog:
      return watchdog(vcpu, argument);
    case SCHEDOP.pin_override:
      // For the hardware domain only, which this hypervisor has none of.
      guestStruct(vcpu, schedPinOverride, argument);
      return -EPERM;
    default:
      return -ENOSYS;
  }
}

const operations: Record<number, Operation> = {};
for (const [name, command] of Object.entries(SCHEDOP)) operations[command] = { name, status: "done" };

/** A C `int` or `unsigned int` argument. */
const u32 = (value: bigint | undefined): number => Number(BigInt.asUintN(32, value ?? 0n));

export const schedOp: Hypercall = {
  number: HYPERVISOR.sched_op,
  name: "sched_op",
  arity: 2,
  operations,
  operationOf: (args) => u32(args[0]),
  handler: (_hv, vcpu, args) => schedOperation(vcpu, u32(args[0]), args[1] ?? 0n),
};

/** The form of Xen 3.0: yield, block, and shutdown with the reason by value. */
export const schedOpCompat: Hypercall = {
  number: HYPERVISOR.sched_op_compat,
  name: "sched_op_compat",
  operations: {
    [SCHEDOP.yield]: { name: "yield", status: "done" },
    [SCHEDOP.block]: { name: "block", status: "done" },
    [SCHEDOP.shutdown]: { name: "shutdown", status: "done" },
  },
  operationOf: (args) => u32(args[0]),
  handler(_hv, vcpu, args) {
    const command = u32(args[0]);
    if (command === SCHEDOP.shutdown) {
      shutdown(vcpu.domain, u32(args[1]));
      return 0;
    }
    return command === SCHEDOP.yield || command === SCHEDOP.block ? schedOperation(vcpu, command, 0n) : -ENOSYS;
  },
};
