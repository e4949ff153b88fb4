/** Runs programs of the host. */
import { type ChildProcess, spawn } from "node:child_process";

/** A program that could not be started or that failed. The message is one line. */
export class ProgramError extends Error {
  override name = "ProgramError";
  /** True if there is no such program. */
  readonly missing: boolean;

  constructor(message: string, missing: boolean) {
    super(message);
    this.missing = missing;
  }
}

/** What a program complained of last. */
const lastLine = (text: string): string => text.trim().split("\n").at(-1)?.trim() ?? "";

/** Resolves when the program has ended well, rejects with a ProgramError otherwise. */
function completion(child: ChildProcess, program: string): Promise<void> {
  let complaints = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      const missing = error.code === "ENOENT";
      reject(new ProgramError(missing ? `${program} is not installed` : `${program}: ${error.message}`, missing));
    });
    child.on("close", (status) => {
      if (status === 0) resolve();
      else reject(new ProgramError(`${program} failed: ${lastLine(complaints) || `status ${status}`}`, false));
    });
  });
}

/**
 * Runs a program and yields its standard output as it comes. Messages are in English. Leaving the
 * loop early stops the program.
 */
export async function* streamProgram(
  program: string,
  args: readonly string[],
  directory?: string,
): AsyncGenerator<Uint8Array> {
  const child = spawn(program, args, {
    cwd: directory,
    env: { ...process.env, LC_ALL: "C" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const completed = completion(child, program);
  completed.catch(() => undefined);
  let whole = false;
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    whole = true;
  } finally {
    if (!whole) child.kill();
  }
  await completed;
}

/** Runs a program to its end and returns its standard output. */
export async function runProgram(program: string, args: readonly string[], directory?: string): Promise<Uint8Array> {
  const output: Uint8Array[] = [];
  for await (const chunk of streamProgram(program, args, directory)) output.push(chunk);
  return Buffer.concat(output);
}
