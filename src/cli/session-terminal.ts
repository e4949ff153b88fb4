/** A session on the user's terminal: the guest's first console, as if it were plugged in. */
import { openTerminal } from "../client.ts";
import { attachTerminal, GuestAgent } from "../guest.ts";
import type { Terminal } from "../node.ts";
import { type SessionContext, type SessionResult, Tail } from "./session.ts";

/** Ctrl-], as in xl console and telnet. */
const ESCAPE = 0x1d;
const QUESTION =
  "\r\n\x1b[7m typervisor: the machine lives in this process. q: end it   ]: send Ctrl-]   any other key: go back \x1b[0m ";

export async function terminalSession(context: SessionContext): Promise<SessionResult> {
  const { domain, hasAgent, options, stop } = context;
  const control = hasAgent ? domain.consoles[1]?.raw : undefined;
  const agent = control && new GuestAgent(control);
  const tail = new Tail();
  const terminal = openTerminal(process.stdin, process.stdout);
  const stopResizing = terminal.onResize((size) => agent?.resize(size));
  try {
    const shown = options.command.length > 0 && agent !== undefined ? showCommandOnly(terminal, agent, tail) : terminal;
    await attachTerminal(
      domain.console.raw,
      shown,
      escapeFilter(terminal, () => stop(0)),
    );
  } finally {
    stopResizing();
    terminal.restore();
  }
  return { commandStatus: await agent?.finished, hidden: tail.toString() };
}

/** A command's terminal shows the command's output: not the boot before it, nor the power-off behind it. */
function showCommandOnly(terminal: Terminal, agent: GuestAgent, tail: Tail): Terminal {
  let visible = false;
  void agent.ready.then((ready) => {
    visible = ready;
    if (ready) tail.clear();
  });
  void agent.exited.then(() => {
    visible = false;
  });
  return { ...terminal, write: (bytes) => (visible ? terminal.write(bytes) : tail.push(bytes)) };
}

/** Takes Ctrl-] and the answer to our question out of what is typed. */
function escapeFilter(terminal: Terminal, end: () => void): (bytes: Uint8Array) => Uint8Array {
  let asking = false;
  return (typed) => {
    const rest: number[] = [];
    for (const byte of typed) {
      if (asking) {
        asking = false;
        if (byte === 0x71 || byte === 0x51) end();
        else if (byte === 0x5d) rest.push(ESCAPE);
        void terminal.write(new TextEncoder().encode("\r\n"));
      } else if (byte === ESCAPE) {
        asking = true;
        void terminal.write(new TextEncoder().encode(QUESTION));
      } else {
        rest.push(byte);
      }
    }
    return Uint8Array.from(rest);
  };
}
