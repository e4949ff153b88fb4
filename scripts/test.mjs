/**
 * `npm test`: installs what is missing, checks types, lint and format, and runs all tests.
 *
 *     npm test                                  everything
 *     npm test -- tests/xenstore tests/cli/X.test.ts   only these files and folders, without the checks
 *
 * Options (--test-name-pattern=...) go to Node's test runner.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { installPackages, ROOT, runOrExit } from "./prepare.mjs";

const options = process.argv.slice(2).filter((word) => word.startsWith("-"));
const chosen = process.argv.slice(2).filter((word) => !word.startsWith("-"));

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
if (chosen.length === 0) {
  runOrExit(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json", "--noEmit"]);
  runOrExit(process.execPath, ["node_modules/@biomejs/biome/bin/biome", "ci"]);
}
const files = (chosen.length > 0 ? chosen : ["tests"]).flatMap(testsIn).map((path) => relative(ROOT, join(ROOT, path)));
runOrExit(process.execPath, ["--import", "tsx", "--test", ...options, ...files]);
