/** `typervisor console`: a domain's console on this terminal, beside others who look at it. */
import { setTimeout as delay } from "node:timers/promises";
import { type ControlClient, ControlError, type DomainOutcome, LONGEST_INPUT, openTerminal } from "../../client.ts";
import { ExitStatus, signalStatus, UserError } from "../exit-status.ts";
import { addMachineVerb, GROUPS, numberOf, type VerbContext } from "./verb.ts";

/** Ctrl-], as in xl console and telnet. */
const ESCAPE = 0x1d;
/** Output that answers piped input comes within this time. */
const QUIET_MS = 1000;
/** The highest number that a console can have. */
const MOST_CONSOLES = 255;
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export function addConsoleVerb(context: VerbContext): void {
  addMachineVerb<[string], { readonly number: string; readonly type: string }>(
    context,
    {
      usage: "console <domain>",
      group: GROUPS.domains,
      description: "attach to a domain's console; Ctrl-] detaches",
      options: [
        ["-n, --number <n>", "which console; domains of a machine have one, number 0", "0"],
        ["-t, --type <type>", "its type; all are pv, serial is for guests that are not paravirtual", "pv"],
      ],
      examples: [
        "typervisor console web",
        "typervisor console -t pv -n 0 web            the same",
        "echo uname -a | typervisor console web",
        "",
        "The last output is shown first. Several may attach: all see the output, each may type.",
        "Without a terminal, input is passed on to its end, and output goes to standard output",
        "until nothing has come for a second.",
      ],
    },
    async (client, [domain], { number, type }) => {
      const console = numberOf(number, "--number", 0, MOST_CONSOLES);
      if (type !== "pv" && type !== "serial") throw new UserError(`--type ${type}: pv or serial`, ExitStatus.Usage);
      const found = (await client.request("list", { domain })).domains[0];
      if (type === "serial")
        throw new UserError(`domain ${domain} is paravirtual: it has no serial console, only -t pv`);
      return await attachConsole(client, found?.id ?? 0, { console });
    },
  );
}

/**
 * Attaches to a domain, and to those that are started in its place, until the user detaches.
 * @returns the exit status
 */
export async function attachConsole(
  client: ControlClient,
  id: number,
  options: {
    /** Which console of the domain; default 0. */
    readonly console?: number;
    /** Called when no more output can be missed. */
    readonly attached?: () => void;
  } = {},
): Promise<number> {
  const onTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const session = onTerminal ? terminalSession() : pipedSession();
  try {
    for (let domain: number | undefined = id; domain !== undefined; ) {
      const outcome: DomainOutcome | undefined = await follow(client, domain, session, options);
      if (outcome === undefined) {
        session.note("detached");
        return session.status;
      }
      const { reason, successor } = outcome;
      const ended = `domain ${domain} has ended: ${reason}`;
      session.note(successor === undefined ? ended : `${ended}; it is started again as domain ${successor}`);
      domain = successor;
    }
    return 0;
  } finally {
    session.close();
  }
}

interface ConsoleSession {
  /** Set by what ends the session. */
  readonly status: number;
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** Calls `take` with what is typed, one after the other. Set anew for each domain. */
  onInput(take: (bytes: Uint8Array) => Promise<unknown>): void;
  /** Resolves when the user wants no more. */
  readonly detached: Promise<void>;
  /** Tells a person something. */
  note(text: string): void;
  close(): void;
}

/** Shows one domain's console. Returns how the domain ended, or undefined if the user has detached. */
async function follow(
  client: ControlClient,
  id: number,
  session: ConsoleSession,
  { console = 0, attached = () => {} }: { readonly console?: number; readonly attached?: () => void },
): Promise<DomainOutcome | undefined> {
  const domain = String(id);
  const request = client.stream("console", { domain, console }, ({ data, lost }) => {
    if (lost !== undefined) session.note(`${lost} bytes were too fast for this terminal`);
    return session.write(data);
  });
  // The machine takes requests in their order.
  attached();
  session.onInput((data) => client.request("consoleInput", { domain, console, data }));
  const outcome = await Promise.race([request.result.catch(alreadyGone), session.detached.then(() => undefined)]);
  if (outcome === undefined) request.cancel();
  return outcome;
}

/** A domain that was started again may have ended before we came to look. */
function alreadyGone(error: unknown): DomainOutcome {
  if (error instanceof ControlError && error.code === "not-found") return { reason: "destroyed" };
  throw error;
}

/** Sends input in order, in pieces that the protocol takes. What cannot be sent is lost, as with a real line. */
function inputQueue(): {
  push(bytes: Uint8Array): Promise<void>;
  take: (bytes: Uint8Array) => Promise<unknown>;
} {
  let last = Promise.resolve();
  const queue = {
    take: (_bytes: Uint8Array): Promise<unknown> => Promise.resolve(),
    push(bytes: Uint8Array): Promise<void> {
      last = last.then(async () => {
        for (let at = 0; at < bytes.length; at += LONGEST_INPUT) {
          await queue.take(bytes.subarray(at, at + LONGEST_INPUT)).catch(() => {});
        }
      });
      return last;
    },
  };
  return queue;
}

function terminalSession(): ConsoleSession {
  const terminal = openTerminal(process.stdin, process.stdout);
  const input = inputQueue();
  const end = ending();
  const unlisten = terminal.onInput((bytes) => {
    const at = bytes.indexOf(ESCAPE);
    void input.push(at < 0 ? bytes : bytes.subarray(0, at));
    if (at >= 0) end.detach(0);
  });
  return {
    get status() {
      return end.status;
    },
    detached: end.detached,
    write: (bytes) => terminal.write(bytes) ?? undefined,
    onInput: (take) => {
      input.take = take;
    },
    note: (text) => void terminal.write(new TextEncoder().encode(`\r\n[${text}]\r\n`)),
    close: () => {
      end.close();
      unlisten();
      terminal.restore();
    },
  };
}

function pipedSession(): ConsoleSession {
  const input = inputQueue();
  const end = ending();
  let started = false;
  let lastOutput = Date.now();
  const feed = async (): Promise<void> => {
    try {
      for await (const chunk of process.stdin) await input.push(chunk as Uint8Array);
    } catch {
      // What cannot be read any more has ended.
    }
    // Answers take their time.
    lastOutput = Date.now();
    while (Date.now() < lastOutput + QUIET_MS) await delay(QUIET_MS / 10);
    end.detach(0);
  };
  return {
    get status() {
      return end.status;
    },
    detached: end.detached,
    write: (bytes) => {
      lastOutput = Date.now();
      if (process.stdout.write(bytes)) return undefined;
      return new Promise((resolve) => process.stdout.once("drain", resolve));
    },
    onInput: (take) => {
      input.take = take;
      if (!started) void feed();
      started = true;
    },
    note: () => {},
    close: () => {
      end.close();
      process.stdin.destroy();
    },
  };
}

/** What ends a session from this side: the user, or a signal, which must find the terminal restored. */
function ending(): { status: number; detached: Promise<void>; detach(status: number): void; close(): void } {
  let resolve = (): void => {};
  const end = {
    status: 0,
    detached: new Promise<void>((done) => {
      resolve = done;
    }),
    detach: (status: number): void => {
      end.status = status;
      resolve();
    },
    close: (): void => {
      for (const [name, listener] of listeners) process.off(name, listener);
    },
  };
  const listeners = Object.entries(SIGNALS).map(([name, number]) => {
    const listener = (): void => end.detach(signalStatus(number));
    process.on(name, listener);
    return [name, listener] as const;
  });
  return end;
}
