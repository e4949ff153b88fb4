/**
 * The host's end of the consoles of the default guest: see docs/console-protocol.md.
 *
 * Console 1 carries lines of control both ways, console 2 the command's output and
 * (in chunks) its input, console 3 its errors.
 */
import type { Console } from "../backends/console/console.ts";
import type { TerminalSize } from "../backends/console/terminal.ts";

/** Longest chunk of standard input. */
const CHUNK = 65536;
/** A line longer than this is not one of ours. */
const LONGEST_LINE = 256;

/** Signals that make sense for a command. */
export type GuestSignal = "INT" | "TERM" | "HUP" | "QUIT" | "KILL" | "USR1" | "USR2" | "PIPE";

export class GuestAgent {
  /** The guest has opened its consoles; false if it ended without. */
  readonly ready: Promise<boolean>;
  /** The command's status as soon as it has ended; its output may still be on its way. Undefined as in `finished`. */
  readonly exited: Promise<number | undefined>;
  /** Status of the command, when the guest has closed its consoles; undefined if it ran none to the end. */
  readonly finished: Promise<number | undefined>;
  readonly #control: Console;
  readonly #data: Console | undefined;
  readonly #encoder = new TextEncoder();
  #exit: (status: number | undefined) => void = () => {};
  #becomeReady: (ready: boolean) => void = () => {};
  #isReady = false;
  #size: TerminalSize | undefined;

  /** @param data console 2, for commands that don't run on a terminal */
  constructor(control: Console, data?: Console) {
    this.#control = control;
    this.#data = data;
    this.ready = new Promise((resolve) => {
      this.#becomeReady = resolve;
    });
    this.exited = new Promise((resolve) => {
      this.#exit = resolve;
    });
    this.finished = this.#listen();
  }

  /** Tells the guest the size of the terminal behind its first console, now and when it gets ready. */
  resize(size: TerminalSize): void {
    this.#size = size;
    if (this.#isReady) this.#say(`winsize ${size.columns} ${size.rows}`);
  }

  /** Sends a signal to the command. */
  signal(name: GuestSignal): void {
    if (this.#isReady) this.#say(`signal ${name}`);
  }

  /** Has the guest switch itself off at once. */
  poweroff(): void {
    if (this.#isReady) this.#say("poweroff");
  }

  /** Standard input of the command. Resolves when the guest's driver has taken it. */
  async write(bytes: Uint8Array): Promise<void> {
    if (!(await this.ready)) return;
    for (let at = 0; at < bytes.length; at += CHUNK) {
      const chunk = bytes.subarray(at, at + CHUNK);
      const header = this.#encoder.encode(`${chunk.length}\n`);
      const both = new Uint8Array(header.length + chunk.length);
      both.set(header);
      both.set(chunk, header.length);
      await this.#data?.write(both);
    }
  }

  /** The end of the command's standard input. */
  async end(): Promise<void> {
    if (await this.ready) await this.#data?.write(this.#encoder.encode("0\n"));
  }

  #say(line: string): void {
    void this.#control.write(this.#encoder.encode(`${line}\n`));
  }

  async #listen(): Promise<number | undefined> {
    let status: number | undefined;
    let line = "";
    for await (const bytes of this.#control.output) {
      for (const byte of bytes) {
        if (byte === 0x0a) {
          status = this.#hear(line) ?? status;
          line = "";
        } else if (line.length < LONGEST_LINE) {
          line += String.fromCharCode(byte);
        }
      }
    }
    this.#becomeReady(false);
    this.#exit(status);
    return status;
  }

  /** Returns the command's status if the line tells it. */
  #hear(line: string): number | undefined {
    if (line === "ready") {
      this.#isReady = true;
      this.#becomeReady(true);
      if (this.#size !== undefined) this.resize(this.#size);
    }
    const digits = /^exit (\d{1,3})$/.exec(line)?.[1];
    if (digits === undefined) return undefined;
    const status = Number(digits) & 0xff;
    this.#exit(status);
    return status;
  }
}
