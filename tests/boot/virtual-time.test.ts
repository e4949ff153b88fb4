/** In virtual time a boot can be repeated exactly: to the instruction, and to the byte. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { commandRamdisk, createMachine, type Machine, type MachineOptions, obtainGuestImage } from "../../src/node.ts";
import { noGuest } from "./guest-shell.ts";

const skip = await noGuest();

/** Boots, runs a command that looks at time and chance, and powers off. */
async function boot(
  options: MachineOptions,
  profiled: boolean,
): Promise<{
  machine: Machine;
  seen: { consoles: string[]; instructions: number; time: number; reason: string };
}> {
  const image = await obtainGuestImage();
  const machine = await createMachine({ virtualTime: true, ...options });
  if (profiled) machine.startProfile();
  const script = "date; cat /proc/uptime /proc/interrupts; sleep 1.5; od -An -tx1 -N 16 /dev/urandom; date +%s.%N >&2";
  const domain = await machine.createDomain({
    kernel: image.kernel,
    ramdisk: commandRamdisk(image.ramdisk, { argv: ["sh", "-c", script] }),
    commandLine: "console=hvc0",
    consoles: 4,
  });
  const read = async (output: AsyncIterable<Uint8Array>): Promise<string> => {
    let text = "";
    for await (const bytes of output) text += Buffer.from(bytes).toString("latin1");
    return text;
  };
  const consoles = await Promise.all(domain.consoles.map(({ raw }) => read(raw.output)));
  const { reason } = await domain.wait();
  const { cpu, clock } = machine.hypervisor;
  return { machine, seen: { consoles, instructions: cpu.retired, time: clock.now(), reason } };
}

test("boots with and without fast paths and a profile: the same instructions, time and bytes", { skip }, async () => {
  const { seen: first } = await boot({ fastPaths: false }, false);
  const { seen: second, machine } = await boot({}, true);
  assert.equal(first.reason, "poweroff");
  assert.match(first.consoles[0] ?? "", /Linux version/);
  assert.match(first.consoles[2] ?? "", /2026/);
  assert.deepEqual(second.consoles, first.consoles);
  assert.deepEqual(second, first);

  // The profile has the kernel's own names, by tier, and the hypercalls by their callers.
  const { nodes, samples } = machine.stopProfile();
  const named = nodes.filter(
    ({ callFrame: { url, functionName } }) => url !== "" && !functionName.startsWith("page 0x"),
  );
  const of = (script: string): number =>
    nodes.reduce((n, { callFrame, hitCount }) => n + (callFrame.url === script ? hitCount : 0), 0);
  assert.ok(samples.length > 1000, `${samples.length} samples`);
  assert.ok(named.length > 500, `${named.length} names`);
  for (const script of ["kernel/interpreter", "kernel/jit", "hypervisor/hypercall", "hypervisor/emulation"]) {
    assert.ok(of(script) > samples.length / 1000, `${of(script)} samples in ${script}`);
  }
  assert.ok(nodes.some(({ callFrame }) => callFrame.functionName === "mmu_update NORMAL_PT_UPDATE"));
  assert.ok(
    nodes.some(
      ({ callFrame }) => callFrame.functionName === "start_kernel" || callFrame.functionName === "free_unref_page",
    ),
  );
});
