/** What the guest is made of: kernel, ramdisk, command line, symbols. */
import { readImageFile } from "../client.ts";
import {
  BuildError,
  commandRamdisk,
  DecompressError,
  type GuestCommand,
  type GuestImage,
  ImageError,
  isElf,
  joinSymbols,
  obtainGuestImage,
  PackageError,
  parseSystemMap,
  readElfSymbols,
  type SymbolTable,
} from "../guest.ts";
import type { TerminalSize } from "../node.ts";
import { UserError } from "./exit-status.ts";
import type { RunOptions } from "./options.ts";
import { createProgressBar } from "./progress.ts";

export interface GuestParts {
  readonly kernel: Uint8Array;
  readonly ramdisk: Uint8Array | undefined;
  readonly commandLine: string;
  readonly symbols: SymbolTable | undefined;
  /** The guest follows docs/console-protocol.md: its ramdisk is ours, or a command asks for one that does. */
  readonly hasAgent: boolean;
}

/** How a session uses the guest's consoles. */
export interface SessionKind {
  /** On the user's terminal, of this size. */
  readonly terminal: TerminalSize | undefined;
  /** Kernel messages would be in the way. */
  readonly quiet: boolean;
}

/** Reads, or obtains, all that the guest consists of. @throws UserError, FileError, ImageError... */
export async function gatherGuest(options: RunOptions, session: SessionKind): Promise<GuestParts> {
  // Fail for bad files before anything is downloaded.
  const givenKernel = options.kernel === undefined ? undefined : await readImageFile(options.kernel, "kernel");
  const givenRamdisk = options.ramdisk === undefined ? undefined : await readImageFile(options.ramdisk, "ramdisk");
  const symbols = await readSymbols(options);
  const wantsCommand = options.command.length > 0;

  const needsDefault = givenKernel === undefined || (givenRamdisk === undefined && wantsCommand);
  const image = needsDefault ? await defaultImage() : undefined;
  const base = givenRamdisk ?? (givenKernel === undefined || wantsCommand ? image?.ramdisk : undefined);
  const kernel = givenKernel ?? image?.kernel;
  if (kernel === undefined) throw new Error("no kernel");

  return {
    kernel,
    ramdisk: wantsCommand && base !== undefined ? commandRamdisk(base, guestCommand(options, session)) : base,
    commandLine: commandLine(options, session),
    symbols: symbols ?? (givenKernel === undefined ? defaultSymbols(image) : undefined),
    hasAgent: base !== undefined && (givenRamdisk === undefined || wantsCommand),
  };
}

function guestCommand({ command }: RunOptions, { terminal }: SessionKind): GuestCommand {
  return terminal === undefined
    ? { argv: command, mode: "pipe", stdin: "stream" }
    : { argv: command, mode: "terminal" };
}

function commandLine(options: RunOptions, { terminal, quiet }: SessionKind): string {
  const words = ["console=hvc0"];
  if (quiet) words.push("quiet");
  if (terminal !== undefined) {
    words.push(`typervisor.tty=${terminal.columns}x${terminal.rows}`);
    const term = process.env.TERM;
    if (term !== undefined && /^[-+.\w]{1,40}$/.test(term)) words.push(`typervisor.term=${term}`);
  }
  if (options.append !== "") words.push(options.append);
  return words.join(" ");
}

async function defaultImage(): Promise<GuestImage> {
  const bar = createProgressBar(process.stderr);
  try {
    return await obtainGuestImage({ onProgress: (progress) => bar.show(progress) });
  } catch (error) {
    if (isExpected(error)) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new UserError(`cannot get the default guest: ${firstLine(message)} (your own: --kernel FILE --ramdisk FILE)`);
  } finally {
    bar.clear();
  }
}

function defaultSymbols(image: GuestImage | undefined): SymbolTable | undefined {
  return image?.systemMap && parseSystemMap(new TextDecoder("latin1").decode(image.systemMap));
}

/** All names that the user has given. */
async function readSymbols({ systemMap, symbols }: RunOptions): Promise<SymbolTable | undefined> {
  const tables: SymbolTable[] = [];
  if (systemMap !== undefined) tables.push(await readSymbolFile(systemMap, "System.map"));
  for (const path of symbols) tables.push(await readSymbolFile(path, "symbols"));
  return tables.length === 0 ? undefined : joinSymbols(tables);
}

async function readSymbolFile(path: string, what: string): Promise<SymbolTable> {
  const bytes = await readImageFile(path, what);
  try {
    return isElf(bytes) ? readElfSymbols(bytes) : parseSystemMap(new TextDecoder("latin1").decode(bytes));
  } catch (error) {
    throw new UserError(`cannot use ${what} ${path}: ${(error as Error).message}`);
  }
}

/** Errors whose message is one clear line for the user already. */
export function isExpected(error: unknown): error is Error {
  return [UserError, ImageError, BuildError, DecompressError, PackageError].some((kind) => error instanceof kind);
}

export function firstLine(text: string): string {
  return text.split("\n")[0] ?? "";
}
