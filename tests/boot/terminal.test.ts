/** The shell on a terminal of its own, a pty that script(1) makes: what a person does there. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { noGuest } from "./guest-shell.ts";

const noScript = spawnSync("script", ["--version"]).error === undefined ? false : "script(1) is not installed";
const skip = noScript || (await noGuest());

const LEFT = "\x1b[D";
const PROMPT = ":~# ";

test("line editing, Ctrl-C, window size, vi; leaving the shell gives the terminal back", { skip }, async () => {
  const command = `${process.execPath} --import tsx src/cli/main.ts run --timeout 200`;
  const child = spawn("script", ["-qec", `stty rows 33 cols 99; ${command}; echo status $?; stty -a`, "/dev/null"], {
    env: { ...process.env, TERM: "xterm" },
  });
  const ended = once(child, "close");
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString("latin1")));
  /** Takes the output up to `text`. */
  const until = async (text: string): Promise<string> => {
    for (;;) {
      const end = output.indexOf(text) + text.length;
      if (end >= text.length) {
        const taken = output.slice(0, end);
        output = output.slice(end);
        return taken;
      }
      if (child.exitCode !== null) assert.fail(`ended without ${text}: ${output}`);
      await delay(20);
    }
  };
  /** The words are not in the line as it is typed, but in what it prints. */
  const run = async (line: string, printed: string): Promise<void> => {
    child.stdin.write(`${line}\r`);
    await until(printed);
    await until(PROMPT);
  };

  await until(PROMPT);
  await run("stty size", "\n33 99\r");
  await run(`ecoo $((6 * 7))${LEFT.repeat("o $((6 * 7))".length)}\x08h\x05\x08\x08 + 1))`, "\n43\r");

  child.stdin.write("sleep 1000\r");
  await until("sleep 1000");
  await delay(300);
  child.stdin.write("\x03");
  await until(PROMPT);
  await run("echo status $?", "\nstatus 130\r");

  child.stdin.write("vi /tmp/file\r");
  // The last of the empty lines, and the name below them.
  await until("\x1b[32;1H~");
  await until("/tmp/file");
  child.stdin.write("ihello\rworld\x1b");
  // vi waits whether the escape begins a key's sequence.
  await until("- /tmp/file [Modified]");
  child.stdin.write(":wq\r");
  await until("\x1b[?1049l");
  await until(PROMPT);
  await run("tr a-z A-Z </tmp/file", "\nHELLO\r\nWORLD\r");

  child.stdin.write("exit\r");
  await ended;
  assert.match(output, /status 0\r\n/);
  assert.match(output, / icanon/);
  assert.match(output, / echo /);
});
