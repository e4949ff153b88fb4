/**
 * The smallest use of the library: boots a kernel from a file, shows its console,
 * and tells how it ended.
 *
 *     npx tsx examples/hello-guest.ts KERNEL [RAMDISK]
 */
import { createMachine, readImageFile } from "../src/node.ts";

const [kernel, ramdisk] = process.argv.slice(2);
if (kernel === undefined) throw new Error("usage: hello-guest.ts KERNEL [RAMDISK]");

const machine = await createMachine({ memory: "64M" });
const domain = await machine.createDomain({
  kernel: await readImageFile(kernel, "kernel"),
  ...(ramdisk !== undefined && { ramdisk: await readImageFile(ramdisk, "ramdisk") }),
  commandLine: "console=hvc0",
});

for await (const chunk of domain.console.readable) process.stdout.write(chunk);

const { reason, report } = await domain.wait();
console.log(`The guest ended: ${reason}.`);
if (report !== undefined) console.log(report);
