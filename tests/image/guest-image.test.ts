import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, beforeEach, test } from "node:test";
import { gzipSync } from "fflate";
import { AptError } from "../../src/platform/node/apt.ts";
import { CacheError, ImageCache, sha256 } from "../../src/platform/node/cache.ts";
import { type ImageProgress, obtainGuestImage } from "../../src/platform/node/guest-image.ts";
import { defaultCacheDirectory } from "../../src/platform/node/xdg.ts";
import { ImageError } from "../../src/toolstack/builder/index.ts";
import { makeBzImage, makeElf, plainNotes } from "../builder/elf-image.ts";
import { makeDeb } from "./make-deb.ts";

const BASE = 0xffffffff80000000n;
const KERNEL = makeElf({
  entry: BASE + 0x100000n,
  segments: [{ paddr: 0x100000n, data: Uint8Array.of(0x90, 0xc3) }],
  notes: plainNotes(BASE),
});
const NAME = "linux-image-9.9.0-1-amd64";
const hostPath = process.env.PATH ?? "";

let root = "";
let cacheDirectory = "";
const roots: string[] = [];

/** A host with a fake apt, whose archive is a directory, and with or without dpkg-deb. */
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "typervisor-test-"));
  roots.push(root);
  cacheDirectory = join(root, "cache");
  mkdirSync(join(root, "bin"));
  mkdirSync(join(root, "archive"));
  for (const tool of ["sh", "cat", "cp", "echo"]) symlinkSync(findOnHost(tool) as string, join(root, "bin", tool));
  program(
    "apt-cache",
    `case $3 in missing|*:*) exit 100;; esac\n[ -e ${root}/archive/$3.txt ] || { echo "E: No packages found" >&2; exit 100; }\ncat ${root}/archive/$3.txt`,
  );
  program(
    "apt-get",
    `echo "$@" >>${root}/log\nwhile [ "$1" != download ]; do shift; done; shift\nfor p; do cp ${root}/archive/\${p%%=*}.deb ./\${p%%=*}_\${p#*=}_amd64.deb || { echo "E: Failed to fetch \${p%%=*}  404 Not Found" >&2; exit 100; }; done`,
  );
  await publish("1.0", KERNEL);
  process.env.PATH = join(root, "bin");
});
afterEach(() => {
  process.env.PATH = hostPath;
});
after(() => {
  for (const directory of roots) rmSync(directory, { recursive: true, force: true });
});

function findOnHost(tool: string): string | undefined {
  for (const directory of hostPath.split(":")) {
    try {
      if (readdirSync(directory).includes(tool)) return join(directory, tool);
    } catch {
      // Not all of PATH exists.
    }
  }
  return undefined;
}

function program(name: string, script: string): void {
  writeFileSync(join(root, "bin", name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(root, "bin", name), 0o755);
}

async function publish(version: string, kernel: Uint8Array, systemMap = "see elsewhere\n"): Promise<void> {
  const add = (name: string, depends: string, deb: Uint8Array): void => {
    const text = `Package: ${name}\nVersion: ${version}\nDepends: ${depends}\nSize: ${deb.length}\nSHA256: ${sha256(deb)}\n\n`;
    writeFileSync(join(root, "archive", `${name}.txt`), text);
    writeFileSync(join(root, "archive", `${name}.deb`), deb);
  };
  add("linux-image-amd64", `${NAME} (= ${version})`, await makeDeb({ Package: "linux-image-amd64" }, {}));
  const files = {
    "boot/System.map-9.9.0-1-amd64": systemMap,
    "boot/vmlinuz-9.9.0-1-amd64": makeBzImage(gzipSync(kernel)),
  };
  add(NAME, "kmod", await makeDeb({ Package: NAME }, { ...files, "lib/modules/x.ko": "module" }));
  add("busybox-static", "", await makeDeb({ Package: "busybox-static" }, { "bin/busybox": "[\0[[\0mount\0sh\0\0" }));
}

for (const dpkg of [true, false]) {
  const path = findOnHost("dpkg-deb");
  test(`the image comes through apt, ${dpkg ? "with" : "without"} dpkg-deb`, {
    skip: dpkg && !path && "no dpkg-deb here",
  }, async () => {
    if (dpkg) {
      // dpkg-deb runs tar and the like by name.
      program("dpkg-deb", `PATH=${hostPath} exec ${path} "$@"`);
    }
    const progress: ImageProgress[] = [];
    const image = await obtainGuestImage({ cacheDirectory, onProgress: (p) => progress.push(p) });
    assert.deepEqual(Buffer.from(image.kernel), Buffer.from(KERNEL));
    assert.equal(image.version, `${NAME} 1.0`);
    assert.equal(image.systemMap, undefined);
    assert.ok(image.ramdisk.length > 0);
    assert.deepEqual([...new Set(progress.map((p) => p.stage))], ["resolve", "download", "unpack", "store"]);
    const last = progress.filter((p) => p.stage === "download").at(-1);
    assert.ok(last?.total !== undefined && last.done === last.total);
    // Nothing but the entry is left.
    assert.deepEqual(readdirSync(cacheDirectory), ["images"]);
  });
}

test("the second time comes from the cache, without apt", async () => {
  await obtainGuestImage({ cacheDirectory });
  process.env.PATH = "/nonexistent";
  const progress: ImageProgress[] = [];
  const image = await obtainGuestImage({ cacheDirectory, onProgress: (p) => progress.push(p) });
  assert.deepEqual(Buffer.from(image.kernel), Buffer.from(KERNEL));
  assert.deepEqual(progress, []);
});

test("update gets a new version, and downloads nothing if there is none", async () => {
  await obtainGuestImage({ cacheDirectory });
  await obtainGuestImage({ cacheDirectory, update: true });
  assert.equal(readFileSync(join(root, "log"), "utf8").trim().split("\n").length, 1);
  await publish("2.0", KERNEL, "0000000000000000 T symbol\n".repeat(1000));
  assert.equal((await obtainGuestImage({ cacheDirectory })).version, `${NAME} 1.0`);
  const image = await obtainGuestImage({ cacheDirectory, update: true });
  assert.equal(image.version, `${NAME} 2.0`);
  assert.ok(image.systemMap);
  assert.equal((await obtainGuestImage({ cacheDirectory })).version, `${NAME} 2.0`);
});

test("a damaged cache is found and rebuilt", async () => {
  const damages: ((entry: string) => void)[] = [
    (entry) => truncateSync(join(entry, "vmlinux"), 100),
    (entry) => writeFileSync(join(entry, "vmlinux"), new Uint8Array(KERNEL.length)),
    (entry) => rmSync(join(entry, "busybox")),
    (entry) => truncateSync(join(entry, "manifest.json"), 10),
    (entry) => writeFileSync(join(entry, "manifest.json"), "null"),
    (entry) => writeFileSync(join(entry, "manifest.json"), '{"format":1,"files":null}'),
  ];
  for (const damage of damages) {
    await obtainGuestImage({ cacheDirectory });
    damage(join(cacheDirectory, "images", readdirSync(join(cacheDirectory, "images"))[0] as string));
    const image = await obtainGuestImage({ cacheDirectory });
    assert.deepEqual(Buffer.from(image.kernel), Buffer.from(KERNEL));
  }
  assert.equal(readFileSync(join(root, "log"), "utf8").trim().split("\n").length, damages.length + 1);
});

test("two processes at once store one entry", async () => {
  const [a, b] = await Promise.all([obtainGuestImage({ cacheDirectory }), obtainGuestImage({ cacheDirectory })]);
  assert.deepEqual(a.kernel, b.kernel);
  assert.equal((await new ImageCache(cacheDirectory).keys()).length, 1);
});

test("leftovers of interrupted runs go after a day", async () => {
  mkdirSync(join(cacheDirectory, "tmp-old"), { recursive: true });
  mkdirSync(join(cacheDirectory, "tmp-new"));
  utimesSync(join(cacheDirectory, "tmp-old"), 1000, 1000);
  await obtainGuestImage({ cacheDirectory });
  assert.deepEqual(readdirSync(cacheDirectory).sort(), ["images", "tmp-new"]);
});

const failsWith = (kind: new (...args: never[]) => Error, message: RegExp) => (error: unknown) =>
  error instanceof kind && !(error as Error).message.includes("\n") && message.test((error as Error).message);

test("no apt: says what is needed", async () => {
  process.env.PATH = "/nonexistent";
  await assert.rejects(
    obtainGuestImage({ cacheDirectory }),
    failsWith(AptError, /apt-get, which this host does not have/),
  );
});

test("no package lists: says how to get them", async () => {
  rmSync(join(root, "archive", "linux-image-amd64.txt"));
  await assert.rejects(obtainGuestImage({ cacheDirectory }), failsWith(AptError, /run `apt-get update`/));
});

test("a package that is gone from the mirror: says apt's reason", async () => {
  rmSync(join(root, "archive", `${NAME}.deb`));
  await assert.rejects(obtainGuestImage({ cacheDirectory }), failsWith(AptError, /404 Not Found.*apt-get update/));
  assert.deepEqual(readdirSync(cacheDirectory), []);
});

test("a download that is not what the lists promise is refused", async () => {
  const path = join(root, "archive", `${NAME}.deb`);
  const deb = readFileSync(path);
  deb[deb.length - 1] = (deb[deb.length - 1] as number) ^ 1;
  writeFileSync(path, deb);
  await assert.rejects(obtainGuestImage({ cacheDirectory }), failsWith(AptError, /damaged/));
});

test("a kernel that cannot be a PV guest is not cached", async () => {
  await publish("3.0", makeElf({ segments: [{ paddr: 0n, data: Uint8Array.of(0x90) }] }));
  await assert.rejects(obtainGuestImage({ cacheDirectory }), failsWith(ImageError, /no Xen notes/));
  assert.deepEqual(readdirSync(cacheDirectory), []);
});

test("a cache that cannot be written: says where", async () => {
  writeFileSync(cacheDirectory, "a file is in the way");
  await assert.rejects(
    obtainGuestImage({ cacheDirectory }),
    failsWith(CacheError, /cannot write the image cache .*cache: /),
  );
});

test("the cache's place", () => {
  assert.equal(defaultCacheDirectory({ XDG_CACHE_HOME: "/somewhere" }), "/somewhere/typervisor");
  assert.match(defaultCacheDirectory({ XDG_CACHE_HOME: "relative" }), /\/\.cache\/typervisor$/);
  assert.match(defaultCacheDirectory({}), /\/\.cache\/typervisor$/);
});
