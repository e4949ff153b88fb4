/** Runs programs of the suite in a machine of this process, and looks at the machine where they begin and end. */
import { readFileSync } from "node:fs";
import { createMachine, type Machine, type MachineOptions, obtainGuestImage } from "../src/node.ts";
import { commandLine, MEMORY_MIB } from "./guests/guest.ts";
import type { Options } from "./options.ts";
import { buildRamdisk, openWorkspace } from "./workspace.ts";

/** What was seen before and after something. */
export interface Span<T> {
  readonly before: T;
  readonly after: T;
}

/**
 * What `look` gives before and after each program, by name, and around the boot ("boot").
 * @throws Error if the guest ends before its programs
 */
export async function observe<T>(
  options: Options,
  machineOptions: MachineOptions,
  look: (machine: Machine) => T,
): Promise<ReadonlyMap<string, Span<T>>> {
  const ramdisk = readFileSync(buildRamdisk(openWorkspace(), "amd64", options));
  const { kernel } = await obtainGuestImage();
  const machine = await createMachine({ memory: `${MEMORY_MIB}M`, ...machineOptions });
  const spans = new Map<string, Span<T>>();
  let before = look(machine);
  const domain = await machine.createDomain({
    kernel,
    ramdisk,
    commandLine: commandLine("hvc0"),
    memory: `${MEMORY_MIB}M`,
  });
  const decoder = new TextDecoder();
  let line = "";
  for await (const chunk of domain.console.readable) {
    const lines = (line + decoder.decode(chunk, { stream: true })).split("\n");
    line = lines.pop() ?? "";
    for (const text of lines) {
      const [, marker, name = ""] = /@(boot|start|end|done)(?: (\S+))?/.exec(text) ?? [];
      if (marker === "boot") spans.set("boot", { before, after: look(machine) });
      if (marker === "start") before = look(machine);
      if (marker === "end") spans.set(name, { before, after: look(machine) });
      if (marker === "done") {
        machine.destroy();
        return spans;
      }
    }
  }
  const { reason, report } = await domain.wait();
  throw new Error(`the guest ended (${reason}) before its programs:\n${report ?? ""}`);
}
