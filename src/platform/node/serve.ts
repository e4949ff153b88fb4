/** A machine that lives: the machine, its control socket and its logs, in this process. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { hostname, release, type } from "node:os";
import { join } from "node:path";
import { controlHandlers } from "../../toolstack/control/handlers.ts";
import { MessageBuffer } from "../../toolstack/control/message-buffer.ts";
import { ControlError } from "../../toolstack/control/protocol.ts";
import { ControlServer } from "../../toolstack/control/server.ts";
import { Supervisor, type SupervisorHost } from "../../toolstack/control/supervisor.ts";
import { createMachine, type Machine, type MachineOptions } from "../../toolstack/machine.ts";
import { parseSystemMap } from "../../toolstack/symbols.ts";
import { checkSocketFree, listenOnSocket } from "./control-socket.ts";
import { FileError, fileError, readImageFile } from "./files.ts";
import { obtainGuestImage } from "./guest-image.ts";
import { LogFile } from "./log-file.ts";
import type { MachinePaths } from "./xdg.ts";

export interface ServeOptions {
  readonly paths: MachinePaths;
  /** Of Typervisor. */
  readonly version: string;
  readonly machine: Omit<MachineOptions, "onHypervisorConsole">;
  /** For guests to shut down in, when the machine stops. */
  readonly shutdownMilliseconds: number;
}

export interface ServedMachine {
  readonly machine: Machine;
  readonly supervisor: Supervisor;
  /** Resolves when the machine has stopped; rejects if it failed. */
  readonly stopped: Promise<void>;
  /** Has the guests shut down, and stops. Called again, or with `now`: stops at once. */
  stop(now?: boolean): void;
}

/** Starts a machine that can be reached by its socket. @throws SocketInUse, FileError */
export async function serveMachine(options: ServeOptions): Promise<ServedMachine> {
  const { paths, version } = options;
  const consoles = join(paths.state, "console");
  await mkdir(consoles, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw fileError(error, `cannot make the directory ${consoles}`);
  });
  // Before a machine is made that nobody could reach.
  await checkSocketFree(paths.socket);
  const log = new LogFile(join(paths.state, "machine.log"));
  const life = new Life(options.shutdownMilliseconds, (line) => log.write(`${new Date().toISOString()} ${line}\n`));
  const { machine, supervisor } = await startMachine(options, consoles, life);
  const handlers = controlHandlers({
    supervisor,
    version,
    host: { host: hostname(), system: `${type()} ${release()}`, pid: process.pid, stateDirectory: paths.state },
    after,
    stop: (now) => life.stop(now),
  });
  const onInternalError = (error: unknown, method: string): void => life.say(`${method}: ${detail(error)}`);
  const server = new ControlServer({ version, handlers, onInternalError });
  const socket = await listenOnSocket(paths.socket, (transport) => server.accept(transport));
  // For people and scripts; nothing depends on it.
  const note = join(paths.state, "daemon.json");
  const facts = { pid: process.pid, version, socket: paths.socket, started: new Date().toISOString() };
  await writeFile(note, `${JSON.stringify(facts)}\n`, { mode: 0o600 });
  life.say(`machine ${paths.name} of Typervisor ${version} started, process ${process.pid}, socket ${paths.socket}`);
  const stopped = life.ended(supervisor).finally(async () => {
    machine.destroy();
    // Who waits for a domain's end is told of it before the connection ends.
    await new Promise((resolve) => setImmediate(resolve));
    await socket.close();
    await rm(note, { force: true });
    life.say("stopped");
    log.close();
  });
  stopped.catch(() => {});
  return { machine, supervisor, stopped, stop: (now = false) => life.stop(now) };
}

async function startMachine(
  { machine: machineOptions }: ServeOptions,
  consoles: string,
  life: Life,
): Promise<{ machine: Machine; supervisor: Supervisor }> {
  const started = process.hrtime.bigint();
  const messages = new MessageBuffer(() => Number(process.hrtime.bigint() - started) / 1e9, life.say);
  const decoder = new TextDecoder("latin1");
  const machine = await createMachine({
    ...machineOptions,
    onHypervisorConsole: (text, domid) => messages.add(decoder.decode(text), `d${domid}`),
  });
  const host: SupervisorHost = {
    readFile: (path, what) => readImageFile(path, what).catch((error: unknown) => refuse(error, FileError)),
    defaultGuest: async (onProgress) => {
      const image = obtainGuestImage({ onProgress }).catch((error: unknown) => refuse(error, Error));
      const { kernel, ramdisk, systemMap } = await image;
      const symbols = systemMap && parseSystemMap(decoder.decode(systemMap));
      return { kernel, ramdisk, ...(symbols !== undefined && { symbols }) };
    },
    consoleLog: (name) => new LogFile(join(consoles, `${name}.log`)),
    after,
    failed: (error) => life.fail(error),
  };
  return { machine, supervisor: new Supervisor(machine, host, messages) };
}

/** How a machine comes to its end. */
class Life {
  readonly say: (line: string) => void;
  readonly #milliseconds: number;
  readonly #failure: Promise<never>;
  readonly #stop: Promise<void>;
  readonly #now: Promise<void>;
  #onStop: () => void = () => {};
  #onNow: () => void = () => {};
  #onFailure: (error: unknown) => void = () => {};
  #stopping = false;

  constructor(milliseconds: number, say: (line: string) => void) {
    this.#milliseconds = milliseconds;
    this.say = say;
    this.#stop = new Promise((resolve) => (this.#onStop = resolve));
    this.#now = new Promise((resolve) => (this.#onNow = resolve));
    this.#failure = new Promise((_resolve, reject) => (this.#onFailure = reject));
    this.#failure.catch(() => {});
  }

  /** Guests shut down first; `now`, or the second time, they do not. */
  stop(now: boolean): void {
    if (now || this.#stopping) this.#onNow();
    this.#stopping = true;
    this.#onStop();
  }

  /** The machine cannot go on. */
  fail(error: unknown): void {
    this.say(`the machine has failed: ${detail(error)}`);
    this.#onFailure(error);
  }

  /** Resolves when the guests have ended, however they did. Rejects when the machine has failed. */
  async ended(supervisor: Supervisor): Promise<void> {
    await Promise.race([this.#stop, this.#failure]);
    this.say("stopping: guests are asked to shut down");
    await Promise.race([supervisor.shutDownAll(this.#milliseconds), this.#now, this.#failure]);
    supervisor.destroyAll();
  }
}

/** Tells the client what the user has to know. */
function refuse(error: unknown, expected: abstract new (...args: never[]) => Error): never {
  if (!(error instanceof expected)) throw error;
  throw new ControlError("bad-file", error.message.split("\n")[0] ?? "");
}

function detail(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function after(milliseconds: number, callback: () => void): () => void {
  const timer = setTimeout(callback, milliseconds);
  return () => clearTimeout(timer);
}
