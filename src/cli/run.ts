/** `typervisor run`: boots a guest, attaches a session to it, and tells how it ended. */
import { FileError } from "../client.ts";
import type { Domain, Machine, TerminalSize } from "../node.ts";
import { ExitStatus, signalStatus, UserError } from "./exit-status.ts";
import { firstLine, gatherGuest, isExpected, type SessionKind } from "./guest.ts";
import type { RunOptions } from "./options.ts";
import { concludeRun, writeProfile, writeStatistics } from "./outcome.ts";
import type { Session, SessionContext } from "./session.ts";
import { commandSession } from "./session-command.ts";
import { pipedSession } from "./session-piped.ts";
import { terminalSession } from "./session-terminal.ts";

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
const SIGPIPE = 13;

/** Runs a guest to its end, and returns the exit status. @throws UserError for what the user can mend */
export async function run(options: RunOptions): Promise<number> {
  try {
    const onTerminal = options.tty && process.stdin.isTTY === true && process.stdout.isTTY === true;
    const hasCommand = options.command.length > 0;
    const terminal = onTerminal ? terminalSize() : undefined;
    const session: Session = onTerminal ? terminalSession : hasCommand ? commandSession : pipedSession;
    // A command has three further consoles by pipes; on a terminal, only the control console.
    const consoles = hasCommand && !onTerminal ? 4 : 2;

    const { machine, domain, hasAgent } = await boot(options, { terminal, quiet: hasCommand }, consoles);
    return await attend(options, machine, domain, session, hasAgent);
  } catch (error) {
    if (isExpected(error) || error instanceof FileError || error instanceof RangeError) {
      throw error instanceof UserError ? error : new UserError(firstLine(error.message));
    }
    throw error;
  }
}

function terminalSize(): TerminalSize {
  return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
}

/** Sets the guest going. Kernel and ramdisk are in its memory then, and need not be kept here. */
async function boot(
  options: RunOptions,
  session: SessionKind,
  consoles: number,
): Promise<{ machine: Machine; domain: Domain; hasAgent: boolean }> {
  // Its files are read while what runs guests is loaded and makes the machine.
  const [guest, machine] = await Promise.all([gatherGuest(options, session), makeMachine(options)]);
  if (options.profile !== undefined) machine.startProfile();
  const domain = await machine.createDomain({
    kernel: guest.kernel,
    ...(guest.ramdisk !== undefined && { ramdisk: guest.ramdisk }),
    ...(guest.symbols !== undefined && { symbols: guest.symbols }),
    commandLine: guest.commandLine,
    memory: options.memoryBytes,
    vcpus: options.vcpus,
    name: "guest",
    consoles: guest.hasAgent ? consoles : 1,
  });
  return { machine, domain, hasAgent: guest.hasAgent };
}

async function makeMachine({ memoryBytes, virtualTime }: RunOptions): Promise<Machine> {
  const { createMachine } = await import("./machine.ts");
  return await createMachine({ memory: memoryBytes, virtualTime });
}

/** Waits for the end, whoever brings it about: the guest, the user, the time, a signal. */
async function attend(
  options: RunOptions,
  machine: Machine,
  domain: Domain,
  session: Session,
  hasAgent: boolean,
): Promise<number> {
  let stopped: number | undefined;
  const stop = (status: number): void => {
    stopped ??= status;
    domain.destroy();
  };
  const context: SessionContext = { domain, options, hasAgent, stop, onSignal: undefined };
  const undo = watchForStops(context);
  try {
    const result = await session(context);
    const end = await domain.wait();
    if (options.stats !== undefined) await writeStatistics(options.stats, machine);
    return stopped ?? concludeRun(end, result, options.command.length > 0);
  } finally {
    machine.destroy();
    try {
      if (options.profile !== undefined) await writeProfile(options.profile, machine);
    } finally {
      undo();
    }
  }
}

/** What ends a run from outside. Returns how to stop watching. */
function watchForStops(context: SessionContext): () => void {
  const { timeoutSeconds } = context.options;
  const timer =
    timeoutSeconds === undefined
      ? undefined
      : setTimeout(() => context.stop(ExitStatus.Timeout), timeoutSeconds * 1000);
  const listeners = Object.entries(SIGNALS).map(([name, number]) => {
    const listener = (): void => {
      if (context.onSignal?.(name) !== true) context.stop(signalStatus(number));
    };
    process.on(name, listener);
    return [name, listener] as const;
  });
  // Whoever read our output has gone.
  const onError = (error: NodeJS.ErrnoException): void => {
    if (error.code !== "EPIPE") throw error;
    context.stop(signalStatus(SIGPIPE));
  };
  process.stdout.on("error", onError);
  process.stderr.on("error", onError);
  return () => {
    clearTimeout(timer);
    for (const [name, listener] of listeners) process.off(name, listener);
  };
}
