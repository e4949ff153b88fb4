/** How a run ended: messages, statistics, exit status. */
import { writeFile } from "node:fs/promises";
import { fileError, writeWholeFile } from "../client.ts";
import type { DomainEnd, Machine } from "../node.ts";
import { ExitStatus } from "./exit-status.ts";
import type { SessionResult } from "./session.ts";

/** Tells the user on standard error what he must know, and returns the exit status. */
export function concludeRun(end: DomainEnd, session: SessionResult, hasCommand: boolean): number {
  const say = (text: string): void => void process.stderr.write(`${text.trimEnd()}\n`);
  switch (end.reason) {
    case "poweroff":
    case "reboot":
      if (hasCommand) {
        if (session.commandStatus !== undefined) return session.commandStatus;
        if (session.hidden !== "") say(session.hidden);
        say("typervisor: the guest has ended without running the command to its end");
        return ExitStatus.Crash;
      }
      if (end.reason === "reboot") say("typervisor: the guest asked for a reboot; run it again to start it anew");
      return 0;
    case "destroyed":
      return 0;
    case "suspend":
      say("typervisor: the guest has suspended itself; saving guests is not supported yet");
      return ExitStatus.Failure;
    case "crash":
    case "watchdog":
      if (session.hidden !== "") say(`--- last messages of the guest ---\n${session.hidden}`);
      say(`--- crash report ---\n${end.report ?? ""}`);
      say(`typervisor: the guest has crashed${end.reason === "watchdog" ? " (its watchdog ran out)" : ""}`);
      return ExitStatus.Crash;
  }
}

/** Writes the machine's statistics as JSON, to a file or ("-") to standard error. */
export async function writeStatistics(target: string, machine: Machine): Promise<void> {
  const bigints = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? Number(value) : value);
  const text = `${JSON.stringify(machine.statistics(), bigints, 2)}\n`;
  if (target === "-") {
    process.stderr.write(text);
    return;
  }
  try {
    await writeFile(target, text);
  } catch (error) {
    throw fileError(error, `cannot write statistics to ${target}`);
  }
}

/** Ends the machine's profile, and writes it to a file. */
export async function writeProfile(target: string, machine: Machine): Promise<void> {
  await writeWholeFile(target, "profile", JSON.stringify(machine.stopProfile()));
}
