/** The first console as plain bytes: for scripts, logs, and guests of all kinds. */
import { setTimeout as delay } from "node:timers/promises";
import { GuestAgent } from "../guest.ts";
import { copyOutput, type SessionContext, type SessionResult } from "./session.ts";

/** Ctrl-D: the end of a terminal's input. */
const END_OF_INPUT = Uint8Array.of(0x04);

export async function pipedSession(context: SessionContext): Promise<SessionResult> {
  const { domain } = context;
  const control = context.hasAgent ? domain.consoles[1]?.raw : undefined;
  void feed(context, control && new GuestAgent(control));
  await copyOutput(domain.console.raw.output, process.stdout);
  return { commandStatus: undefined, hidden: "" };
}

async function feed({ domain }: SessionContext, agent: GuestAgent | undefined): Promise<void> {
  // What is typed before the session has set its terminal up may get lost.
  if (agent !== undefined && !(await agent.ready)) return;
  const console = domain.console.raw;
  try {
    for await (const chunk of process.stdin) await console.write(chunk as Uint8Array);
  } catch {
    // What cannot be read any more has ended.
  }
  if (agent === undefined) return;
  // A shell may be between two lines, where Ctrl-D means nothing: say it until it is heard.
  while (domain.end === undefined) {
    await console.write(END_OF_INPUT);
    await delay(1000, undefined, { ref: false });
  }
}
