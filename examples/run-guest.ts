/**
 * Runs a guest from a program: boots Debian's kernel, runs a command in it, and
 * reads the command's output.
 *
 *     npx tsx examples/run-guest.ts uname -a
 */
import { commandRamdisk, createMachine, GuestAgent, obtainGuestImage } from "../src/node.ts";

const argv = process.argv.slice(2);
const image = await obtainGuestImage();

const machine = await createMachine({ memory: "256M" });
const domain = await machine.createDomain({
  kernel: image.kernel,
  // The command travels in a small archive behind the ramdisk; see docs/console-protocol.md.
  ramdisk: commandRamdisk(image.ramdisk, { argv: argv.length > 0 ? argv : ["cat", "/sys/hypervisor/type"] }),
  commandLine: "console=hvc0",
  consoles: 4,
});

// hvc0 has the kernel's messages; the agent speaks on hvc1; the command's output is on hvc2 and hvc3.
const [, control, output, errors] = domain.consoles;
if (!control || !output || !errors) throw new Error("no consoles");
const agent = new GuestAgent(control.raw, output.raw);
for await (const chunk of output.readable) process.stdout.write(chunk);
for await (const chunk of errors.readable) process.stderr.write(chunk);

const { reason } = await domain.wait();
console.error(`The command ended with ${await agent.finished}, the guest with ${reason}.`);
