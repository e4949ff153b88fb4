/** Verbs for the scheduler: sched-credit2, sched-rtds. Options and columns as those of xl. */
import type { ControlClient } from "../../client.ts";
import { ExitStatus, UserError } from "../exit-status.ts";
import { addMachineVerb, GROUPS, numberOf, print, type VerbContext } from "./verb.ts";

interface Credit2Flags {
  readonly domain?: string;
  readonly weight?: string;
  readonly cap?: string;
  readonly schedparam?: boolean;
  readonly ratelimit_us?: string;
}

/** Lists: with several vCPUs, a value for each. */
interface RtdsFlags {
  readonly domain?: string;
  readonly vcpuid?: readonly string[];
  readonly period?: readonly string[];
  readonly budget?: readonly string[];
  readonly extratime?: readonly string[];
}

const DOMAIN = ["-d, --domain <domain>", "the domain (default: all, to print)"] as const;
const LONGEST = 2 ** 40;

export function addSchedulingVerbs(context: VerbContext): void {
  addMachineVerb<[], Credit2Flags>(
    context,
    {
      usage: "sched-credit2",
      group: GROUPS.resources,
      description: "print or set weights and caps, and the rate limit",
      options: [
        DOMAIN,
        ["-w, --weight <weight>", "share of the processor, beside the other domains' (1 to 65535)"],
        ["-c, --cap <percent>", "most of a processor that it gets; 0: no limit"],
        ["-s, --schedparam", "print or set what is the same for all domains"],
        [
          "-r, --ratelimit_us <microseconds>",
          "with -s: for so long a vCPU keeps the processor at least (100 to 500000; 0: no limit)",
        ],
      ],
      examples: [
        "typervisor sched-credit2",
        "typervisor sched-credit2 -d web -w 512 -c 50",
        "typervisor sched-credit2 -s -r 500",
      ],
    },
    async (client, _args, { schedparam = false, ...flags }) => {
      await (schedparam ? rateLimit(client, flags) : credit2(client, flags));
      return 0;
    },
  );

  addMachineVerb<[], RtdsFlags>(
    context,
    {
      usage: "sched-rtds",
      group: GROUPS.resources,
      description: "print or set budgets and periods of real-time domains",
      options: [
        DOMAIN,
        ["-v, --vcpuid <id|all...>", "a vCPU of it, or each (default to set: all)"],
        ["-p, --period <microseconds...>", "length of its period"],
        ["-b, --budget <microseconds...>", "processor time that it gets in each period"],
        ["-e, --extratime <0|1...>", "whether it may use what is left over, too"],
      ],
      examples: [
        "typervisor sched-rtds",
        "typervisor sched-rtds -d radio -p 10000 -b 2000",
        "typervisor sched-rtds -d radio -v all",
        "typervisor sched-rtds -d radio -v 0 -p 10000 -b 2000 -v 1 -p 40000 -b 1000",
      ],
    },
    async (client, _args, flags) => {
      const { period, budget, extratime } = flags;
      const set = period !== undefined || budget !== undefined || extratime !== undefined;
      await (set ? setRtds(client, flags) : printRtds(client, flags));
      return 0;
    },
  );
}

async function rateLimit(client: ControlClient, flags: Credit2Flags): Promise<void> {
  const { domain, weight, cap, ratelimit_us } = flags;
  if (domain !== undefined || weight !== undefined || cap !== undefined) {
    throw new UserError("-s is for the whole machine: not with -d, -w or -c", ExitStatus.Usage);
  }
  if (ratelimit_us !== undefined) {
    await client.request("setRateLimit", { microseconds: numberOf(ratelimit_us, "--ratelimit_us", 0, 500_000) });
  } else print(credit2Pool((await client.request("credit2", {})).rateLimit));
}

async function credit2(client: ControlClient, flags: Credit2Flags): Promise<void> {
  const { domain, weight, cap, ratelimit_us } = flags;
  if (ratelimit_us !== undefined) throw new UserError("-r is for the whole machine: it needs -s", ExitStatus.Usage);
  if (weight !== undefined || cap !== undefined) {
    await client.request("setCredit2", {
      domain: needed(domain),
      weight: weight === undefined ? undefined : numberOf(weight, "--weight", 1, 65535),
      cap: cap === undefined ? undefined : numberOf(cap, "--cap", 0, 12800),
    });
    return;
  }
  const answer = await client.request("credit2", ofDomain(domain));
  const rows = answer.domains.map(({ name, id, weight, cap }) => row(name, [id, 4], [weight, 6], [cap, 4]));
  const header = row("Name", ["ID", 4], ["Weight", 6], ["Cap", 4]);
  print([...(domain === undefined ? [credit2Pool(answer.rateLimit)] : []), header, ...rows].join("\n"));
}

/** The machine's one processor, as xl has it. */
function credit2Pool(rateLimit: number): string {
  return `Cpupool Pool-0: ratelimit=${rateLimit}us`;
}

async function printRtds(client: ControlClient, { domain, vcpuid }: RtdsFlags): Promise<void> {
  const ids = vcpuIds(vcpuid);
  const { domains } = await client.request("rtds", ofDomain(domain));
  const pool = domain === undefined ? ["Cpupool Pool-0: sched=RTDS"] : [];
  const vcpuColumn = (id: number | string): Column[] => (ids === undefined ? [] : [[id, 4]]);
  const header = row("Name", ["ID", 4], ...vcpuColumn("VCPU"), ["Period", 9], ["Budget", 9], ["Extratime", 10]);
  const rows = domains.flatMap(({ name, id, vcpus, ...own }) => {
    // Without -v it is a line for each domain.
    const shown =
      ids === undefined ? [{ id: 0, ...own }] : vcpus.filter((vcpu) => ids === "all" || ids.includes(vcpu.id));
    return shown.map(({ id: vcpu, period, budget, extratime }) =>
      row(name, [id, 4], ...vcpuColumn(vcpu), [period, 9], [budget, 9], [extratime ? "yes" : "no", 10]),
    );
  });
  print([...pool, header, ...rows].join("\n"));
}

async function setRtds(client: ControlClient, flags: RtdsFlags): Promise<void> {
  const ids = vcpuIds(flags.vcpuid) ?? "all";
  const vcpus = ids === "all" ? [undefined] : ids;
  const values = <T>(
    option: "period" | "budget" | "extratime",
    parse: (text: string) => T,
  ): readonly (T | undefined)[] => {
    const given = flags[option];
    if (given === undefined) return vcpus.map(() => undefined);
    if (given.length === vcpus.length) return given.map(parse);
    throw new UserError(`${given.length} times --${option} for ${vcpus.length} times --vcpuid`, ExitStatus.Usage);
  };
  const periods = values("period", (text) => numberOf(text, "--period", 1, LONGEST));
  const budgets = values("budget", (text) => numberOf(text, "--budget", 1, LONGEST));
  const extratimes = values("extratime", (text) => numberOf(text, "--extratime", 0, 1) === 1);
  const changes = vcpus.map((vcpu, i) => ({
    vcpu,
    period: periods[i],
    budget: budgets[i],
    extratime: extratimes[i],
  }));
  await client.request("setRtds", { domain: needed(flags.domain), changes });
}

function vcpuIds(given: readonly string[] | undefined): "all" | readonly number[] | undefined {
  if (given === undefined) return undefined;
  if (given.length === 1 && given[0] === "all") return "all";
  return given.map((id) => numberOf(id, "--vcpuid", 0, 127));
}

function ofDomain(domain: string | undefined): { domain?: string } {
  return domain === undefined ? {} : { domain };
}

function needed(domain: string | undefined): string {
  if (domain === undefined) throw new UserError("which domain? (-d)", ExitStatus.Usage);
  return domain;
}

/** A value, and its width. */
type Column = readonly [string | number, number];

function row(name: string, ...columns: readonly Column[]): string {
  return [name.padEnd(33), ...columns.map(([value, width]) => String(value).padStart(width))].join(" ");
}
