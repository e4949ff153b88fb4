/** Brings a clone into a state in which it can run: packages installed, sources compiled. Plain Node. */
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { outdatedPackages } from "./packages.mjs";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PACKAGES = join(ROOT, "node_modules");
const MAIN = join(ROOT, "dist/cli/main.js");

/** Runs a program with our terminal; ends this process with its status if that is not 0. */
export function runOrExit(command, args) {
  const { status, error, signal } = spawnSync(command, args, { cwd: ROOT, stdio: "inherit" });
  if (error !== undefined) {
    console.error(`${command}: ${error.message}`);
    process.exit(1);
  }
  if (status !== 0) process.exit(status ?? (signal === null ? 1 : 130));
}

/** Installs the npm packages of package-lock.json, unless they are there. */
export function installPackages() {
  const installed = join(PACKAGES, ".package-lock.json");
  const outdated = outdatedPackages(
    readFileSync(join(ROOT, "package-lock.json"), "utf8"),
    existsSync(installed) ? readFileSync(installed, "utf8") : undefined,
  );
  if (outdated.length === 0) return;
  if (lstatSync(PACKAGES, { throwIfNoEntry: false })?.isSymbolicLink()) {
    // npm ci begins by emptying the folder, which others may be using.
    console.error(`node_modules is a symbolic link to ${readlinkSync(PACKAGES)}, which lacks ${outdated.join(", ")}.`);
    console.error("Run npm ci in the project that it belongs to, or remove the link.");
    process.exit(1);
  }
  console.error("Installing npm packages...");
  // Standard output belongs to whatever is run afterwards.
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const { status, error } = spawnSync(npm, ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: ROOT,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (status !== 0) {
    console.error(`npm ci failed${error === undefined ? "" : `: ${error.message}`}`);
    process.exit(1);
  }
}

/** Compiles src into dist, unless dist is newer. Returns the compiled command. */
export function build() {
  const built = modified(MAIN);
  if (built !== undefined && built >= newest(join(ROOT, "src"))) return MAIN;
  console.error("Compiling...");
  const { status } = spawnSync(process.execPath, [join(ROOT, "scripts/build.mjs")], { stdio: ["ignore", 2, 2] });
  if (status !== 0) {
    // Half a build must not pass for one.
    rmSync(MAIN, { force: true });
    process.exit(1);
  }
  return MAIN;
}

function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : undefined;
}

function newest(directory) {
  let time = Math.max(
    ...["package.json", "tsconfig.json", "tsconfig.build.json", "scripts/build.mjs"].map(
      (f) => modified(join(ROOT, f)) ?? 0,
    ),
  );
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) time = Math.max(time, statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
  }
  return time;
}
