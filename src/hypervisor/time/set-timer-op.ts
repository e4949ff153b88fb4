/** set_timer_op: the one-shot timer, in its first form. */
import { HYPERVISOR } from "../../abi/xen.ts";
import type { Hypercall } from "../hypercall.ts";
import { systemTime } from "./now.ts";
import { NEVER } from "./record.ts";
import { armVcpuTimers } from "./timers.ts";

/** Further away (13 days), or negative: an old Linux whose jiffies have wrapped, or that has no timer at all. */
const UNREASONABLE = 1n << 50n;
const RETRY = 100_000_000n;

/** 64-bit guests: the deadline in rdi. 32-bit ones: low and high half in ebx and ecx. 0 stops the timer. */
export const setTimerOp: Hypercall = {
  number: HYPERVISOR.set_timer_op,
  name: "set_timer_op",
  handler(hv, vcpu, args) {
    const low = args[0] ?? 0n;
    const deadline = vcpu.domain.width === 64 ? low : ((args[1] ?? 0n) << 32n) | BigInt.asUintN(32, low);
    const timeout = BigInt.asIntN(64, deadline);
    const now = systemTime(hv);
    const record = vcpu.record.time;
    if (timeout === 0n) record.singleshot_deadline = NEVER;
    else if (timeout < 0n || timeout - now >= UNREASONABLE) record.singleshot_deadline = now + RETRY;
    else record.singleshot_deadline = timeout;
    armVcpuTimers(vcpu);
    return 0;
  },
};
