/** Verbs that list: list, vcpu-list, uptime, domid, domname. Columns as those of xl. */
import type { ControlClient, DomainSpec, DomainStatus } from "../../client.ts";
import { addMachineVerb, forEach, GROUPS, print, type VerbContext } from "./verb.ts";

const MEBIBYTE = 2 ** 20;
const SHUTDOWN_CRASH = 3;

export function addListVerbs(context: VerbContext): void {
  addMachineVerb<[string[]], { readonly long?: boolean; readonly verbose?: boolean }>(
    context,
    {
      usage: "list [domain...]",
      group: GROUPS.domains,
      description: "list domains: memory, vCPUs, state, processor time",
      options: [
        ["-l, --long", "everything, as JSON"],
        ["-v, --verbose", "UUIDs and reasons of shutdowns, too"],
      ],
      examples: [
        "typervisor list",
        "typervisor list -l web",
        "",
        "State: r running, b blocked (waits for events), p paused, s shut down, c crashed, d dying.",
      ],
    },
    async (client, [names], { long, verbose }) => {
      const { domains, status } = await domainsNamed(client, names);
      // Nothing but complaints.
      if (domains.length === 0 && status !== 0) return status;
      if (long) print(JSON.stringify(domains.map(asJson), null, 4));
      else print([listHeader(verbose), ...domains.map((domain) => listRow(domain, verbose))].join("\n"));
      return status;
    },
  );

  addMachineVerb<[string[]]>(
    context,
    {
      usage: "vcpu-list [domain...]",
      group: GROUPS.resources,
      description: "list vCPUs",
      examples: ["typervisor vcpu-list web"],
    },
    async (client, [names]) => {
      const rows = [vcpuRow("Name", "ID", "VCPU", "CPU", "State", "Time(s)", "Affinity (Hard / Soft)")];
      const status = await forEach(names.length === 0 ? [""] : names, async (name) => {
        const { domains } = await client.request("vcpus", name === "" ? {} : { domain: name });
        for (const { id, name, vcpus } of domains) {
          for (const { id: vcpu, online, state, cpuSeconds } of vcpus) {
            // All vCPUs share the machine's one processor.
            const letters = online ? `${state === "running" ? "r" : "-"}${state === "blocked" ? "b" : "-"}-` : "--p";
            rows.push(vcpuRow(name, id, vcpu, online ? 0 : "-", letters, cpuSeconds.toFixed(1), "all / all"));
          }
        }
      });
      if (rows.length > 1 || status === 0) print(rows.join("\n"));
      return status;
    },
  );

  addMachineVerb<[string[]], { readonly short?: boolean }>(
    context,
    {
      usage: "uptime [domain...]",
      group: GROUPS.inspect,
      description: "print how long domains have been running",
      options: [["-s, --short", "one line a domain, without a heading"]],
      examples: ["typervisor uptime"],
    },
    async (client, [names], { short }) => {
      const { domains, status } = await domainsNamed(client, names);
      if (domains.length === 0 && status !== 0) return status;
      const rows = domains.map(({ name, id, upSeconds }) => {
        const time = formatDuration(upSeconds);
        return short ? `up ${time}, ${name} (${id})` : `${name.padEnd(33)} ${String(id).padStart(4)} ${time}`;
      });
      print([...(short ? [] : [`${"Name".padEnd(33)}   ID Uptime`]), ...rows].join("\n"));
      return status;
    },
  );

  addMachineVerb<[string]>(
    context,
    {
      usage: "domid <domain>",
      group: GROUPS.inspect,
      description: "print the id of a domain",
      examples: ["typervisor domid web"],
    },
    async (client, [domain]) => {
      print(String((await client.request("list", { domain })).domains[0]?.id));
      return 0;
    },
  );
  addMachineVerb<[string]>(
    context,
    {
      usage: "domname <domain>",
      group: GROUPS.inspect,
      description: "print the name of a domain",
      examples: ["typervisor domname 3"],
    },
    async (client, [domain]) => {
      print((await client.request("list", { domain })).domains[0]?.name ?? "");
      return 0;
    },
  );
}

/** Those that there are, and a status that tells whether all were there. */
async function domainsNamed(
  client: ControlClient,
  names: readonly string[],
): Promise<{ domains: DomainStatus[]; status: number }> {
  if (names.length === 0) return { domains: [...(await client.request("list", {})).domains], status: 0 };
  const domains: DomainStatus[] = [];
  const status = await forEach(names, async (domain) => {
    domains.push(...(await client.request("list", { domain })).domains);
  });
  return { domains, status };
}

/** The six letters of `xl list`. */
export function stateLetters(domain: DomainStatus): string {
  const { running, blocked, paused, shutdownReason, dying } = domain;
  const ended = shutdownReason !== undefined;
  return [
    running && !ended ? "r" : "-",
    blocked && !ended ? "b" : "-",
    paused ? "p" : "-",
    ended && shutdownReason !== SHUTDOWN_CRASH ? "s" : "-",
    shutdownReason === SHUTDOWN_CRASH ? "c" : "-",
    dying ? "d" : "-",
  ].join("");
}

function listHeader(verbose = false): string {
  const header = `${"Name".padEnd(40)}    ID   Mem VCPUs\tState\tTime(s)`;
  return verbose ? `${header}   UUID                            Reason-Code` : header;
}

function listRow(domain: DomainStatus, verbose = false): string {
  const { name, id, memoryBytes, vcpus, cpuSeconds, uuid, shutdownReason } = domain;
  const memory = Math.floor(memoryBytes / MEBIBYTE);
  const numbers = [id, memory, vcpus].map((value) => String(value).padStart(5)).join(" ");
  const row = `${name.padEnd(40)} ${numbers}     ${stateLetters(domain)}  ${cpuSeconds.toFixed(1).padStart(8)}`;
  return verbose ? `${row} ${uuid} ${(shutdownReason?.toString(16) ?? "-").padStart(8)}` : row;
}

function vcpuRow(name: string, ...columns: readonly (string | number)[]): string {
  const [id = "", vcpu = "", cpu = "", state = "", time = "", affinity = ""] = columns.map(String);
  const left = `${name.padEnd(32)} ${id.padStart(5)} ${vcpu.padStart(5)} ${cpu.padStart(5)}`;
  return `${left} ${state.padStart(5)} ${time.padStart(9)}  ${affinity}`;
}

/** As uptime(1) has it: `H:MM:SS`, behind the days. */
function formatDuration(seconds: number): string {
  const whole = Math.floor(seconds);
  const days = Math.floor(whole / 86400);
  const two = (value: number): string => String(Math.floor(value) % 60).padStart(2, "0");
  const time = `${Math.floor((whole % 86400) / 3600)}:${two(whole / 60)}:${two(whole)}`;
  return days === 0 ? time : `${days} day${days === 1 ? "" : "s"}, ${time}`;
}

/** In the arrangement of `xl list -l`. */
function asJson({ id, spec, ...status }: DomainStatus): object {
  return { domid: id, config: configJson(spec), state: stateOf({ id, spec, ...status }) };
}

function stateOf(domain: DomainStatus): object {
  const { memoryBytes, maximumMemoryBytes, vcpus, cpuSeconds, upSeconds, shutdownReason } = domain;
  return {
    flags: stateLetters(domain),
    ...(shutdownReason !== undefined && { shutdown_reason: shutdownReason }),
    current_memkb: memoryBytes / 1024,
    max_memkb: maximumMemoryBytes / 1024,
    vcpu_online: vcpus,
    cpu_time: cpuSeconds,
    uptime: upSeconds,
  };
}

/** A configuration as xl's JSON has it: of a domain, or of `create --dryrun`. */
export function configJson(spec: DomainSpec): object {
  const { name, uuid, kernel, ramdisk, commandLine, memoryBytes, maximumMemoryBytes, vcpus, maximumVcpus } = spec;
  return {
    c_info: { type: "pv", name, ...(uuid !== undefined && { uuid }) },
    b_info: {
      max_vcpus: maximumVcpus ?? vcpus,
      vcpus,
      max_memkb: (maximumMemoryBytes ?? memoryBytes) / 1024,
      target_memkb: memoryBytes / 1024,
      ...(spec.weight !== undefined && { sched_params: { weight: spec.weight, cap: spec.cap ?? 0 } }),
      ...(kernel !== undefined && { kernel }),
      ...(ramdisk !== undefined && { ramdisk }),
      ...(commandLine !== undefined && { cmdline: commandLine }),
    },
    on_poweroff: spec.onPoweroff,
    on_reboot: spec.onReboot,
    on_watchdog: spec.onWatchdog,
    on_crash: spec.onCrash,
  };
}
