/** vcpu_op: bringing vCPUs up and down, their timers, and the memory areas they register. */
import { EEXIST, EFAULT, EINVAL, ENOENT, ENOSYS } from "../../abi/errno.ts";
import { SHUTDOWN } from "../../abi/sched.ts";
import {
  VCPUOP,
  vcpuRegisterArea,
  vcpuRegisterVcpuInfo,
  vcpuSetPeriodicTimer,
  vcpuSetSingleshotTimer,
} from "../../abi/vcpu.ts";
import { HYPERVISOR, vcpuGuestContext } from "../../abi/xen.ts";
import { lacksVcpuInfo, registerVcpuInfo } from "../event-channel/vcpu-info.ts";
import { CONTINUATION, type Hypercall, HypercallError, type HypercallResult } from "../hypercall.ts";
import { initialiseVcpu } from "../initialise-vcpu.ts";
import { done, firstArgument, refused } from "../misc/operation.ts";
import { copyToGuest, guestArrayAddress, guestStruct } from "../mm/guest-access.ts";
import { NEVER } from "../time/record.ts";
import { runstateBytes, updateRunstateArea } from "../time/runstate.ts";
import { updateTimeArea } from "../time/system-time.ts";
import { armVcpuTimers } from "../time/timers.ts";
import { sendNmi } from "../traps/deliver.ts";
import type { Vcpu } from "../vcpu.ts";
import { VPF_down } from "./record.ts";
import { bringUp, takeDown } from "./wake.ts";

const SHORTEST_PERIOD = 1_000_000n;
const LONGEST_PERIOD = 0x3fff_ffff_ffff_ffffn;

/** An operation: `vcpu` is the one it is for, `caller` the one that makes the call. */
type Handler = (caller: Vcpu, vcpu: Vcpu, argument: bigint) => HypercallResult;

function isDown(vcpu: Vcpu): boolean {
  return (vcpu.record.sched.pause_flags & VPF_down) !== 0;
}

function initialise(caller: Vcpu, vcpu: Vcpu, argument: bigint): HypercallResult {
  if (lacksVcpuInfo(vcpu)) return -EINVAL;
  const context = guestStruct(caller, vcpuGuestContext, argument);
  if (vcpu.initialised) return -EEXIST;
  return initialiseVcpu(vcpu, context) ? 0 : CONTINUATION;
}

function up(_caller: Vcpu, vcpu: Vcpu): number {
  if (!vcpu.initialised) return -EINVAL;
  if (isDown(vcpu)) bringUp(vcpu);
  return 0;
}

/** A domain whose last vCPU goes down has powered off. */
function down(_caller: Vcpu, vcpu: Vcpu): number {
  const others = vcpu.domain.vcpus.some((other) => other !== vcpu && !isDown(other));
  if (!others) vcpu.domain.shutdown(SHUTDOWN.poweroff);
  else if (!isDown(vcpu)) takeDown(vcpu);
  return 0;
}

function getRunstateInfo(caller: Vcpu, vcpu: Vcpu, argument: bigint): number {
  copyToGuest(caller, argument, runstateBytes(vcpu, true));
  return 0;
}

/** The address that a guest registers: it must be the guest's, but need not be mapped now. */
function areaAddress(caller: Vcpu, argument: bigint, size: number): bigint {
  const { addr: address } = guestStruct(caller, vcpuRegisterArea, argument);
  if (address !== 0n) guestArrayAddress(address, 0, size);
  return address;
}

function registerRunstateArea(caller: Vcpu, vcpu: Vcpu, argument: bigint): number {
  const data = runstateBytes(vcpu, true);
  const address = areaAddress(caller, argument, data.length);
  vcpu.record.time.runstate_area = address;
  if (vcpu === caller) updateRunstateArea(vcpu);
  else if (address !== 0n) {
    // For the first time with the caller's page tables; from then on with its own, when it runs.
    try {
      copyToGuest(caller, address, data);
    } catch (error) {
      if (!(error instanceof HypercallError) || error.errno !== EFAULT) throw error;
    }
  }
  return 0;
}

function registerTimeArea(caller: Vcpu, vcpu: Vcpu, argument: bigint): number {
  vcpu.record.time.time_area = areaAddress(caller, argument, 0x20);
  updateTimeArea(vcpu);
  return 0;
}

function setPeriodicTimer(caller: Vcpu, vcpu: Vcpu, argument: bigint): number {
  const { period_ns } = guestStruct(caller, vcpuSetPeriodicTimer, argument);
  if (period_ns < SHORTEST_PERIOD || period_ns > LONGEST_PERIOD) return -EINVAL;
  vcpu.record.time.periodic_period = period_ns;
  armVcpuTimers(vcpu);
  return 0;
}

function setSingleshotTimer(caller: Vcpu, vcpu: Vcpu, argument: bigint): number {
  if (vcpu !== caller) return -EINVAL;
  // VCPU_SSHOTTMR_future has no effect, as in Xen since 4.18 and late 4.17: a slow guest gave up after -ETIMEs.
  const { timeout_abs_ns } = guestStruct(caller, vcpuSetSingleshotTimer, argument);
  const timeout = BigInt.asIntN(64, timeout_abs_ns);
  // What is past (or negative) fires at once.
  vcpu.record.time.singleshot_deadline = timeout < 0n ? 0n : timeout;
  armVcpuTimers(vcpu);
  return 0;
}

function stopSingleshotTimer(caller: Vcpu, vcpu: Vcpu): number {
  if (vcpu !== caller) return -EINVAL;
  vcpu.record.time.singleshot_deadline = NEVER;
  return 0;
}

const handlers: Readonly<Record<number, Handler>> = {
  [VCPUOP.initialise]: initialise,
  [VCPUOP.up]: up,
  [VCPUOP.down]: down,
  [VCPUOP.is_up]: (_caller, vcpu) => (isDown(vcpu) ? 0 : 1),
  [VCPUOP.get_runstate_info]: getRunstateInfo,
  [VCPUOP.register_runstate_memory_area]: registerRunstateArea,
  [VCPUOP.set_periodic_timer]: setPeriodicTimer,
  [VCPUOP.stop_periodic_timer]: (_caller, vcpu) => {
    vcpu.record.time.periodic_period = 0n;
    return 0;
  },
  [VCPUOP.set_singleshot_timer]: setSingleshotTimer,
  [VCPUOP.stop_singleshot_timer]: stopSingleshotTimer,
  [VCPUOP.register_vcpu_info]: (caller, vcpu, argument) => {
    const { mfn, offset } = guestStruct(caller, vcpuRegisterVcpuInfo, argument);
    registerVcpuInfo(caller, vcpu, mfn, offset);
    return 0;
  },
  [VCPUOP.send_nmi]: (_caller, vcpu, argument) => {
    if (argument !== 0n) return -EINVAL;
    sendNmi(vcpu);
    return 0;
  },
  // For a hardware domain pinned to physical processors only.
  [VCPUOP.get_physid]: () => -EINVAL,
  [VCPUOP.register_vcpu_time_memory_area]: registerTimeArea,
};

/** Command in rdi, vCPU in rsi, argument at rdx. Guests probe thousands of vCPUs with is_up: nothing before the look-up. */
export const vcpuOp: Hypercall = {
  number: HYPERVISOR.vcpu_op,
  name: "vcpu_op",
  arity: 3,
  operations: {
    ...Object.fromEntries(Object.entries(VCPUOP).map(([name, command]) => [command, done(name)])),
    [VCPUOP.get_physid]: refused("get_physid", "-EINVAL: for a pinned hardware domain"),
  },
  operationOf: firstArgument,
  handler(_hv, caller, args) {
    const vcpu = caller.domain.vcpus[Number(BigInt.asUintN(32, args[1] ?? 0n))];
    if (vcpu === undefined) return -ENOENT;
    const handler = handlers[firstArgument(args)];
    return handler === undefined ? -ENOSYS : handler(caller, vcpu, args[2] ?? 0n);
  },
};
