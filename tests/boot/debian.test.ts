/** Debian's python3, perl, bash and coreutils: what they print in a guest is what they print on this processor. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { debianRoot, native, rootArchive } from "./debian-root.ts";
import { GuestShell, noGuest } from "./guest-shell.ts";

const PROGRAMS = ["exercise.py", "exercise.pl", "tools.sh"];
const read = (name: string): string => readFileSync(join(import.meta.dirname, "programs", name), "utf8");

let root = "";
async function noRoot(): Promise<string | false> {
  if (process.platform !== "linux" || process.arch !== "x64")
    return "compares with this host, which is no x86-64 Linux";
  try {
    root = await debianRoot();
    return false;
  } catch (error) {
    return `no Debian packages: ${(error as Error).message.split("\n")[0]}`;
  }
}

const skip = (await noGuest()) || (await noRoot());
let guest: GuestShell;
before(async () => {
  if (skip) return;
  const programs = PROGRAMS.map((name) => ({ type: "file", path: `debian/${name}`, data: read(name) }) as const);
  const directories = ["proc", "dev", "tmp"].map((name) => ({ type: "directory", path: `debian/${name}` }) as const);
  const files = await rootArchive(root, "debian", [...directories, ...programs]);
  guest = await GuestShell.boot({ files, memory: "320M" });
  await guest.run("mount -t proc proc /debian/proc; mount -t devtmpfs dev /debian/dev");
});
after(() => guest?.machine.destroy());

/** Both get the same environment, up to where things are. */
const ENVIRONMENT = { LC_ALL: "C", PYTHONUTF8: "1", PYTHONHASHSEED: "0", TZ: "UTC", HOME: "/" };

function onHost(command: readonly string[], environment: Record<string, string>): string {
  const [program = "", ...words] = command;
  const directory = mkdtempSync(join(tmpdir(), "typervisor-test-"));
  const env = { ...ENVIRONMENT, PATH: "/usr/bin:/bin", ...environment };
  const { status, stdout, stderr } = spawnSync(program, words, { cwd: directory, env, encoding: "latin1" });
  rmSync(directory, { recursive: true });
  assert.equal(status, 0, stderr);
  return stdout;
}

async function inGuest(command: string): Promise<string> {
  const variables = Object.entries(ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
  const all = ["env -i PATH=/usr/bin:/bin", ...variables, "chroot /debian", command].join(" ");
  const { status, stdout, stderr } = await guest.run(all);
  assert.equal(stderr, "");
  assert.equal(status, 0);
  return stdout;
}

/** Line by line, so that a difference is seen at once. */
function same(actual: string, expected: string): void {
  assert.ok(expected.length > 100);
  assert.deepEqual(actual.split("\n"), expected.split("\n"));
}

test("python3", { skip }, async () => {
  const program = join(import.meta.dirname, "programs/exercise.py");
  const expected = onHost(native(root, "usr/bin/python3.11", [program]), { PYTHONHOME: join(root, "usr") });
  same(await inGuest("/usr/bin/python3.11 /exercise.py"), expected);
});

test("perl", { skip }, async () => {
  const library = join(root, "usr/lib/x86_64-linux-gnu/perl-base");
  const program = join(import.meta.dirname, "programs/exercise.pl");
  const expected = onHost(native(root, "usr/bin/perl", [program]), { PERL5LIB: library });
  same(await inGuest("/usr/bin/perl /exercise.pl"), expected);
});

test("bash and coreutils", { skip }, async () => {
  const expected = onHost(["bash", join(import.meta.dirname, "programs/tools.sh")], {});
  same(await inGuest("/bin/bash -c 'cd /tmp; . /tools.sh'"), expected);
});

test("no process was ended by a fault", { skip }, async () => {
  const { stdout } = await guest.run("dmesg | grep -E 'WARNING|BUG|Oops|Call Trace|stalled|segfault|traps:'");
  assert.equal(stdout, "");
});
