/** Compiles a small C program and runs a batch of records through it: the host's processor as oracle. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Why the host's processor cannot be the oracle, or undefined. */
export function oracleUnavailable(): string | undefined {
  if (process.arch !== "x64" || process.platform !== "linux") return "needs an x86-64 Linux host";
  if (spawnSync("gcc", ["--version"]).status !== 0) return "needs gcc";
  return undefined;
}

/** A compiled oracle. Each call of `run` is one process. */
export class Oracle {
  readonly #directory: string;
  readonly #program: string;

  /**
   * @param source the C file
   * @param header definitions that the C file is compiled with
   */
  constructor(source: URL, header: string) {
    this.#directory = mkdtempSync(join(tmpdir(), "oracle-"));
    this.#program = join(this.#directory, "oracle");
    const headerFile = join(this.#directory, "generated.h");
    writeFileSync(headerFile, header);
    const flags = ["-O1", "-msse4.1", "-Wall", "-Werror", "-include", headerFile];
    execFileSync("gcc", [...flags, "-o", this.#program, fileURLToPath(source)], {
      stdio: ["ignore", "inherit", "inherit"],
    });
  }

  run(input: Uint8Array, args: readonly string[] = []): DataView {
    const { status, signal, stdout, stderr } = spawnSync(this.#program, args, { input, maxBuffer: 1 << 28 });
    if (status !== 0) throw new Error(`oracle ended with ${status ?? signal}: ${stderr}`);
    return new DataView(stdout.buffer, stdout.byteOffset, stdout.byteLength);
  }

  close(): void {
    rmSync(this.#directory, { recursive: true });
  }
}
