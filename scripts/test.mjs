/**
 * `npm test`: installs what is missing and runs all tests.
 *
 *     npm test                                        everything
 *     npm test -- tests/xenstore tests/cli/X.test.ts  only these files and folders
 *
 * `npm run test:long` runs what takes longer than anyone waits: an hour of guest time.
 *
 * Options (--test-name-pattern=...) go to Node's test runner. `npm run check` checks types, lint and
 * format as well.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { installPackages, ROOT, runOrExit } from "./prepare.mjs";

/** A test that takes longer than this hangs. */
const TIMEOUT_MS = 300_000;
/** The same for long tests. */
const LONG_TIMEOUT_MS = 6 * 3_600_000;
const SOAK_MINUTES = "60";

const long = process.argv.includes("--long");
if (long) process.env.TYPERVISOR_SOAK_MINUTES ??= SOAK_MINUTES;
const timeout = long ? LONG_TIMEOUT_MS : TIMEOUT_MS;
const options = process.argv.slice(2).filter((word) => word.startsWith("-") && word !== "--long");
const chosen = process.argv.slice(2).filter((word) => !word.startsWith("-"));

/** Node 20's test runner knows no patterns. */
function testsIn(path) {
  if (!existsSync(path)) {
    console.error(`no such test: ${path}`);
    process.exit(2);
  }
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => join(path, name))
    .sort();
}

process.chdir(ROOT);
installPackages();
const files = (chosen.length > 0 ? chosen : ["tests"]).flatMap(testsIn).map((path) => relative(ROOT, resolve(path)));
const runner = ["--import", "tsx", "--test", "--test-concurrency=2", `--test-timeout=${timeout}`];
runOrExit(process.execPath, [...runner, ...options, ...files]);
