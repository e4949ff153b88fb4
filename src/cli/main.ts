#!/usr/bin/env node
/** The `typervisor` command. */
import { readFileSync } from "node:fs";
import { ExitStatus, UserError } from "./exit-status.ts";
import { runProgram } from "./program.ts";
import { run } from "./run.ts";

function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
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

let status: number;
try {
  status = await runProgram(process.argv.slice(2), version(), { run });
} catch (error) {
  status = explain(error);
}
// Output to pipes is still on its way: end only when it has been written.
process.exitCode = status;
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit(status);

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0 || stream.destroyed) resolve();
    else stream.write("", () => resolve());
  });
}
