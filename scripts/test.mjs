/**
 * `npm test`: installs what is missing and runs all tests.
 *
 *     npm test                                        everything
 *     npm test -- tests/xenstore tests/cli/X.test.ts  only these files and folders
 *
 * Options (--test-name-pattern=...) go to Node's test runner. `npm run check` checks types, lint and
 * format as well.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { installPackages, ROOT, runOrExit } from "./prepare.mjs";

/** A test that takes longer than this hangs. */
const TIMEOUT_MS = 300_000;

const options = process.argv.slice(2).filter((word) => word.startsWith("-"));
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
const runner = ["--import", "tsx", "--test", "--test-concurrency=2", `--test-timeout=${TIMEOUT_MS}`];
runOrExit(process.execPath, [...runner, ...options, ...files]);
