/** Runs a test guest to its end and reads its result off its console. */
import { readFileSync } from "node:fs";
import type { GuestConfig } from "../../guests/build.ts";
import { createMachine, type Domain, type DomainEnd } from "../../src/index.ts";

/** The last line of a test guest, after "Test result: ". */
export type TestResult = "SUCCESS" | "FAILURE" | "SKIP" | "ERROR" | "CRASH EXPECTED" | "NONE";

export interface GuestRun {
  /** What the guest printed. */
  readonly output: string;
  readonly result: TestResult;
  readonly end: DomainEnd;
}

const MEMORY = 16 << 20;

/** Runs a test guest in one domain, or in several at once if its configuration says so. */
export async function runGuest(
  image: string,
  config: GuestConfig = {},
  timeoutMs = 20_000,
): Promise<[GuestRun, ...GuestRun[]]> {
  const { domains = [""], ...more } = config;
  const machine = await createMachine({ memory: MEMORY, virtualTime: true });
  try {
    const kernel = readFileSync(image);
    const memory = Math.floor(MEMORY / domains.length / 4096) * 4096;
    const runs: Promise<GuestRun>[] = [];
    for (const commandLine of domains) {
      runs.push(follow(await machine.createDomain({ kernel, commandLine, memory, ...more }), timeoutMs));
    }
    return (await Promise.all(runs)) as [GuestRun, ...GuestRun[]];
  } finally {
    machine.destroy();
  }
}

async function follow(domain: Domain, timeoutMs: number): Promise<GuestRun> {
  let output = "";
  const decoder = new TextDecoder();
  const reading = (async () => {
    for await (const chunk of domain.console.readable) output += decoder.decode(chunk, { stream: true });
  })();
  const timer = setTimeout(() => domain.destroy(), timeoutMs);
  const end = await domain.wait();
  clearTimeout(timer);
  await reading;
  const result = /Test result: (.*?)\r?\n/.exec(output)?.[1] ?? "NONE";
  return { output: output.replaceAll("\r\n", "\n"), result: result as TestResult, end };
}
