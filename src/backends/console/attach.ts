/** Connects a console to a terminal. */
import type { Console } from "./console.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Shows what the guest writes and passes on what is typed, until the console ends.
 * @param filter looks at what is typed before the guest does; it returns what is left of it
 */
export async function attachTerminal(
  console: Console,
  terminal: Terminal,
  filter: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes,
): Promise<void> {
  const stop = terminal.onInput((bytes) => void console.write(filter(bytes)));
  try {
    for await (const bytes of console.output) await terminal.write(bytes);
  } finally {
    stop();
  }
}
