/** A machine that lives in this process, with directories of its own, and the command line against it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/cli/exit-status.ts";
import { output } from "../../src/cli/output.ts";
import { runProgram } from "../../src/cli/program.ts";
import { run } from "../../src/cli/run.ts";
import { type MachinePaths, machinePaths, type ServedMachine, serveMachine } from "../../src/node.ts";
import { type TinyGuest, tinyGuest } from "../library/tiny-guest.ts";

/** Directories for one test file. */
export class Directories {
  readonly root = mkdtempSync(join(tmpdir(), "tv-"));
  readonly environment = {
    XDG_RUNTIME_DIR: join(this.root, "run"),
    XDG_STATE_HOME: join(this.root, "state"),
  };

  paths(name?: string): MachinePaths {
    return machinePaths(name, this.environment);
  }

  /** Writes a guest's kernel, and returns its path. */
  guest(name: string, guest: TinyGuest): string {
    return this.file(name, tinyGuest(guest));
  }

  file(name: string, content: Uint8Array | string): string {
    const path = join(this.root, name);
    writeFileSync(path, content);
    return path;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export function serve(directories: Directories, memory = "64M"): Promise<ServedMachine> {
  return serveMachine({
    paths: directories.paths(),
    version: "1.2.3",
    machine: { memory },
    shutdownMilliseconds: 200,
  });
}

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process, one at a time, against the machine of these directories. */
export async function typervisor(directories: Directories, ...argv: string[]): Promise<Outcome> {
  const before = { ...process.env };
  const written = { stdout: "", stderr: "" };
  const normal = { ...output };
  output.out = (text) => {
    written.stdout += text;
  };
  output.error = (text) => {
    written.stderr += text;
  };
  Object.assign(process.env, directories.environment);
  delete process.env.TYPERVISOR_SOCKET;
  try {
    const status = await runProgram(argv, "1.2.3", { run });
    return { status, ...written };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { status: error.status, stdout: written.stdout, stderr: `${written.stderr}${error.message}\n` };
  } finally {
    Object.assign(output, normal);
    process.env = before;
  }
}

/** Waits until `test` is true. */
export async function until(test: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; !(await test()); tries++) {
    if (tries > 400) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
