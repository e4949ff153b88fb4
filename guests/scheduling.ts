/** Driving the demo guests that tests and benchmarks of the scheduler use: spinning ones, and a periodic one. */
import { readFileSync } from "node:fs";
import type { Domain, DomainConfig, Machine } from "../src/index.ts";
import { buildDemo } from "./build.ts";

const MEMORY = "4M";

/** Where there is no compiler for guests. */
export const noDemos: string | false = buildDemo("tiny")
  ? false
  : "demo guests are built with gcc for x86-64, which is not here";

export interface Count {
  /** Upper bound, in microseconds. */
  readonly below: number;
  readonly count: number;
}

/** What a periodic guest has measured. */
export interface PeriodicResult {
  readonly jobs: number;
  readonly missed: number;
  /** How late it woke, and when its work was done. */
  readonly wake: readonly Count[];
  readonly done: readonly Count[];
  /** Nanoseconds. */
  readonly worstWake: number;
  readonly worstDone: number;
}

/** A guest that never stops. */
export async function spinner(machine: Machine, config: Partial<DomainConfig> = {}): Promise<Domain> {
  const domain = await machine.createDomain({ kernel: readFileSync(buildDemo("tiny")!), memory: MEMORY, ...config });
  await type(domain, "c1\n");
  return domain;
}

/** A guest that works for some time in each period. Times are microseconds. */
export class PeriodicGuest {
  readonly domain: Domain;
  readonly #output: AsyncIterator<Uint8Array>;
  #text = "";

  private constructor(domain: Domain) {
    this.domain = domain;
    this.#output = domain.console.raw.output[Symbol.asyncIterator]();
  }

  static async create(machine: Machine, config: Partial<DomainConfig> = {}): Promise<PeriodicGuest> {
    const kernel = readFileSync(buildDemo("periodic")!);
    return new PeriodicGuest(await machine.createDomain({ kernel, memory: MEMORY, ...config }));
  }

  /** Has it do `jobs` jobs, and waits for what it says of them. */
  async run(period: number, work: number, jobs: number): Promise<PeriodicResult> {
    await type(this.domain, `${period} ${work} ${jobs}\n`);
    while (!this.#text.includes("end\n")) {
      const { value, done } = await this.#output.next();
      if (done) throw new Error(`the periodic guest has ended: ${this.#text}`);
      this.#text += Buffer.from(value).toString("latin1");
    }
    const text = this.#text;
    this.#text = "";
    return parse(text);
  }
}

async function type(domain: Domain, text: string): Promise<void> {
  await domain.console.raw.write(Buffer.from(text));
}

function parse(text: string): PeriodicResult {
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1]);
  const histogram = (name: string): Count[] =>
    [...text.matchAll(new RegExp(`^${name} (\\d+) (\\d+)$`, "gm"))].map(([, below, count]) => ({
      below: Number(below),
      count: Number(count),
    }));
  return {
    jobs: number(/jobs (\d+)/),
    missed: number(/missed (\d+)/),
    wake: histogram("wake"),
    done: histogram("done"),
    worstWake: number(/worst wake (\d+)/),
    worstDone: number(/worst done (\d+)/),
  };
}

/** The share of processor time that each domain has while `pass` waits, of all theirs. */
export async function shares(domains: readonly Domain[], pass: () => Promise<void>): Promise<number[]> {
  const times = (): number[] => domains.map((domain) => domain.vcpus.reduce((sum, { running }) => sum + running, 0));
  const before = times();
  await pass();
  const spent = times().map((time, i) => time - before[i]!);
  const all = spent.reduce((sum, time) => sum + time, 0);
  return spent.map((time) => time / all);
}
