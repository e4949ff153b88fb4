/** `typervisor serve` and `stop`: the machine itself. */

import {
  DaemonFailed,
  FileError,
  formatSize,
  machinePaths,
  parseSize,
  SocketInUse,
  startDaemon,
} from "../../client.ts";
import { ExitStatus, UserError } from "../exit-status.ts";
import { output } from "../output.ts";
import { addMachineVerb, addVerb, explainErrors, GROUPS, type VerbContext } from "./verb.ts";

interface ServeFlags {
  readonly name?: string;
  readonly daemon?: boolean;
  readonly memory: string;
  readonly shutdownTimeout: string;
}

/** Machine memory is one WebAssembly.Memory of at most 4 GiB, which has other tenants, too. */
const MOST_MEMORY = 3.75 * 2 ** 30;
const LEAST_MEMORY = 8 << 20;

export function addServeVerbs(context: VerbContext): void {
  addVerb(context, {
    usage: "serve",
    group: GROUPS.machine,
    description: "start a machine, to which the verbs below talk",
    options: [
      ["-d, --daemon", "go on in the background"],
      ["--memory <size>", "memory for all its domains together", "1G"],
      ["--shutdown-timeout <seconds>", "time for guests to shut down in when the machine stops", "30"],
    ],
    examples: [
      "typervisor serve --daemon --memory 2G",
      "typervisor create name=first memory=256 -c",
      "typervisor stop",
      "",
      "SIGTERM and SIGINT (Ctrl-C) stop it: guests are asked to shut down, and destroyed after",
      "the time; a second signal stops it at once. The socket is $TYPERVISOR_SOCKET, or NAME.sock",
      "in $XDG_RUNTIME_DIR/typervisor, for its user alone; logs of the machine and of each console",
      "are in $XDG_STATE_HOME/typervisor/NAME (by default ~/.local/state).",
    ],
  }).action(async (flags: ServeFlags) => {
    context.setStatus(await explainErrors(() => serve(flags, context.version)));
  });

  addMachineVerb<[], { readonly now?: boolean }>(
    context,
    {
      usage: "stop",
      group: GROUPS.machine,
      description: "stop the machine: its guests are asked to shut down first",
      options: [["--now", "destroy them instead"]],
      examples: ["typervisor stop", "typervisor stop --now"],
    },
    async (client, _args, { now = false }) => {
      await client.request("stop", { now });
      // The end of the connection is the end of the machine.
      await client.ended;
    },
  );
}

async function serve(flags: ServeFlags, version: string): Promise<number> {
  const memory = parseMemory(flags.memory);
  const seconds = /^\d{1,6}(\.\d+)?$/.test(flags.shutdownTimeout) ? Number(flags.shutdownTimeout) : undefined;
  if (seconds === undefined) {
    throw new UserError(`--shutdown-timeout ${flags.shutdownTimeout}: must be a number of seconds`, ExitStatus.Usage);
  }
  const paths = machinePaths(flags.name);
  if (flags.daemon === true) return background(flags, paths.state, paths.socket);
  // Only this needs the part of the program that runs guests.
  const { foreground } = await import("./serve-foreground.ts");
  await foreground({ paths, version, machine: { memory }, shutdownMilliseconds: seconds * 1000 });
  return 0;
}

function parseMemory(text: string): number {
  let bytes: number;
  try {
    bytes = parseSize(text);
  } catch (error) {
    throw new UserError(`--memory: ${(error as Error).message}`, ExitStatus.Usage);
  }
  if (bytes >= LEAST_MEMORY && bytes <= MOST_MEMORY) return bytes;
  const limits = `from ${formatSize(LEAST_MEMORY)} to ${formatSize(MOST_MEMORY)}`;
  throw new UserError(`--memory ${text}: a machine has ${limits}`, ExitStatus.Usage);
}

async function background(flags: ServeFlags, state: string, socket: string): Promise<number> {
  const args = ["serve", "--memory", flags.memory, "--shutdown-timeout", flags.shutdownTimeout];
  if (flags.name !== undefined) args.push("--name", flags.name);
  try {
    const { pid } = await startDaemon(args, state);
    output.out(`machine is running on ${socket}, process ${pid}\n`);
    return 0;
  } catch (error) {
    if (error instanceof DaemonFailed) {
      output.error(error.output || "typervisor: the machine ended as it started\n");
      return error.status;
    }
    throw error instanceof FileError || error instanceof SocketInUse
      ? error
      : new UserError(`cannot start the machine: ${(error as Error).message}`);
  }
}
