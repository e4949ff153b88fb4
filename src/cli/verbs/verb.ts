/** What the verbs that talk to a machine have in common. */

import { Argument, type Command, Option } from "commander";
import {
  ConfigError,
  ConnectionLost,
  type ControlClient,
  ControlError,
  connectToMachine,
  FileError,
  type MachinePaths,
  machinePaths,
  NoDaemon,
} from "../../client.ts";
import { ExitStatus, signalStatus, UserError } from "../exit-status.ts";
import { output } from "../output.ts";

/** Where verbs are added, and what they may need. */
export interface VerbContext {
  readonly program: Command;
  /** Of Typervisor. */
  readonly version: string;
  /** Sets the exit status of the process. */
  setStatus(status: number): void;
}

export interface VerbDescription {
  /** Name and arguments, as in `pause <domain...>`. */
  readonly usage: string;
  readonly group: string;
  readonly description: string;
  /** Lines for --help. */
  readonly examples: readonly string[];
  readonly options?: readonly (readonly [flags: string, description: string, fallback?: string])[];
}

const SIGPIPE = 13;

/** Adds a verb that does its work without a machine, or makes its own connection. */
export function addVerb(context: VerbContext, description: VerbDescription): Command {
  const [name = "", ...args] = description.usage.split(" ");
  const command = context.program
    .command(name)
    .description(description.description)
    .helpGroup(description.group)
    .exitOverride()
    .addHelpText("after", `\nExample${description.examples.length > 1 ? "s" : ""}:\n${indented(description.examples)}`);
  for (const argument of args) command.addArgument(new Argument(argument));
  for (const [flags, text, fallback] of description.options ?? []) command.option(flags, text, fallback);
  return command.addOption(
    new Option("--name <machine>", "the machine to talk to (default: TYPERVISOR_SOCKET's, or the one named default)"),
  );
}

/** Adds a verb that talks to a machine. `work` is given what commander parsed: arguments, then options. */
export function addMachineVerb<A extends readonly unknown[], O extends object = object>(
  context: VerbContext,
  description: VerbDescription,
  work: (client: ControlClient, args: A, options: O) => Promise<number | undefined>,
): void {
  addVerb(context, description).action(async (...given: unknown[]) => {
    const options = given.at(-2) as O & { readonly name?: string };
    const status = await withMachine(options.name, (client) =>
      work(client, given.slice(0, -2) as unknown as A, options),
    );
    context.setStatus(status ?? 0);
  });
}

/** Connects to a machine, and turns what may go wrong there into one line. @throws UserError */
export async function withMachine<T>(
  name: string | undefined,
  work: (client: ControlClient) => Promise<T>,
): Promise<T> {
  if (process.stdout.listenerCount("error", onOutputError) === 0) process.stdout.on("error", onOutputError);
  return explainErrors(async () => {
    const paths = machinePaths(name);
    const client = await connect(paths, name);
    try {
      return await work(client);
    } finally {
      client.close();
    }
  });
}

/** Whoever read our output has seen enough. */
function onOutputError(error: NodeJS.ErrnoException): void {
  process.exit(error.code === "EPIPE" ? signalStatus(SIGPIPE) : ExitStatus.Failure);
}

async function connect(paths: MachinePaths, name: string | undefined): Promise<ControlClient> {
  try {
    return await connectToMachine(paths.socket);
  } catch (error) {
    if (!(error instanceof NoDaemon)) throw error;
    const option = name === undefined ? "" : ` --name ${name}`;
    throw new UserError(
      `no machine is running on ${paths.socket}: start one with \`typervisor serve --daemon${option}\``,
    );
  }
}

/** @throws UserError for all that is not our own mistake */
export async function explainErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UserError) throw error;
    const expected = [ControlError, ConnectionLost, FileError, ConfigError, RangeError];
    if (expected.some((kind) => error instanceof kind)) throw new UserError((error as Error).message);
    throw error;
  }
}

export function print(text: string): void {
  output.out(text.endsWith("\n") || text === "" ? text : `${text}\n`);
}

/** @throws UserError with the usual status if it is no whole number in this range */
export function numberOf(text: string, what: string, least: number, most: number): number {
  const number = /^\d{1,13}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new UserError(`${what} ${text}: must be a number from ${least} to ${most}`, ExitStatus.Usage);
}

/** Does something for each of several domains; what goes wrong for one does not keep it from the others. */
export async function forEach(names: readonly string[], work: (name: string) => Promise<unknown>): Promise<number> {
  let status = 0;
  for (const name of names) {
    try {
      await work(name);
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      output.error(`typervisor: ${error.message}\n`);
      status = ExitStatus.Failure;
    }
  }
  return status;
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join("\n");
}

/** Groups of `typervisor --help`. */
export const GROUPS = {
  run: "One guest:",
  machine: "A machine that lives:",
  domains: "Its domains:",
  resources: "Processors and memory:",
  inspect: "To look at it:",
  store: "Its xenstore:",
} as const;
