/** A session by pipes: a command's input, output and errors are ours, kernel messages are kept apart. */
import { GuestAgent, type GuestSignal } from "../guest.ts";
import { copyOutput, type SessionContext, type SessionResult, Tail } from "./session.ts";

/** A second signal of a kind within this time is for us. */
const PATIENCE_MS = 2000;

export async function commandSession(context: SessionContext): Promise<SessionResult> {
  const [first, control, data, error] = context.domain.consoles.map(({ raw }) => raw);
  if (!first || !control || !data || !error) throw new Error("a command needs four consoles");
  const agent = new GuestAgent(control, data);
  passSignals(context, agent);
  void feed(agent);
  const tail = new Tail();
  await Promise.all([
    copyOutput(data.output, process.stdout),
    copyOutput(error.output, process.stderr),
    (async () => {
      for await (const bytes of first.output) tail.push(bytes);
    })(),
  ]);
  return { commandStatus: await agent.finished, hidden: tail.toString() };
}

/** Our standard input is the command's. */
async function feed(agent: GuestAgent): Promise<void> {
  if (!(await agent.ready)) return;
  try {
    for await (const chunk of process.stdin) await agent.write(chunk as Uint8Array);
  } catch {
    // What cannot be read any more has ended.
  }
  await agent.end();
}

/** Signals go to the command first; one that comes again ends the machine. */
function passSignals(context: SessionContext, agent: GuestAgent): void {
  let ready = false;
  let lastSignal = Number.NEGATIVE_INFINITY;
  void agent.ready.then((isReady) => {
    ready = isReady;
  });
  context.onSignal = (name) => {
    const now = Date.now();
    const again = now - lastSignal < PATIENCE_MS;
    lastSignal = now;
    if (!ready || again) return false;
    agent.signal(name.replace(/^SIG/, "") as GuestSignal);
    return true;
  };
}
