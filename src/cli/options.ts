/** The options of `typervisor run`, from text to what they mean. */
import { formatSize, parseSize } from "../client.ts";
import { usageError } from "./exit-status.ts";

/** As commander hands them over. */
export interface RawOptions {
  readonly kernel?: string;
  readonly ramdisk?: string;
  readonly append?: string;
  readonly memory: string;
  readonly vcpus: string;
  readonly tty: boolean;
  readonly timeout?: string;
  readonly virtualTime?: boolean;
  readonly stats?: string;
  readonly systemMap?: string;
  readonly symbols?: readonly string[];
  readonly profile?: string;
}

export interface RunOptions {
  readonly kernel: string | undefined;
  readonly ramdisk: string | undefined;
  readonly append: string;
  readonly memoryBytes: number;
  readonly vcpus: number;
  /** The user allows a terminal to be used as one. */
  readonly tty: boolean;
  readonly timeoutSeconds: number | undefined;
  readonly virtualTime: boolean;
  /** Where statistics go: a file, or "-" for standard error. */
  readonly stats: string | undefined;
  readonly systemMap: string | undefined;
  /** Programs and maps that give names to addresses. */
  readonly symbols: readonly string[];
  /** File for a profile. */
  readonly profile: string | undefined;
  readonly command: readonly string[];
}

/** Machine memory is one WebAssembly.Memory of at most 4 GiB, which has other tenants, too. */
const MAX_MEMORY = 3 * 2 ** 30;
const MIN_MEMORY = 4 << 20;
/** XEN_LEGACY_MAX_VCPUS: what fits shared_info. */
const MAX_VCPUS = 32;
/** setTimeout takes no more milliseconds. */
const MAX_TIMEOUT = 2_147_483;

/** @throws UserError for what makes no sense */
export function parseRunOptions(raw: RawOptions, command: readonly string[]): RunOptions {
  if (raw.symbols?.includes("")) throw usageError("--symbols needs the name of a file");
  for (const name of ["kernel", "ramdisk", "systemMap", "profile"] as const) {
    if (raw[name] === "") throw usageError(`--${name === "systemMap" ? "system-map" : name} needs the name of a file`);
  }
  if (raw.append?.includes("\0")) throw usageError("--append cannot contain a NUL character");
  if (command[0] === "") throw usageError("the command to run is empty");
  return {
    kernel: raw.kernel,
    ramdisk: raw.ramdisk,
    append: raw.append ?? "",
    memoryBytes: parseMemory(raw.memory),
    vcpus: parseVcpus(raw.vcpus),
    tty: raw.tty,
    timeoutSeconds: raw.timeout === undefined ? undefined : parseTimeout(raw.timeout),
    virtualTime: raw.virtualTime ?? false,
    stats: raw.stats,
    systemMap: raw.systemMap,
    symbols: raw.symbols ?? [],
    profile: raw.profile,
    command,
  };
}

function parseMemory(text: string): number {
  let bytes: number;
  try {
    bytes = parseSize(text);
  } catch (error) {
    throw usageError(`--memory: ${(error as Error).message}`);
  }
  if (bytes < MIN_MEMORY) throw usageError(`--memory ${text}: a guest needs at least ${formatSize(MIN_MEMORY)}`);
  if (bytes > MAX_MEMORY) throw usageError(`--memory ${text}: a guest can have at most ${formatSize(MAX_MEMORY)}`);
  return bytes;
}

function parseVcpus(text: string): number {
  const vcpus = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (vcpus < 1 || vcpus > MAX_VCPUS) throw usageError(`--vcpus ${text}: must be a number from 1 to ${MAX_VCPUS}`);
  return vcpus;
}

function parseTimeout(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (seconds <= 0 || seconds > MAX_TIMEOUT) {
    throw usageError(`--timeout ${text}: must be a number of seconds from 0.001 to ${MAX_TIMEOUT}`);
  }
  return seconds;
}

/**
 * `--stats` has an optional value that only `--stats=FILE` gives; commander would take a command's
 * first word for it. What follows `--` is the command's.
 */
export function protectOptionalValue(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  return argv.map((word, i) => (word === "--stats" && (end < 0 || i < end) ? "--stats=-" : word));
}
