/** Whether `npm start` and `npm test` install packages first. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { outdatedPackages } from "../../scripts/packages.mjs";

interface Package {
  readonly version: string;
  readonly integrity?: string;
  readonly optional?: boolean;
}

const lock = (packages: Record<string, Package>): string => JSON.stringify({ lockfileVersion: 3, packages });
const PROJECT = { "": { version: "0.1.0" } };
const TAR = { "node_modules/tar": { version: "1.2.3", integrity: "sha512-one" } };

test("what is installed as asked for is left alone, whatever its time", () => {
  assert.deepEqual(outdatedPackages(lock({ ...PROJECT, ...TAR }), lock(TAR)), []);
});

test("packages too many, and optional ones for other systems, are no reason to install", () => {
  const other = { "node_modules/tar-win32": { version: "1.2.3", optional: true } };
  assert.deepEqual(outdatedPackages(lock({ ...PROJECT, ...TAR, ...other }), lock(TAR)), []);
  assert.deepEqual(outdatedPackages(lock(PROJECT), lock(TAR)), []);
});

test("missing packages, other versions and other contents are", () => {
  const paths = ["node_modules/tar"];
  assert.deepEqual(outdatedPackages(lock(TAR), undefined), paths);
  assert.deepEqual(outdatedPackages(lock(TAR), lock({})), paths);
  assert.deepEqual(outdatedPackages(lock(TAR), lock(TAR).slice(0, 40)), paths);
  const versions = { "node_modules/tar": { version: "1.2.4", integrity: "sha512-one" } };
  assert.deepEqual(outdatedPackages(lock(TAR), lock(versions)), paths);
  const contents = { "node_modules/tar": { version: "1.2.3", integrity: "sha512-two" } };
  assert.deepEqual(outdatedPackages(lock(TAR), lock(contents)), paths);
  const optional = { "node_modules/tar": { version: "1.2.4", optional: true } };
  assert.deepEqual(outdatedPackages(lock(optional), lock(TAR)), paths);
});

test("the packages that these tests run with are those of package-lock.json", () => {
  const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
  assert.deepEqual(outdatedPackages(read("package-lock.json"), read("node_modules/.package-lock.json")), []);
});

test("packages behind a symbolic link are another project's: nothing is installed there", () => {
  const directory = mkdtempSync(join(tmpdir(), "typervisor-test-"));
  try {
    for (const name of ["scripts", "package.json", "package-lock.json"]) {
      cpSync(new URL(`../../${name}`, import.meta.url), join(directory, name), { recursive: true });
    }
    mkdirSync(join(directory, "others/kept"), { recursive: true });
    symlinkSync("others", join(directory, "node_modules"));
    const { status, stderr } = spawnSync(process.execPath, ["scripts/start.mjs"], { cwd: directory, encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stderr, /^node_modules is a symbolic link to others, which lacks .*\n.*remove the link\.\n$/);
    assert.deepEqual(readdirSync(join(directory, "others")), ["kept"]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
