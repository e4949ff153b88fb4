/**
 * Checks that imports run downward only (docs/architecture.md, "The floors"). Biome's noRestrictedImports
 * sees import specifiers, not the files they name, so this rule has a check of its own. Plain Node.
 *
 *     node scripts/check-imports.mjs
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";

const MACHINE = ["machine/", "machine/wasm/", "machine/x86/", "machine/interpreter/", "machine/software-processor.ts"];

/**
 * The floors, by the path under src/ that they begin with: what each may import. "node:" stands for
 * Node's modules, other words without a slash or a dot for npm packages.
 */
const FLOORS = {
  "abi/": [],
  // The processor: each tier stands on those before it.
  "machine/wasm/": [],
  "machine/x86/": ["machine/", "machine/wasm/", "abi/"],
  "machine/interpreter/": ["machine/", "machine/wasm/", "machine/x86/", "abi/"],
  "machine/jit/": ["machine/", "machine/wasm/", "machine/x86/", "machine/interpreter/", "abi/"],
  "machine/software-processor.ts": ["machine/", "machine/x86/", "machine/interpreter/", "machine/jit/", "abi/"],
  "machine/": ["machine/x86/", "abi/"],
  "hypervisor/": ["abi/", ...MACHINE],
  // A driver sees a guest only through backends/driver-domain.ts, never the hypervisor or its memory.
  "backends/": ["abi/"],
  "platform/node/": ["node:", "abi/", "toolstack/", "backends/", "platform/", "modern-tar"],
  "platform/": [],
  "toolstack/": ["abi/", ...MACHINE, "hypervisor/", "backends/", "platform/", "fflate", "fzstd", "modern-tar"],
  "index.ts": ["toolstack/", "backends/", "platform/"],
  "client.ts": ["platform/node/", "toolstack/"],
  "guest.ts": ["backends/", "platform/node/", "toolstack/"],
  "node.ts": ["node:", "client.ts", "guest.ts", "index.ts", "platform/node/"],
  // Faces use the public API alone.
  "cli/": ["node:", "client.ts", "guest.ts", "node.ts", "commander"],
  "web/": ["index.ts"],
};

const SOURCE = fileURLToPath(new URL("../src", import.meta.url));

/** The floor of a file or module; the more exact names stand first in FLOORS. */
function floorOf(name) {
  return Object.keys(FLOORS).find((floor) => name.startsWith(floor));
}

/** Static and dynamic imports and re-exports, with their line numbers. Comments do not count. */
function importsOf(text) {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "));
  const pattern = /^\s*(?:import|export)\b(?:[^;"'`]*?\bfrom)?\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;
  return [...code.matchAll(pattern)].map((match) => ({
    specifier: match[1] ?? match[2],
    line: code.slice(0, match.index + match[0].length).split("\n").length,
  }));
}

/** What is wrong with an import, or undefined. */
function problem(file, specifier) {
  const floor = floorOf(file);
  if (floor === undefined) return `${file} is on no floor: add its folder to scripts/check-imports.mjs`;
  const allowed = FLOORS[floor];
  const may = `src/${floor} may import only ${[floor, ...allowed].join(", ")}`;
  if (specifier.startsWith("node:")) return allowed.includes("node:") ? undefined : may;
  if (!specifier.startsWith(".")) {
    const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
    return allowed.includes(name) ? undefined : may;
  }
  const target = normalize(join(dirname(file), specifier))
    .split(sep)
    .join("/");
  if (target.startsWith("../")) return `src/ imports nothing from outside (${specifier})`;
  const other = floorOf(target);
  return other === floor || allowed.includes(other) ? undefined : may;
}

let failures = 0;
const files = readdirSync(SOURCE, { recursive: true }).map((name) => name.split(sep).join("/"));
for (const file of files.filter((name) => name.endsWith(".ts")).sort()) {
  for (const { specifier, line } of importsOf(readFileSync(join(SOURCE, file), "utf8"))) {
    const message = problem(file, specifier);
    if (message === undefined) continue;
    failures++;
    console.error(`src/${file}:${line}: imports ${specifier}, but ${message}`);
  }
}
if (failures > 0) {
  console.error(`${failures} import${failures === 1 ? "" : "s"} against the direction`);
  process.exitCode = 1;
}
