/** Node's standard input and output as a terminal: raw while it is in use, always restored. */
import { spawnSync } from "node:child_process";
import type { ReadStream, WriteStream } from "node:tty";
import type { Terminal, TerminalSize } from "../../backends/console/terminal.ts";

export interface NodeTerminal extends Terminal {
  /** Gives the terminal back as it was. */
  restore(): void;
}

/** Takes over the terminal. It is restored by `restore()`, and when the process exits in any way that runs handlers. */
export function openTerminal(input: ReadStream, output: WriteStream): NodeTerminal {
  const wasRaw = input.isRaw;
  let open = true;
  const restore = (): void => {
    if (!open) return;
    open = false;
    process.off("exit", restore);
    process.off("SIGCONT", raw);
    input.setRawMode(wasRaw);
    input.pause();
  };
  // Whoever suspended and continued us may have changed the mode.
  const raw = (): void => {
    input.setRawMode(true);
    // Node's raw mode goes on turning line feeds into new lines, which the guest's terminal has done already.
    spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
  };
  process.on("exit", restore);
  process.on("SIGCONT", raw);
  raw();
  input.resume();

  return {
    restore,
    write: (bytes) => {
      if (output.write(bytes)) return;
      return new Promise((resolve) => output.once("drain", resolve));
    },
    onInput: (listener) => {
      input.on("data", listener);
      return () => input.off("data", listener);
    },
    size: () => sizeOf(output),
    onResize: (listener) => {
      const onResize = (): void => {
        const size = sizeOf(output);
        if (size !== undefined) listener(size);
      };
      output.on("resize", onResize);
      return () => output.off("resize", onResize);
    },
  };
}

function sizeOf({ columns, rows }: WriteStream): TerminalSize | undefined {
  return columns > 0 && rows > 0 ? { columns, rows } : undefined;
}
