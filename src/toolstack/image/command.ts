/** Tells the default guest to run one command: see docs/console-protocol.md. */
import { writeCpio } from "./cpio.ts";

export interface GuestCommand {
  /** Program and arguments. */
  readonly argv: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Working directory; /root if not given. */
  readonly directory?: string;
  /** "stream": the host sends standard input in chunks. "none": it is empty. */
  readonly stdin?: "stream" | "none";
  /** "pipe": three separate streams. "terminal": the command runs on hvc0. */
  readonly mode?: "pipe" | "terminal";
}

/** Quotes for a POSIX shell. */
export function shellQuote(word: string): string {
  if (word.includes("\0")) throw new RangeError("an argument cannot contain a NUL character");
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function script(command: GuestCommand): string {
  if (command.argv.length === 0) throw new RangeError("no command given");
  const lines = [`mode=${command.mode ?? "pipe"}`, `stdin=${command.stdin ?? "none"}`];
  for (const [name, value] of Object.entries(command.environment ?? {})) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new RangeError(`not a name of an environment variable: ${name}`);
    lines.push(`export ${name}=${shellQuote(value)}`);
  }
  lines.push(`cd ${shellQuote(command.directory ?? "/root")}`);
  lines.push(`set -- ${command.argv.map(shellQuote).join(" ")}`);
  return `${lines.join("\n")}\n`;
}

/** An archive to append to the initial ramdisk. */
export function commandArchive(command: GuestCommand): Uint8Array {
  return writeCpio([
    { type: "directory", path: "typervisor" },
    { type: "file", path: "typervisor/command", data: script(command) },
  ]);
}
