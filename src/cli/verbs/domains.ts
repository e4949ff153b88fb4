/** Verbs that change what a domain does: shutdown, reboot, destroy, pause, unpause, rename, sysrq, trigger. */
import type { ControlClient, Event } from "../../client.ts";
import { ExitStatus, UserError } from "../exit-status.ts";
import { output } from "../output.ts";
import { addMachineVerb, forEach, GROUPS, type VerbContext } from "./verb.ts";

interface Many {
  readonly all?: boolean;
  readonly wait?: boolean;
}

const ALL = ["-a, --all", "all domains"] as const;
const WAIT = ["-w, --wait", "wait until they have ended"] as const;

export function addDomainVerbs(context: VerbContext): void {
  for (const [name, how, description] of [
    ["shutdown", "poweroff", "ask guests to shut down"],
    ["reboot", "reboot", "ask guests to reboot"],
  ] as const) {
    addMachineVerb<[string[]], Many>(
      context,
      {
        usage: `${name} [domain...]`,
        group: GROUPS.domains,
        description,
        options: [ALL, WAIT],
        examples: [`typervisor ${name} -w web`, `typervisor ${name} -a`],
      },
      async (client, [domains], { all, wait }) => {
        const chosen = await choose(client, domains, all);
        return await forEach(chosen, async (domain) => {
          // By id from now on: a restarted domain has the same name.
          const id = String((await client.request("list", { domain })).domains[0]?.id);
          await client.request("shutdown", { domain: id, how });
          if (wait) await client.stream("wait", { domain: id }, (status) => tell(domain, status)).result;
        });
      },
    );
  }

  simple(context, "destroy", "end domains at once", ["typervisor destroy web"], (client, domain) =>
    client.request("destroy", { domain }),
  );
  simple(context, "pause", "keep domains from running", ["typervisor pause web"], (client, domain) =>
    client.request("pause", { domain }),
  );
  simple(context, "unpause", "let paused domains run", ["typervisor unpause web"], (client, domain) =>
    client.request("unpause", { domain }),
  );

  addMachineVerb<[string, string]>(
    context,
    {
      usage: "rename <domain> <new-name>",
      group: GROUPS.domains,
      description: "give a domain another name",
      examples: ["typervisor rename web web-old"],
    },
    async (client, [domain, name]) => {
      await client.request("rename", { domain, name });
    },
  );
  addMachineVerb<[string, string]>(
    context,
    {
      usage: "sysrq <domain> <letter>",
      group: GROUPS.domains,
      description: "press a key of Linux's magic SysRq",
      examples: ["typervisor sysrq web s      sync", "typervisor sysrq web w      blocked tasks, on the console"],
    },
    async (client, [domain, letter]) => {
      if (!/^[0-9A-Za-z]$/.test(letter)) throw new UserError(`${letter} is not one letter or digit`, ExitStatus.Usage);
      await client.request("sysrq", { domain, letter });
    },
  );
  addMachineVerb<[string, string, string | undefined]>(
    context,
    {
      usage: "trigger <domain> <trigger> [vcpu]",
      group: GROUPS.domains,
      description: "send a trigger to a domain: nmi",
      examples: ["typervisor trigger web nmi", "typervisor trigger web nmi 1"],
    },
    async (client, [domain, trigger, vcpu = "0"]) => {
      if (trigger !== "nmi") throw new UserError(`there is no trigger ${trigger}: it is nmi`, ExitStatus.Usage);
      if (!/^\d{1,3}$/.test(vcpu)) throw new UserError(`${vcpu} is no vCPU`, ExitStatus.Usage);
      await client.request("trigger", { domain, trigger, vcpu: Number(vcpu) });
    },
  );
}

function simple(
  context: VerbContext,
  name: string,
  description: string,
  examples: readonly string[],
  work: (client: ControlClient, domain: string) => Promise<unknown>,
): void {
  addMachineVerb<[string[]], Many>(
    context,
    { usage: `${name} [domain...]`, group: GROUPS.domains, description, options: [ALL], examples },
    async (client, [domains], { all }) => forEach(await choose(client, domains, all), (domain) => work(client, domain)),
  );
}

/** The domains named, or all of them. */
async function choose(client: ControlClient, domains: readonly string[], all = false): Promise<readonly string[]> {
  if (all && domains.length > 0) throw new UserError("-a and domains do not go together", ExitStatus.Usage);
  if (!all && domains.length === 0) throw new UserError("which domain? (-a: all)", ExitStatus.Usage);
  if (!all) return domains;
  return (await client.request("list", {})).domains.map(({ id }) => String(id));
}

/** What keeps a domain that was asked to shut down. */
function tell(domain: string, { how, taken, requests }: Event<"wait">): void {
  const why = !taken
    ? "it is still starting, or does not listen to such requests"
    : requests > 1
      ? "it has been asked again"
      : "it may be at it, or may have lost it";
  const state = taken ? `has taken the request (${how}), but is still there` : `has not taken the request (${how}) yet`;
  output.error(`typervisor: domain ${domain} ${state}: ${why}\n`);
}
