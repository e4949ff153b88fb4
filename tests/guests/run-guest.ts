/** Runs one test guest to its end and reads its result off its console. */
import { readFileSync } from "node:fs";
import type { GuestConfig } from "../../guests/build.ts";
import { createMachine, type DomainEnd } from "../../src/index.ts";

/** The last line of a test guest, after "Test result: ". */
export type TestResult = "SUCCESS" | "FAILURE" | "SKIP" | "ERROR" | "CRASH EXPECTED" | "NONE";

export interface GuestRun {
  /** What the guest printed. */
  readonly output: string;
  readonly result: TestResult;
  readonly end: DomainEnd;
}

const MEMORY = 16 << 20;

export async function runGuest(image: string, config: GuestConfig = {}, timeoutMs = 20_000): Promise<GuestRun> {
  const machine = await createMachine({ memory: MEMORY, virtualTime: true });
  try {
    const domain = await machine.createDomain({ kernel: readFileSync(image), ...config });
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
  } finally {
    machine.destroy();
  }
}
