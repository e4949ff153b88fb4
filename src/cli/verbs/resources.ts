/** Verbs for memory, vCPUs and the scheduler: mem-set, mem-max, vcpu-set, sched-credit2, sched-rtds. */
import { parseSize } from "../../client.ts";
import { ExitStatus, UserError } from "../exit-status.ts";
import { addMachineVerb, GROUPS, print, type VerbContext } from "./verb.ts";

interface Scheduling {
  readonly domain?: string;
  readonly weight?: string;
  readonly cap?: string;
  readonly period?: string;
  readonly budget?: string;
  readonly extratime?: string;
}

const DOMAIN = ["-d, --domain <domain>", "the domain (default: all, to print)"] as const;

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

  addMachineVerb<[], Scheduling>(
    context,
    {
      usage: "sched-credit2",
      group: GROUPS.resources,
      description: "print or set weights and caps",
      options: [
        DOMAIN,
        ["-w, --weight <weight>", "share of the processor, beside the other domains' (1 to 65535)"],
        ["-c, --cap <percent>", "most of a processor that it gets; 0: no limit"],
      ],
      examples: ["typervisor sched-credit2", "typervisor sched-credit2 -d web -w 512 -c 50"],
    },
    async (client, _args, { domain, weight, cap }) => {
      if (weight === undefined && cap === undefined) {
        const { domains } = await client.request("credit2", domain === undefined ? {} : { domain });
        const rows = domains.map(({ name, id, weight, cap }) => row(name, [id, 4], [weight, 6], [cap, 4]));
        print(["Cpupool Pool-0:", row("Name", ["ID", 4], ["Weight", 6], ["Cap", 4]), ...rows].join("\n"));
        return 0;
      }
      await client.request("setCredit2", {
        domain: needed(domain),
        weight: weight === undefined ? undefined : numberOf(weight, "--weight", 1, 65535),
        cap: cap === undefined ? undefined : numberOf(cap, "--cap", 0, 12800),
      });
      return 0;
    },
  );

  addMachineVerb<[], Scheduling>(
    context,
    {
      usage: "sched-rtds",
      group: GROUPS.resources,
      description: "print or set budgets and periods of real-time domains",
      options: [
        DOMAIN,
        ["-p, --period <microseconds>", "length of its period"],
        ["-b, --budget <microseconds>", "processor time that it gets in each period"],
        ["-e, --extratime <0|1>", "whether it may use what is left over, too"],
      ],
      examples: ["typervisor sched-rtds", "typervisor sched-rtds -d radio -p 10000 -b 2000"],
    },
    async (client, _args, { domain, period, budget, extratime }) => {
      if (period === undefined && budget === undefined && extratime === undefined) {
        const { domains } = await client.request("rtds", domain === undefined ? {} : { domain });
        const rows = domains.map(({ name, id, period, budget, extratime }) =>
          row(name, [id, 4], [period, 9], [budget, 9], [extratime ? "yes" : "no", 10]),
        );
        const header = row("Name", ["ID", 4], ["Period", 9], ["Budget", 9], ["Extratime", 10]);
        print(["Cpupool Pool-0: sched=RTDS", header, ...rows].join("\n"));
        return 0;
      }
      const most = 2 ** 40;
      await client.request("setRtds", {
        domain: needed(domain),
        period: period === undefined ? undefined : numberOf(period, "--period", 1, most),
        budget: budget === undefined ? undefined : numberOf(budget, "--budget", 1, most),
        extratime: extratime === undefined ? undefined : numberOf(extratime, "--extratime", 0, 1) === 1,
      });
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

function numberOf(text: string, what: string, least: number, most: number): number {
  const number = /^\d{1,13}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new UserError(`${what} ${text}: must be a number from ${least} to ${most}`, ExitStatus.Usage);
}

function needed(domain: string | undefined): string {
  if (domain === undefined) throw new UserError("which domain? (-d)", ExitStatus.Usage);
  return domain;
}

function row(name: string, ...columns: readonly (readonly [string | number, number])[]): string {
  return [name.padEnd(33), ...columns.map(([value, width]) => String(value).padStart(width))].join(" ");
}
