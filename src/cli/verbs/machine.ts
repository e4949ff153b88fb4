/** Verbs that look at the machine: info, dmesg. */
import { addMachineVerb, GROUPS, print, type VerbContext } from "./verb.ts";

const MEBIBYTE = 2 ** 20;

export function addMachineVerbs(context: VerbContext): void {
  addMachineVerb<[]>(
    context,
    {
      usage: "info",
      group: GROUPS.inspect,
      description: "print what is known of the machine",
      examples: ["typervisor info", "typervisor info | grep free_memory"],
    },
    async (client) => {
      const info = await client.request("info", {});
      const lines: readonly (readonly [string, string | number | undefined])[] = [
        ["host", info.host],
        ["release", info.system],
        ["machine", "x86_64"],
        ["nr_cpus", info.processors],
        ["nr_domains", info.domains],
        ["total_memory", Math.floor(info.totalMemoryBytes / MEBIBYTE)],
        ["free_memory", Math.floor(info.freeMemoryBytes / MEBIBYTE)],
        ["xen_major", info.xenMajor],
        ["xen_minor", info.xenMinor],
        ["xen_version", `${info.xenMajor}.${info.xenMinor}`],
        ["xen_caps", "xen-3.0-x86_64"],
        ["xen_scheduler", info.scheduler],
        ["xen_pagesize", 4096],
        ["typervisor_version", info.version],
        ["uptime", Math.floor(info.upSeconds)],
        ["pid", info.pid],
        ["state", info.stateDirectory],
      ];
      const known = lines.filter(([, value]) => value !== undefined);
      print(known.map(([key, value]) => `${key.padEnd(23)}: ${value}`).join("\n"));
      return 0;
    },
  );
  addMachineVerb<[], { readonly clear?: boolean }>(
    context,
    {
      usage: "dmesg",
      group: GROUPS.inspect,
      description: "print the hypervisor's messages: domains made and ended, crash reports",
      options: [["-c, --clear", "clear them afterwards"]],
      examples: ["typervisor dmesg"],
    },
    async (client, _args, { clear = false }) => {
      print((await client.request("messages", { clear })).text);
      return 0;
    },
  );
}
