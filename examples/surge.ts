/**
 * A server guest under a surge. Its sessions need memory; when it has none left it asks the hypervisor for more, by
 * hypercall, while it serves. Prints what it serves and has.
 *
 *     npx tsx examples/surge.ts
 */
import { readFileSync } from "node:fs";
import { buildDemo } from "../guests/build.ts";
import { createMachine, formatSize } from "../src/index.ts";

const image = buildDemo("surge");
if (image === undefined) throw new Error("demo guests are built with gcc for x86-64, which is not here");

const machine = await createMachine({ memory: "32M" });
const domain = await machine.createDomain({ kernel: readFileSync(image), memory: "1M", maxMemory: "16M" });
const { raw } = domain.console;

/** Sends requests, each a character, and counts the answers by their status. */
async function serve(requests: string): Promise<void> {
  const counts: Record<string, number> = {};
  const started = performance.now();
  let sessions = "0";
  for (const request of requests) {
    await raw.write(new TextEncoder().encode(request));
    let line = "";
    while (!line.endsWith("\n")) line += new TextDecoder().decode(await raw.output.next());
    const [status = "", open = ""] = line.split(" ");
    counts[status] = (counts[status] ?? 0) + 1;
    sessions = open;
  }
  const answers = Object.entries(counts).map(([status, count]) => `${count} x ${status}`);
  const { current, maximum } = domain.memory;
  console.log(
    `${answers.join(", ")} in ${(performance.now() - started).toFixed(0)} ms: ${sessions} sessions, ` +
      `${formatSize(current)} of at most ${formatSize(maximum)}, ${formatSize(machine.memory.free)} free outside`,
  );
}

console.log("A quiet day:");
await serve("+".repeat(10));
console.log("The surge; the guest may have its 1 MiB, and the one on top that Xen's tools grant:");
await serve("+".repeat(100));
console.log("The surge, with up to 16 MiB; the guest takes them while it serves:");
domain.setMaximumMemory("16M");
await serve("+".repeat(200));
console.log("All sessions still hold what was put into them:");
await serve(".");
console.log("The surge is over; the guest gives its memory back:");
await serve("-".repeat(200));
machine.destroy();
