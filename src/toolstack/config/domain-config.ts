/** What the settings of an xl.cfg mean for a PV domain here. */
import { type DomainSpec, nameProblem } from "../control/shapes.ts";
import { parseSize } from "../size.ts";
import { ACTIONS, type Action, UNSUPPORTED_ACTIONS } from "./actions.ts";
import { ConfigError, type Place } from "./error.ts";
import { parseConfig, type Setting, type Value } from "./parse.ts";
import { suggestion } from "./suggest.ts";

/** As `run` has it. */
const DEFAULT_MEMORY = 256 << 20;
const MEBIBYTE = 1 << 20;

/** All that a spec can be given, writable while it is put together. */
type Draft = { -readonly [K in keyof DomainSpec]?: DomainSpec[K] };

interface Context {
  readonly draft: Draft;
  /** What the kernel's command line is made of. */
  root?: string;
  extra?: string;
  cmdline?: string;
  /** The absolute path that the user means by `path`. */
  absolute(path: string): string;
}

const KEYS: Readonly<Record<string, (value: Value, context: Context) => void>> = {
  name: (value, { draft }) => {
    draft.name = text(value);
    const problem = nameProblem(draft.name);
    if (problem !== undefined) throw new ConfigError(value, problem);
  },
  uuid: (value, { draft }) => {
    draft.uuid = text(value).toLowerCase();
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(draft.uuid)) throw new ConfigError(value, "not a UUID");
  },
  type: (value) => {
    const type = text(value);
    if (type === "pv") return;
    if (type === "hvm" || type === "pvh") {
      throw new ConfigError(value, `type = "${type}": this machine has paravirtualized domains only (type = "pv")`);
    }
    throw new ConfigError(value, `there is no type ${JSON.stringify(type)} of domains: it is "pv"`);
  },
  kernel: (value, { draft, absolute }) => {
    draft.kernel = absolute(fileName(value));
  },
  ramdisk: (value, { draft, absolute }) => {
    draft.ramdisk = absolute(fileName(value));
  },
  root: (value, context) => {
    context.root = text(value);
  },
  extra: (value, context) => {
    context.extra = text(value);
  },
  cmdline: (value, context) => {
    context.cmdline = text(value);
  },
  memory: (value, { draft }) => {
    draft.memoryBytes = size(value);
  },
  maxmem: (value, { draft }) => {
    draft.maximumMemoryBytes = size(value);
  },
  vcpus: (value, { draft }) => {
    draft.vcpus = count(value, 1, 128);
  },
  maxvcpus: (value, { draft }) => {
    draft.maximumVcpus = count(value, 1, 128);
  },
  cpu_weight: (value, { draft }) => {
    draft.weight = count(value, 1, 65535);
  },
  cap: (value, { draft }) => {
    draft.cap = count(value, 0, 12800);
  },
  on_poweroff: (value, { draft }) => {
    draft.onPoweroff = action(value);
  },
  on_reboot: (value, { draft }) => {
    draft.onReboot = action(value);
  },
  on_watchdog: (value, { draft }) => {
    draft.onWatchdog = action(value);
  },
  on_crash: (value, { draft }) => {
    draft.onCrash = action(value);
  },
  disk: (value) => none(value, "there is no block backend yet"),
  vif: (value) => none(value, "there is no network backend yet"),
  vfb: (value) => none(value, "there is no framebuffer backend yet"),
  pci: (value) => none(value, "a software machine has no PCI devices"),
};

/** Keys of xl.cfg(5) for PV domains that this toolstack does not have. */
const UNSUPPORTED = [
  "argo",
  "bootloader",
  "bootloader_args",
  "builder",
  "channel",
  "claim_mode",
  "cpuid",
  "cpus",
  "cpus_soft",
  "device_tree",
  "dm_restrict",
  "driver_domain",
  "e820_host",
  "grant_usage",
  "init_seclabel",
  "iomem",
  "ioports",
  "irqs",
  "localtime",
  "max_event_channels",
  "max_grant_frames",
  "max_grant_version",
  "max_maptrack_frames",
  "mca_caps",
  "nics",
  "nomigrate",
  "numa_placement",
  "on_soft_reset",
  "p9",
  "passthrough",
  "pool",
  "pvcalls",
  "pvshim",
  "rtc_timeoffset",
  "seclabel",
  "suppress_spurious_page_faults",
  "tsc_mode",
  "usbctrl",
  "usbdev",
  "vdispl",
  "vkb",
  "vnuma",
  "vsnd",
  "vtpm",
  "xend_suspend_evtchn_compat",
  "xenstore_quota",
];

/**
 * The domain that settings describe.
 * @param absolute the absolute path that the user means by one
 * @throws ConfigError
 */
export function domainFromSettings(
  settings: ReadonlyMap<string, Setting>,
  absolute: (path: string) => string = (path) => path,
): DomainSpec {
  const context: Context = { draft: {}, absolute };
  for (const setting of settings.values()) {
    const take = Object.hasOwn(KEYS, setting.key) ? KEYS[setting.key] : undefined;
    if (take === undefined) throw unknownKey(setting);
    take(setting.value, context);
  }
  const { draft } = context;
  const last = [...settings.values()].at(-1) ?? { source: "configuration", line: 1, column: 1 };
  if (draft.name === undefined) throw new ConfigError(last, 'the domain has no name: add name = "..."');
  const { memoryBytes = draft.maximumMemoryBytes ?? DEFAULT_MEMORY, vcpus = draft.maximumVcpus ?? 1 } = draft;
  const spec: DomainSpec = {
    ...draft,
    name: draft.name,
    ...commandLine(context),
    memoryBytes,
    vcpus,
    onPoweroff: draft.onPoweroff ?? "destroy",
    onReboot: draft.onReboot ?? "restart",
    onWatchdog: draft.onWatchdog ?? "destroy",
    onCrash: draft.onCrash ?? "destroy",
  };
  const at = (key: string): Place => settings.get(key) ?? last;
  if (draft.maximumMemoryBytes !== undefined && draft.maximumMemoryBytes < memoryBytes) {
    throw new ConfigError(at("maxmem"), "maxmem is less than memory");
  }
  if (draft.maximumVcpus !== undefined && draft.maximumVcpus < vcpus) {
    throw new ConfigError(at("maxvcpus"), "maxvcpus is less than vcpus");
  }
  return spec;
}

/**
 * Settings of a command line, `key=value` as xl takes them. Quotes may be left out, since a shell
 * takes them away.
 * @throws ConfigError
 */
export function overrideSettings(settings: ReadonlyMap<string, Setting>, argument: string): Map<string, Setting> {
  const bare = /^\s*([A-Za-z_]\w*)\s*(\+?=)\s*([^\s"'[\]][^"'[\]]*|)$/s.exec(argument);
  const isNumber = bare !== null && /^(0[xX][0-9A-Fa-f]+|\d+)$/.test(bare[3]?.trim() ?? "");
  const text = bare === null || isNumber ? argument : `${bare[1]}${bare[2]}${quoted(bare[3]?.trim() ?? "")}`;
  return parseConfig(`argument ${JSON.stringify(argument.slice(0, 60))}`, text, settings);
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

function commandLine({ cmdline, root, extra }: Context): Pick<DomainSpec, "commandLine"> {
  // As in xl, `cmdline` stands for all of it.
  if (cmdline !== undefined) return { commandLine: cmdline };
  const words = [...(root === undefined ? [] : [`root=${root}`]), ...(extra === undefined ? [] : [extra])];
  return words.length === 0 ? {} : { commandLine: words.join(" ") };
}

function unknownKey(setting: Setting): ConfigError {
  const { key } = setting;
  if (UNSUPPORTED.includes(key)) return new ConfigError(setting, `${key} is not supported by this version`);
  const near = suggestion(key, [...Object.keys(KEYS), ...UNSUPPORTED]);
  return new ConfigError(
    setting,
    `there is no setting ${key.slice(0, 64)}${near === undefined ? "" : `: did you mean ${near}?`}`,
  );
}

function text(value: Value): string {
  if (value.kind === "number") return String(value.number);
  if (value.kind !== "string") throw new ConfigError(value, "expected a string in quotes");
  if (value.text.includes("\0")) throw new ConfigError(value, "a string with a NUL character");
  return value.text;
}

function fileName(value: Value): string {
  const name = text(value);
  if (name === "") throw new ConfigError(value, "expected the name of a file");
  return name;
}

function count(value: Value, least: number, most: number): number {
  const number = value.kind === "number" ? value.number : value.kind === "string" ? digits(value.text) : undefined;
  if (number !== undefined && number >= least && number <= most) return number;
  throw new ConfigError(value, `expected a number from ${least} to ${most}`);
}

function digits(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** A number is in MiB; a string may have a unit. */
function size(value: Value): number {
  if (value.kind === "number") {
    if (value.number > 0 && value.number < 1 << 20) return value.number * MEBIBYTE;
    throw new ConfigError(value, "expected an amount of memory in MiB");
  }
  try {
    const bytes = parseSize(text(value));
    if (bytes >= 4096 && bytes < 2 ** 40) return bytes;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new ConfigError(value, 'expected an amount of memory in MiB, or one such as "1G"');
}

function action(value: Value): Action {
  const word = text(value);
  const known = ACTIONS.find((known) => known === word);
  if (known !== undefined) return known;
  if ((UNSUPPORTED_ACTIONS as readonly string[]).includes(word)) {
    throw new ConfigError(value, `${word} is not supported by this version: use ${ACTIONS.join(", ")}`);
  }
  const near = suggestion(word, ACTIONS);
  const hint = near === undefined ? `it is one of ${ACTIONS.join(", ")}` : `did you mean ${near}?`;
  throw new ConfigError(value, `there is no action ${JSON.stringify(word.slice(0, 40))}: ${hint}`);
}

/** An empty list of devices is what we have. */
function none(value: Value, why: string): void {
  if (value.kind !== "list") throw new ConfigError(value, "expected a list in brackets");
  const [first] = value.items;
  if (first !== undefined) throw new ConfigError(first, why);
}
