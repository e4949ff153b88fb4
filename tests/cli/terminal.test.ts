/** The command on a terminal of its own: a pty that script(1) makes. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type TinyGuest, tinyGuest } from "../library/tiny-guest.ts";

const noScript = spawnSync("script", ["--version"]).error === undefined ? false : "script(1) is not installed";
const directory = mkdtempSync(join(tmpdir(), "typervisor-test-"));
after(() => rmSync(directory, { recursive: true }));

/** A shell that runs typervisor on a terminal, says how it ended, and in which mode it left the terminal. */
class Terminal {
  #output = "";
  readonly #child;
  readonly #waiting: (() => void)[] = [];

  constructor(guest: TinyGuest) {
    const kernel = join(directory, `kernel-${Math.random()}`);
    writeFileSync(kernel, tinyGuest(guest));
    const command = `${process.execPath} --import tsx src/cli/main.ts run --kernel ${kernel} --memory 16M`;
    this.#child = spawn("script", [
      "-qec",
      `stty rows 33 cols 99; ${command}; echo status $?; stty -a; echo the' 'end`,
      "/dev/null",
    ]);
    this.#child.stdout.on("data", (bytes: Buffer) => {
      this.#output += bytes.toString();
      for (const wake of this.#waiting.splice(0)) wake();
    });
    this.#child.on("close", () => {
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }
  type(text: string): void {
    this.#child.stdin.write(text);
  }
  /** Waits until the screen has shown `text`. */
  async until(text: string): Promise<string> {
    while (!this.#output.includes(text)) {
      if (this.#child.exitCode !== null) assert.fail(`ended without ${text}: ${this.#output}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#output;
  }
}

test("typing goes to the guest as it is; the terminal is given back", { skip: noScript }, async () => {
  const terminal = new Terminal({ prints: "guest> ", echo: true, ends: "poweroff" });
  await terminal.until("guest> ");
  // Neither Ctrl-C nor Ctrl-D means anything to a raw terminal.
  terminal.type("a\x03b\x04c\n");
  const output = await terminal.until("the end");
  assert.ok(output.includes("guest> a\x03b\x04c"), output);
  assert.match(output, /status 0/);
  assert.match(output, / icanon/);
  assert.match(output, / echo /);
});

test("Ctrl-] asks; another key goes back, ] sends it on, q ends the machine", { skip: noScript }, async () => {
  const terminal = new Terminal({ prints: "guest> ", echo: true, ends: "block" });
  await terminal.until("guest> ");
  terminal.type("\x1dx");
  await terminal.until("q: end it");
  terminal.type("\x1d]abc\n");
  await terminal.until("\x1dabc");
  terminal.type("\x1dq");
  const output = await terminal.until("the end");
  assert.match(output, /status 0/);
  assert.match(output, / icanon/);
});

test("a crash gives the terminal back before it reports", { skip: noScript }, async () => {
  const terminal = new Terminal({ prints: "oops", ends: "fault" });
  const output = await terminal.until("the end");
  assert.match(output, /--- crash report ---\r\n/);
  assert.match(output, /status 70/);
  assert.match(output, / icanon/);
});
