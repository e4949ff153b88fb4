/** Running this program once more, behind the terminal's back. */
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Started {
  readonly pid: number;
}

/** The daemon ended before it was ready. */
export class DaemonFailed extends Error {
  override name = "DaemonFailed";
  /** What it wrote to its standard error. */
  readonly output: string;
  readonly status: number;
  constructor(output: string, status: number) {
    super("the daemon did not start");
    this.output = output;
    this.status = status;
  }
}

/** Tells the process that has started us that we are ready; does nothing if none waits for it. */
export function reportReady(): void {
  if (process.send === undefined) return;
  process.send("ready");
  process.disconnect();
  // Nobody's file system is to be kept busy.
  process.chdir("/");
}

/**
 * Starts this program in a session of its own, and waits until it calls `reportReady`.
 * @param args of the command line, without the program's name
 * @param state directory for what it says on standard error
 * @throws DaemonFailed
 */
export async function startDaemon(args: readonly string[], state: string): Promise<Started> {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const errors = join(state, "daemon.err");
  const descriptor = openSync(errors, "w", 0o600);
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? "", ...args], {
    detached: true,
    stdio: ["ignore", "ignore", descriptor, "ipc"],
  });
  closeSync(descriptor);
  return await new Promise<Started>((resolve, reject) => {
    child.once("message", () => {
      child.unref();
      resolve({ pid: child.pid ?? 0 });
    });
    child.once("error", reject);
    child.once("exit", (status) => reject(new DaemonFailed(readFileSync(errors, "utf8"), status ?? 1)));
  });
}
