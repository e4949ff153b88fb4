import assert from "node:assert/strict";
import { test } from "node:test";
import { ExitStatus, UserError } from "../../src/cli/exit-status.ts";
import type { RunOptions } from "../../src/cli/options.ts";
import { runProgram } from "../../src/cli/program.ts";
import { formatSize, parseSize } from "../../src/toolstack/size.ts";

/** What `typervisor ARGV` would run. */
async function parse(...argv: string[]): Promise<RunOptions> {
  let options: RunOptions | undefined;
  const status = await runProgram(argv, "1.2.3", {
    run: async (parsed) => {
      options = parsed;
      return 42;
    },
  });
  assert.equal(status, 42);
  assert.ok(options);
  return options;
}

test("amounts of memory", () => {
  const MIB = 1 << 20;
  for (const [text, bytes] of [
    ["256M", 256 * MIB],
    ["256", 256 * MIB],
    ["1g", 1024 * MIB],
    ["1.5G", 1536 * MIB],
    ["262144K", 256 * MIB],
    ["512MiB", 512 * MIB],
    ["512mb", 512 * MIB],
    [" 64M ", 64 * MIB],
    ["5K", 4096],
  ] as const) {
    assert.equal(parseSize(text), bytes, text);
  }
  for (const text of ["", "M", "-1M", "1T", "1e3", "0x10", "1 M", "1M1", "1.M", "∞", "12345678901"]) {
    assert.throws(() => parseSize(text), RangeError, text);
  }
  assert.deepEqual([0, 4096, 256 * MIB, 1536 * MIB].map(formatSize), ["0 bytes", "4 KiB", "256 MiB", "1.5 GiB"]);
});

test("no options: a default guest on the terminal", async () => {
  assert.deepEqual(await parse("run"), {
    kernel: undefined,
    ramdisk: undefined,
    append: "",
    memoryBytes: 256 << 20,
    vcpus: 1,
    tty: true,
    timeoutSeconds: undefined,
    virtualTime: false,
    stats: undefined,
    systemMap: undefined,
    symbols: [],
    profile: undefined,
    command: [],
  });
});

test("all options", async () => {
  const options = await parse(
    ..."run --kernel k --ramdisk r --append a=b --memory 1G --vcpus 2 --no-tty --timeout 1.5".split(" "),
    ..."--virtual-time --stats=out.json --system-map m --symbols a --symbols b --profile p -- sh -c".split(" "),
    "exit 7",
  );
  assert.deepEqual(options, {
    kernel: "k",
    ramdisk: "r",
    append: "a=b",
    memoryBytes: 1 << 30,
    vcpus: 2,
    tty: false,
    timeoutSeconds: 1.5,
    virtualTime: true,
    stats: "out.json",
    systemMap: "m",
    symbols: ["a", "b"],
    profile: "p",
    command: ["sh", "-c", "exit 7"],
  });
});

test("a command's own options are the command's, with and without --", async () => {
  assert.deepEqual((await parse("run", "--", "ls", "--stats", "-l")).command, ["ls", "--stats", "-l"]);
  assert.deepEqual((await parse("run", "--no-tty", "ls", "-l", "--help")).command, ["ls", "-l", "--help"]);
  assert.deepEqual((await parse("run", "--", "--version")).command, ["--version"]);
});

test("--stats alone takes nothing that follows it", async () => {
  const options = await parse("run", "--stats", "--", "ls");
  assert.equal(options.stats, "-");
  assert.deepEqual(options.command, ["ls"]);
  assert.equal((await parse("run", "--stats", "--no-tty")).tty, false);
});

test("nonsense: one clear line and status 2", async () => {
  const table: [string[], RegExp][] = [
    [["run", "--memory", "lots"], /^--memory: "lots" is not an amount of memory such as 256M or 1G/],
    [["run", "--memory", "1M"], /^--memory 1M: a guest needs at least 4 MiB/],
    [["run", "--memory", "64G"], /^--memory 64G: a guest can have at most 3 GiB/],
    [["run", "--vcpus", "0"], /^--vcpus 0: must be a number from 1 to 32/],
    [["run", "--vcpus", "two"], /^--vcpus two: /],
    [["run", "--vcpus", "1000"], /^--vcpus 1000: /],
    [["run", "--timeout", "soon"], /^--timeout soon: must be a number of seconds/],
    [["run", "--timeout", "-1"], /^--timeout -1: |argument missing/],
    [["run", "--timeout", "0"], /^--timeout 0: /],
    [["run", "--timeout", "99999999"], /^--timeout 99999999: /],
    [["run", "--kernel", ""], /^--kernel needs the name of a file/],
    [["run", "--profile", ""], /^--profile needs the name of a file/],
    [["run", "--symbols", ""], /^--symbols needs the name of a file/],
    [["run", "--kernel"], /^option '--kernel <file>' argument missing/],
    [["run", "--no-such-option"], /^unknown option '--no-such-option'/],
    [["run", "--", ""], /^the command to run is empty/],
    [["walk"], /^unknown command 'walk'/],
    [["--frobnicate"], /^unknown option '--frobnicate'/],
  ];
  for (const [argv, expected] of table) {
    await assert.rejects(parse(...argv), (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, expected);
      assert.equal(error.status, ExitStatus.Usage);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  }
});
