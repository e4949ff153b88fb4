/** `typervisor create`: a domain from a configuration file, a command line, or both. */

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  ConfigError,
  type ControlClient,
  type DomainSpec,
  domainFromSettings,
  type Event,
  fileError,
  overrideSettings,
  parseConfig,
  type Setting,
} from "../../client.ts";
import { ExitStatus, UserError } from "../exit-status.ts";
import { output } from "../output.ts";
import { createProgressBar } from "../progress.ts";
import { attachConsole } from "./console.ts";
import { configJson } from "./list.ts";
import { addVerb, explainErrors, GROUPS, print, type VerbContext, withMachine } from "./verb.ts";

interface CreateFlags {
  readonly name?: string;
  readonly defconfig?: string;
  readonly console?: boolean;
  readonly paused?: boolean;
  readonly dryrun?: boolean;
  readonly quiet?: boolean;
}

/** Nobody writes a configuration longer than this. */
const LARGEST_FILE = 1 << 20;

export function addCreateVerb(context: VerbContext): void {
  addVerb(context, {
    usage: "create [file|key=value...]",
    group: GROUPS.domains,
    description: "make a domain, from a file in the syntax of xl.cfg, or from options",
    options: [
      ["-f, --defconfig <file>", "the file, if it does not stand first"],
      ["-c, --console", "attach to its console"],
      ["-p, --paused", "leave it paused"],
      ["-n, --dryrun", "print the configuration as JSON, and make nothing"],
      ["-q, --quiet", "say nothing of success"],
    ],
    examples: [
      "typervisor create name=first -c              Debian's kernel with busybox, and its console",
      "typervisor create web.cfg                    what the file says",
      "typervisor create web.cfg 'memory=512'       the same with more memory",
      "",
      "A file:",
      '  name     = "web"',
      '  kernel   = "vmlinuz"            # none: the guest of `typervisor run`',
      '  ramdisk  = "initrd.img"',
      '  extra    = "console=hvc0"',
      "  memory   = 256                  # MiB",
      "  vcpus    = 1",
      '  on_crash = "restart"            # destroy, restart, rename-restart, preserve',
      "",
      "Keys: name uuid type kernel ramdisk root extra cmdline memory maxmem vcpus maxvcpus cpu_weight cap",
      "disk vif on_poweroff on_reboot on_watchdog on_crash.",
    ],
  }).action(async (args: string[], flags: CreateFlags) => {
    const spec = await explainErrors(() => readConfiguration(args, flags.defconfig));
    if (flags.dryrun) {
      print(JSON.stringify(configJson(spec), null, 4));
      return;
    }
    context.setStatus(await withMachine(flags.name, (client) => create(client, spec, flags)));
  });
}

async function readConfiguration(args: readonly string[], file: string | undefined): Promise<DomainSpec> {
  const [first, ...rest] = args;
  const named = file ?? (first !== undefined && !first.includes("=") ? first : undefined);
  const overrides = named === undefined || named === file ? args : rest;
  if (named === undefined && overrides.length === 0) {
    throw new UserError("create what? A file, or name=NAME (see typervisor create --help)", ExitStatus.Usage);
  }
  let settings: ReadonlyMap<string, Setting> = named === undefined ? new Map() : await readSettings(named);
  for (const argument of overrides) settings = overrideSettings(settings, argument);
  return domainFromSettings(settings, (path) => resolve(path));
}

async function readSettings(file: string): Promise<Map<string, Setting>> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw fileError(error, `cannot read configuration ${file}`);
  });
  if (bytes.length > LARGEST_FILE) throw new UserError(`cannot read configuration ${file}: it is too large`);
  try {
    return parseConfig(file, new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new UserError(`cannot read configuration ${file}: it is not text`);
  }
}

async function create(client: ControlClient, spec: DomainSpec, flags: CreateFlags): Promise<number> {
  const bar = createProgressBar(process.stderr);
  // With the console attached, the guest starts when its output is seen.
  const attach = flags.console === true && flags.paused !== true;
  const show = ({ stage, message, done, total }: Event<"create">): void =>
    bar.show({ stage: stage as "resolve", message, done, total });
  const request = client.stream("create", { spec, paused: flags.paused === true || attach }, show);
  const { id, name } = await request.result.finally(() => bar.clear());
  if (!flags.quiet) output.error(`typervisor: domain ${name} is created, its id is ${id}\n`);
  if (flags.console !== true) return 0;
  const unpause = (): void => {
    if (attach) client.request("unpause", { domain: String(id) }).catch(() => {});
  };
  return await attachConsole(client, id, { attached: unpause });
}
