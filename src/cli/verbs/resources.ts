/** Verbs for memory and vCPUs: mem-set, mem-max, vcpu-set. */
import { parseSize } from "../../client.ts";
import { ExitStatus, UserError } from "../exit-status.ts";
import { addMachineVerb, GROUPS, numberOf, type VerbContext } from "./verb.ts";

export function addResourceVerbs(context: VerbContext): void {
  for (const [name, method, description] of [
    ["mem-set", "setMemoryTarget", "set the memory that a domain is to have, by its balloon"],
    ["mem-max", "setMaximumMemory", "set the memory that a domain may have at most"],
  ] as const) {
    addMachineVerb<[string, string]>(
      context,
      {
        usage: `${name} <domain> <memory>`,
        group: GROUPS.resources,
        description,
        examples: [`typervisor ${name} web 512       MiB`, `typervisor ${name} web 1G`],
      },
      async (client, [domain, memory]) => {
        await client.request(method, { domain, bytes: bytesOf(memory) });
        return 0;
      },
    );
  }

  addMachineVerb<[string, string]>(
    context,
    {
      usage: "vcpu-set <domain> <vcpus>",
      group: GROUPS.resources,
      description: "set how many vCPUs of a domain are online",
      examples: ["typervisor vcpu-set web 2"],
    },
    async (client, [domain, vcpus]) => {
      await client.request("setVcpus", { domain, vcpus: numberOf(vcpus, "vcpus", 1, 128) });
      return 0;
    },
  );
}

function bytesOf(memory: string): number {
  try {
    return parseSize(memory);
  } catch (error) {
    throw new UserError((error as Error).message, ExitStatus.Usage);
  }
}
