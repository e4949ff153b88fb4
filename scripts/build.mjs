/**
 * Compiles src into dist. Plain Node.
 *
 *     node scripts/build.mjs
 *
 * The library is compiled file by file, with types, for whoever bundles it. The command is bundled, since Node takes
 * longer to find and load some 400 small modules than to compile them: dist/cli/main.js, and beside it the parts that
 * not every verb needs. Packages are not bundled; npm installs them.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as esbuild from "esbuild";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Compiles the library into a folder. @throws Error, after the compiler has said what is wrong */
export function compileLibrary(output) {
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  const argv = [compiler, "-p", join(ROOT, "tsconfig.build.json"), "--outDir", output];
  const { status } = spawnSync(process.execPath, argv, { cwd: ROOT, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error("the library could not be compiled");
}

/**
 * Bundles the command into a folder, which becomes its own. It looks for its package.json two folders up.
 * @returns what each file of the bundle is made of: esbuild's metafile
 * @throws Error, after esbuild has said what is wrong
 */
export async function bundleCommand(output) {
  // Parts of an earlier build have other names.
  rmSync(output, { recursive: true, force: true });
  const { metafile } = await esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: ["src/cli/main.ts"],
    outdir: output,
    bundle: true,
    splitting: true,
    chunkNames: "[name]-[hash]",
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    // For `node --enable-source-maps` and for debuggers; Node does not read it otherwise.
    sourcemap: true,
    metafile: true,
    logLevel: "warning",
  });
  return metafile;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    compileLibrary(join(ROOT, "dist"));
    await bundleCommand(join(ROOT, "dist/cli"));
  } catch {
    process.exitCode = 1;
  }
}
