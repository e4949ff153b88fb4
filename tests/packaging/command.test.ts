/** The command as it is published: bundled, and run by plain Node. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { bundleCommand } from "../../scripts/build.mjs";
import { tinyGuest } from "../library/tiny-guest.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

// Within the project: the packages that the bundle imports are found from there.
mkdirSync(join(PROJECT, "build"), { recursive: true });
const directory = mkdtempSync(join(PROJECT, "build/command-"));
after(() => rmSync(directory, { recursive: true }));
/** A socket's path is short. */
const runtime = mkdtempSync(join(tmpdir(), "typervisor-test-"));
after(() => rmSync(runtime, { recursive: true }));
cpSync(join(PROJECT, "package.json"), join(directory, "package.json"));
const { outputs } = await bundleCommand(join(directory, "dist/cli"));

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function typervisor(...argv: string[]): Promise<Result> {
  const child = spawn(process.execPath, [join(directory, "dist/cli/main.js"), ...argv], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      XDG_CACHE_HOME: directory,
      XDG_STATE_HOME: directory,
      TYPERVISOR_SOCKET: join(runtime, "bundled.sock"),
    },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, stdout, stderr })));
}

test("version and help", async () => {
  const [version, help, runHelp] = await Promise.all([
    typervisor("--version"),
    typervisor("--help"),
    typervisor("run", "--help"),
  ]);
  const expected = (JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { version: string }).version;
  assert.deepEqual(version, { status: 0, stdout: `${expected}\n`, stderr: "" });
  assert.equal(help.status, 0);
  assert.match(help.stdout, /typervisor serve --daemon/);
  assert.equal(runHelp.status, 0);
  assert.match(runHelp.stdout, /typervisor run -- uname -a/);
});

test("what is wrong with the command line is told in one line", async () => {
  const [option, value] = await Promise.all([
    typervisor("run", "--memroy", "1G"),
    typervisor("run", "--memory", "much"),
  ]);
  assert.deepEqual([option.status, option.stdout], [2, ""]);
  assert.match(option.stderr, /^typervisor: unknown option '--memroy'[^\n]*\n$/);
  assert.deepEqual([value.status, value.stdout], [2, ""]);
  assert.match(value.stderr, /^typervisor: --memory: [^\n]*\n$/);
});

test("a guest runs", async () => {
  const kernel = join(directory, "kernel");
  writeFileSync(kernel, tinyGuest({ prints: "up\n", ends: "poweroff" }));
  const result = await typervisor("run", "--kernel", kernel, "--memory", "16M");
  assert.deepEqual(result, { status: 0, stdout: "up\n", stderr: "" });
});

test("a daemon is this command once more", async () => {
  assert.deepEqual((await typervisor("serve", "--daemon", "--memory", "16M")).status, 0);
  const list = await typervisor("list");
  assert.deepEqual((await typervisor("stop")).status, 0);
  assert.match(list.stdout, /^Name .*\n$/);
});

test("what runs guests is loaded only for that, and after all else", () => {
  const loaded = new Set<string>();
  const load = (name: string): void => {
    const output = Object.entries(outputs).find(([path]) => basename(path) === basename(name))?.[1];
    for (const path of Object.keys(output?.inputs ?? {})) loaded.add(path);
    for (const { path, kind } of output?.imports ?? []) {
      // These are imported dynamically: once the compile cache is there, and for the verb.
      if (kind === "import-statement" || /^(command|run)-/.test(basename(path))) load(path);
    }
  };
  load("main.js");
  assert.ok(loaded.has("src/cli/verbs/list.ts") && loaded.has("src/cli/run.ts"));
  assert.deepEqual(
    [...loaded].filter((path) => /^src\/(machine|hypervisor)\//.test(path)),
    [],
  );
});
