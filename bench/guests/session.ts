/** One run of a guest, from the start of its process to the end of its programs, timed by this host's clock. */
import { spawn } from "node:child_process";
import type { Guest } from "./guest.ts";

export interface ProgramRun {
  readonly seconds: number;
  /** What the program computed: must be the same in all guests. */
  readonly result: string;
}

export interface Session {
  /** From the start of the process to the first line of init. */
  readonly bootSeconds: number | undefined;
  readonly programs: ReadonlyMap<string, ProgramRun>;
  /** Why it did not come to its end. */
  readonly failure: string | undefined;
}

/** Takes the times of markers as they come; anything else on the console is kept for complaints. */
class MarkerClock {
  readonly #origin = performance.now();
  readonly #programs = new Map<string, ProgramRun>();
  #boot: number | undefined;
  #current: { name: string; since: number } | undefined;
  #line = "";
  #tail = "";
  done = false;

  feed(text: string): void {
    const now = performance.now();
    const lines = (this.#line + text).split("\n");
    this.#line = lines.pop() ?? "";
    for (const line of lines) this.#take(line.trim(), now);
  }

  #take(line: string, now: number): void {
    const [, marker, name = "", result = ""] = /@(boot|start|end|done)(?: (\S+))?(?: (\S+))?$/.exec(line) ?? [];
    if (marker === undefined) this.#tail = `${this.#tail}${line}\n`.slice(-2000);
    else if (marker === "boot") this.#boot = (now - this.#origin) / 1000;
    else if (marker === "start") this.#current = { name, since: now };
    else if (marker === "done") this.done = true;
    else if (this.#current?.name === name) {
      this.#programs.set(name, { seconds: (now - this.#current.since) / 1000, result });
    }
  }

  session(failure: string | undefined): Session {
    const said = this.#tail.trim();
    return {
      bootSeconds: this.#boot,
      programs: this.#programs,
      failure: failure === undefined || said === "" ? failure : `${failure}\n${said}`,
    };
  }
}

export function runSession({ name, command, environment }: Guest, timeoutSeconds: number): Promise<Session> {
  const [program, ...words] = command;
  return new Promise((resolve, reject) => {
    const clock = new MarkerClock();
    const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...environment } });
    let failure: string | undefined;
    let errors = "";
    const timer = setTimeout(() => {
      failure = `${name}: not done after ${timeoutSeconds} s`;
      child.kill("SIGKILL");
    }, timeoutSeconds * 1000);
    child.stdout.setEncoding("latin1").on("data", (text: string) => {
      clock.feed(text);
      if (clock.done) child.kill("SIGKILL");
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors = (errors + text).slice(-2000);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (!clock.done) failure ??= `${name}: ended (${signal ?? code}) before it was done\n${errors}`;
      resolve(clock.session(failure));
    });
  });
}
