/** The run loop with a processor that follows a script: events, timers, blocking, crashes, the end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HYPERVISOR } from "../../src/abi/xen.ts";
import { allocUnbound } from "../../src/hypervisor/event-channel/bind.ts";
import { sendPort } from "../../src/hypervisor/event-channel/deliver.ts";
import { vcpuInfo } from "../../src/hypervisor/event-channel/vcpu-info.ts";
import { HostDomain } from "../../src/hypervisor/host-domain.ts";
import type { HypervisorHooks } from "../../src/hypervisor/hypervisor.ts";
import { bringUp } from "../../src/hypervisor/sched/wake.ts";
import { ExitReason } from "../../src/machine/processor.ts";
import { RAX, RBP, RDI, RDX, RSI, RSP } from "../../src/machine/x86/state.ts";
import { CODE, DATA, STACK, TestGuest } from "./guest.ts";

type Step = (g: TestGuest, budget: number) => ExitReason;

/** Each call of `run` is one step; behind the last one the guest only uses up its budget. */
function scripted(steps: Step[], hooks: HypervisorHooks = {}): TestGuest {
  const g = new TestGuest(hooks);
  g.vcpu.record.time.periodic_period = 0n;
  g.vcpu.traps.event.handler = g.va(CODE, 0x100);
  g.cpu.run = (budget = 0) => {
    const step = steps.shift();
    const reason = step?.(g, budget) ?? ExitReason.Budget;
    g.cpu.state.retired += BigInt(reason === ExitReason.Budget ? budget : 10);
    g.now += reason === ExitReason.Budget ? budget : 10;
    return reason;
  };
  return g;
}

const hypercall =
  (number: number, ...args: (number | bigint)[]): Step =>
  ({ vcpu }) => {
    [RDI, RSI, RDX].forEach((register, i) => {
      vcpu.gpr[register] = BigInt(args[i] ?? 0);
    });
    vcpu.gpr[RAX] = BigInt(number);
    return ExitReason.Syscall;
  };

const block = hypercall(HYPERVISOR.sched_op, 1);

test("a busy guest uses its slice, and the next one", () => {
  const g = scripted([]);
  assert.deepEqual(g.hv.runSlice({ nanoseconds: 1e6, instructions: 1e9 }), { state: "runnable" });
  assert.ok(g.now >= 1e6 && g.now < 1.5e6, String(g.now));
  const before = g.cpu.state.retired;
  g.hv.runSlice({ nanoseconds: 1e9, instructions: 50_000 });
  const took = Number(g.cpu.state.retired - before);
  assert.ok(took >= 50_000 && took < 60_000, String(took));
});

test("a blocked guest says when it wants to go on; a timer wakes it", () => {
  const seen: bigint[] = [];
  const g = scripted([
    (g) => {
      g.setWord(g.va(DATA), 7_000_000n);
      return hypercall(HYPERVISOR.vcpu_op, 8, 0, g.va(DATA))(g, 0);
    },
    // bind_virq TIMER
    (g) => {
      g.setWord(g.va(DATA), 0n);
      return hypercall(HYPERVISOR.event_channel_op, 1, g.va(DATA))(g, 0);
    },
    block,
    (g) => {
      seen.push(g.vcpu.state.rip);
      return ExitReason.Budget;
    },
  ]);
  assert.deepEqual(g.hv.runSlice(), { state: "blocked", wakeAt: 7_000_000 });
  assert.equal(vcpuInfo(g.vcpu).evtchn_upcall_mask, 0);
  assert.deepEqual(g.hv.runSlice(), { state: "blocked", wakeAt: 7_000_000 });
  g.now = 7_000_000;
  assert.deepEqual(g.hv.runSlice({ instructions: 1000 }), { state: "runnable" });
  assert.deepEqual(seen, [g.va(CODE, 0x100)]);
  assert.equal(g.hv.statistics.eventUpcalls, 1);
});

test("without a timer a blocked guest waits for an event from outside", () => {
  const g = scripted([block]);
  const port = allocUnbound(g.domain, 0);
  assert.deepEqual(g.hv.runSlice(), { state: "blocked" });
  const host = new HostDomain(g.hv);
  const channel = host.bindInterdomain(g.domain.id, port, () => {});
  channel.notify();
  assert.deepEqual(g.hv.runSlice({ instructions: 1000 }), { state: "runnable" });
});

test("callbacks of the host run when the guest has had its turn, not within hypercalls", () => {
  const order: string[] = [];
  const g = scripted([
    (g) => {
      sendPort(g.domain, port);
      order.push("sent");
      return hypercall(HYPERVISOR.xen_version, 0)(g, 0);
    },
    () => {
      order.push("guest");
      return ExitReason.Budget;
    },
  ]);
  const port = allocUnbound(g.domain, 0);
  new HostDomain(g.hv).bindInterdomain(g.domain.id, port, () => order.push("host"));
  g.hv.runSlice({ instructions: 1000 });
  g.hv.runSlice({ instructions: 1000 });
  assert.deepEqual(order.slice(order.indexOf("sent")), ["sent", "guest", "host"]);
});

test("shutdown ends the last domain; the host is told after the hypercall", () => {
  let told = 0;
  const g = scripted(
    [
      (g) => {
        g.setWord(g.va(DATA), 0n);
        return hypercall(HYPERVISOR.sched_op, 2, g.va(DATA))(g, 0);
      },
    ],
    { onShutdown: (domain) => (told += domain.id) },
  );
  assert.deepEqual(g.hv.runSlice(), { state: "ended" });
  assert.equal(told, 1);
  assert.equal(g.domain.record.shutdown_code, 0);
  assert.deepEqual(g.hv.runSlice(), { state: "ended" });
});

test("a crash: report with registers, hypercalls and names; the neighbour goes on", () => {
  let report = "";
  const events: string[] = [];
  const g = scripted(
    [
      hypercall(HYPERVISOR.xen_version, 0),
      (g) => {
        g.vcpu.gpr[RSP] = g.va(STACK, 0x800);
        g.setWord(g.va(STACK, 0x908), g.va(CODE, 0x77));
        g.setWord(g.va(STACK, 0x810), g.va(CODE, 0x55));
        g.bytes(g.va(CODE, 0x72), [0xe8, 0, 0, 0, 0]);
        g.vcpu.state.exit_vector = 13;
        g.vcpu.state.exit_error_code = 0x18;
        return ExitReason.Exception;
      },
    ],
    {
      onCrash: (_domain, text) => {
        report = text;
        events.push("crash");
      },
      onShutdown: (domain) => events.push(`shutdown ${domain.record.shutdown_code}`),
      symbolize: (_domain, address) =>
        address >> 12n === 0x400n ? `start+0x${(address & 0xfffn).toString(16)}` : undefined,
    },
  );
  assert.deepEqual(g.hv.runSlice(), { state: "ended" });
  assert.deepEqual(events, ["crash", "shutdown 3"]);
  assert.match(report, /domain 1 vCPU 0 crashed: unhandled exception #GP\[0x18\]/);
  assert.match(report, /rip 0000000000400000 <start\+0x0>/);
  // Only what stands behind a CALL is a return address.
  assert.match(report, /on the stack\):\n {2}0000000000400000 <start\+0x0>\n {2}0000000000400077 <start\+0x77>\nlast/);
  assert.match(report, /vCPU 0: xen_version\(0x0, 0x0, 0x0\) = 262161/);
});

test("two vCPUs take turns, and their registers stay their own", () => {
  const ran: number[] = [];
  const mark: Step = (g) => {
    const id = g.hv.current!.id;
    ran.push(id);
    assert.equal(g.cpu.gpr[RBP], BigInt(1000 + id));
    return hypercall(HYPERVISOR.sched_op, 0)({ ...g, vcpu: g.hv.current! } as TestGuest, 0);
  };
  const g = scripted([mark, mark, mark, mark]);
  const second = g.domain.vcpus[1]!;
  second.mm.kernel_root = g.vcpu.mm.kernel_root;
  second.record.flags |= 1;
  bringUp(second);
  second.record.time.periodic_period = 0n;
  second.kernelMode = true;
  second.gpr[RBP] = 1001n;
  g.vcpu.gpr[RBP] = 1000n;
  g.hv.runSlice({ instructions: 1000 });
  assert.deepEqual(ran.slice(0, 4).sort(), [0, 0, 1, 1]);
  assert.notEqual(ran[0], ran[1]);
  second.mm.kernel_root = 0;
});

test("a domain can be ended by a callback while it runs, and leaves nothing behind", () => {
  const g = scripted([
    (g) => {
      sendPort(g.domain, port);
      return hypercall(HYPERVISOR.xen_version, 0)(g, 0);
    },
  ]);
  const port = allocUnbound(g.domain, 0);
  const host = new HostDomain(g.hv);
  let calls = 0;
  host.bindInterdomain(g.domain.id, port, () => {
    if (++calls === 2) g.hv.destroyDomain(g.domain);
  });
  assert.deepEqual(g.hv.runSlice(), { state: "ended" });
  assert.equal(g.hv.domains.size, 0);
  assert.equal(g.hv.current, undefined);
});

test("making and ending a domain gives all frames back", () => {
  const g = scripted([]);
  const make = (): void => {
    const domain = g.hv.createDomain({ memoryFrames: 16, maxVcpus: 3 });
    g.hv.destroyDomain(domain);
  };
  make();
  const free = g.hv.frames.state.free_frames;
  make();
  assert.equal(g.hv.frames.state.free_frames, free);
  assert.throws(() => g.hv.createDomain({ memoryFrames: 16, id: 1 }), /there is a domain 1/);
  assert.throws(() => g.hv.createDomain({ memoryFrames: 16, width: 32 }), /32-bit PV/);
});
