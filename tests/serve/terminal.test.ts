/** `console` and `top` on a terminal of their own, a pty that script(1) makes. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { after, before, test } from "node:test";
import type { ServedMachine } from "../../src/node.ts";
import { Directories, serve, typervisor } from "./machine.ts";

const skip = spawnSync("script", ["--version"]).error === undefined ? false : "script(1) is not installed";
const directories = new Directories();
let machine: ServedMachine;
before(async () => {
  machine = await serve(directories, "32M");
});
after(async () => {
  machine.stop(true);
  await machine.stopped;
  directories.remove();
});

/** A shell that runs a verb on a terminal, and says in which mode it left the terminal. */
class Terminal {
  output = "";
  readonly #child;

  constructor(verb: string) {
    const command = `${process.execPath} --import tsx src/cli/main.ts ${verb}`;
    this.#child = spawn(
      "script",
      ["-qec", `stty rows 20 cols 80; ${command}; echo status $?; stty -a; echo the' 'end`, "/dev/null"],
      {
        env: { ...process.env, ...directories.environment },
      },
    );
    this.#child.stdout.on("data", (bytes: Buffer) => (this.output += bytes.toString()));
  }
  type(text: string): void {
    this.#child.stdin.write(text);
  }
  async until(text: string): Promise<string> {
    for (let tries = 0; !this.output.includes(text); tries++) {
      assert.ok(tries < 500 && this.#child.exitCode === null, `without ${text}: ${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this.output;
  }
}

test("attach, type, detach with Ctrl-]; attach again sees what was; the terminal is given back", { skip }, async () => {
  const kernel = directories.guest("echo", { prints: "guest> ", echo: true, ends: "poweroff" });
  const create = await typervisor(directories, "create", "-q", "name=echo", `kernel=${kernel}`, "memory=4");
  assert.equal(create.stderr, "");
  const first = new Terminal("console echo");
  await first.until("guest> ");
  // Ctrl-C means nothing here; what is typed before Ctrl-] counts.
  first.type("a\x03b\x1dlost");
  const left = await first.until("the end");
  assert.match(left, /\[detached\]/);
  assert.match(left, /status 0/);
  assert.match(left, / icanon/);

  const second = new Terminal("console echo");
  await second.until("guest> ");
  second.type("c\n");
  const ended = await second.until("the end");
  assert.ok(ended.includes("guest> a\x03bc\n"), ended);
  assert.match(ended, /\[domain \d+ has ended: poweroff\]/);
  assert.match(ended, / icanon/);
  assert.match(ended, / echo /);
});

test("top: live until q; killed or not, the screen and the terminal are given back", { skip }, async () => {
  const kernel = directories.guest("block", { prints: "", ends: "block" });
  await typervisor(directories, "create", "-q", "name=sleeper", `kernel=${kernel}`, "memory=4");
  const top = new Terminal("top -d 0.2");
  await top.until("sleeper");
  top.type("x");
  top.type("q");
  const output = await top.until("the end");
  const [before = "", , after = ""] = output.split(/\[\?1049[hl]/);
  assert.doesNotMatch(before + after, /sleeper/);
  assert.match(output, /status 0/);
  assert.match(output, / icanon/);
});

test("the console follows a domain that restarts", { skip }, async () => {
  const kernel = directories.guest("reboot", { prints: "guest> ", echo: true, ends: "reboot" });
  const terminal = new Terminal(`create name=again kernel=${kernel} memory=4 -c`);
  await terminal.until("guest> ");
  terminal.type("reboot\n");
  await terminal.until("it is started again as domain");
  for (let tries = 0; terminal.output.split("guest> ").length < 3; tries++) {
    assert.ok(tries < 500, terminal.output);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  terminal.type("\x1d");
  assert.match(await terminal.until("the end"), / icanon/);
  await typervisor(directories, "destroy", "again");
});
