/** What connects the guest's consoles with the user. */
import type { Domain } from "../node.ts";
import type { RunOptions } from "./options.ts";

export interface SessionContext {
  readonly domain: Domain;
  readonly options: RunOptions;
  /** The guest follows docs/console-protocol.md. */
  readonly hasAgent: boolean;
  /** Ends the run at once, with this status. */
  stop(status: number): void;
  /** Set by a session that passes signals on: returns whether it did. */
  onSignal: ((name: string) => boolean) | undefined;
}

export interface SessionResult {
  /** Status of the command, if there was one and it came to its end. */
  readonly commandStatus: number | undefined;
  /** Console output that was kept from the user, the last of it. */
  readonly hidden: string;
}

/** Runs until the guest's consoles have ended. */
export type Session = (context: SessionContext) => Promise<SessionResult>;

/** Keeps the end of what goes through it. */
export class Tail {
  readonly #limit: number;
  #bytes = new Uint8Array(0);

  constructor(limit = 4096) {
    this.#limit = limit;
  }

  push(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#bytes.length + bytes.length);
    all.set(this.#bytes);
    all.set(bytes, this.#bytes.length);
    this.#bytes = all.slice(-this.#limit);
  }

  clear(): void {
    this.#bytes = new Uint8Array(0);
  }

  toString(): string {
    return new TextDecoder().decode(this.#bytes).replaceAll("\r", "");
  }
}

/** Copies output to a stream at the stream's pace, until either ends. */
export async function copyOutput(output: AsyncIterable<Uint8Array>, stream: NodeJS.WriteStream): Promise<void> {
  for await (const bytes of output) {
    await new Promise<void>((resolve) => {
      // An error, of which the listeners know, comes here as well.
      if (stream.write(bytes, () => resolve())) resolve();
    });
  }
}
