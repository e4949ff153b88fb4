/** All of the command: does what the arguments say, and ends the process with the status. */
import { readFileSync } from "node:fs";
import { ExitStatus, UserError } from "./exit-status.ts";
import type { RunOptions } from "./options.ts";
import { runProgram } from "./program.ts";

/** Beside dist as beside src. */
const PACKAGE = new URL("../../package.json", import.meta.url);

function version(): string {
  return (JSON.parse(readFileSync(PACKAGE, "utf8")) as { version: string }).version;
}

/** One line for what the user can do something about; all we know for our own mistakes. */
function explain(error: unknown): number {
  if (error instanceof UserError) {
    process.stderr.write(`typervisor: ${error.message}\n`);
    return error.status;
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`typervisor: internal error, please report it: ${detail}\n`);
  return ExitStatus.Crash;
}

export async function command(): Promise<never> {
  let status: number;
  try {
    // What runs guests is most of the program, and most verbs only talk to a machine: loaded when it is wanted.
    const run = async (options: RunOptions): Promise<number> => (await import("./run.ts")).run(options);
    status = await runProgram(process.argv.slice(2), version(), { run });
  } catch (error) {
    status = explain(error);
  }
  // Output to pipes is still on its way: end only when it has been written.
  process.exitCode = status;
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit(status);
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0 || stream.destroyed) resolve();
    else stream.write("", () => resolve());
  });
}
