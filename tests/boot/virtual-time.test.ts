/** In virtual time a boot can be repeated exactly: to the instruction, and to the byte. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { commandRamdisk, createMachine, type MachineOptions, obtainGuestImage } from "../../src/node.ts";
import { noGuest } from "./guest-shell.ts";

const skip = await noGuest();

/** Boots, runs a command that looks at time and chance, and powers off. */
async function boot(
  options: MachineOptions = {},
): Promise<{ consoles: string[]; instructions: number; time: number; reason: string }> {
  const image = await obtainGuestImage();
  const machine = await createMachine({ virtualTime: true, ...options });
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
  return { consoles, instructions: cpu.retired, time: clock.now(), reason };
}

test("boots with and without fast paths: the same instructions, the same time, the same bytes", { skip }, async () => {
  const first = await boot();
  const second = await boot({ fastPaths: false });
  assert.equal(first.reason, "poweroff");
  assert.match(first.consoles[0] ?? "", /Linux version/);
  assert.match(first.consoles[2] ?? "", /2026/);
  assert.deepEqual(second.consoles, first.consoles);
  assert.deepEqual(second, first);
});
