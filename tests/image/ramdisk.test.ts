import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import {
  busyboxApplets,
  type CpioEntry,
  commandArchive,
  concatenate,
  defaultInitramfs,
  shellQuote,
  writeCpio,
} from "../../src/toolstack/image/index.ts";
import { type ReadEntry, readCpio } from "./read-cpio.ts";

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

const ENTRIES: CpioEntry[] = [
  { type: "directory", path: "dir", mode: 0o1777 },
  { type: "file", path: "dir/file", data: "hello", mode: 0o755 },
  { type: "file", path: "empty", data: "" },
  { type: "symlink", path: "link", target: "dir/file" },
  { type: "device", path: "console", major: 5, minor: 1 },
];

test("cpio: what is written can be read", () => {
  const found = readCpio(writeCpio(ENTRIES));
  assert.deepEqual(
    found.map(({ path, mode, device, data }) => [path, mode.toString(8), device, text(data)]),
    [
      ["dir", "41777", "0:0", ""],
      ["dir/file", "100755", "0:0", "hello"],
      ["empty", "100644", "0:0", ""],
      ["link", "120777", "0:0", "dir/file"],
      ["console", "20600", "5:1", ""],
    ],
  );
});

test("cpio: any names and sizes, also concatenated", () => {
  const file = fc.record({
    path: fc.stringMatching(/^[a-z]{1,30}$/),
    data: fc.uint8Array({ maxLength: 600 }),
  });
  fc.assert(
    fc.property(fc.array(file, { maxLength: 8 }), (files) => {
      const archives = files.map(({ path, data }) => writeCpio([{ type: "file", path, data }]));
      const found = readCpio(concatenate(archives));
      assert.deepEqual(
        found.map(({ path, data }) => [path, [...data]]),
        files.map(({ path, data }) => [path, [...data]]),
      );
    }),
  );
});

const cpio = ["/usr/bin/cpio", "/bin/cpio"].find(existsSync);
test("cpio: the host's cpio reads it", { skip: !cpio && "no cpio here" }, () => {
  const list = execFileSync(cpio as string, ["-t", "--quiet"], { input: writeCpio(ENTRIES) }).toString();
  assert.deepEqual(
    list.trim().split("\n"),
    ENTRIES.map(({ path }) => path),
  );
});

/** A "busybox" with nothing but its table of applets. */
function fakeBusybox(names: string[]): Uint8Array {
  return new TextEncoder().encode(`\x7fELF[\0[[\0ash only\0\0 more [\0[[\0${names.join("\0")}\0\0rest`);
}

test("busybox: applets are found in the binary", () => {
  assert.deepEqual(busyboxApplets(fakeBusybox(["cat", "mount", "sh"])), ["[", "[[", "cat", "mount", "sh"]);
  assert.deepEqual(busyboxApplets(new TextEncoder().encode("[\0[[\0no table")), []);
});

const busybox = ["/bin/busybox", "/usr/bin/busybox"].find(existsSync);
test("the ramdisk has what a guest needs", () => {
  const entries = new Map<string, ReadEntry>(
    readCpio(defaultInitramfs(fakeBusybox(["busybox", "mount", "sh"]))).map((e) => [e.path, e]),
  );
  assert.equal(entries.get("init")?.mode, 0o100755);
  assert.equal(entries.get("bin/busybox")?.mode, 0o100755);
  assert.equal(text(entries.get("bin/sh")?.data), "busybox");
  assert.equal(entries.get("dev/console")?.device, "5:1");
  assert.equal(entries.get("tmp")?.mode, 0o041777);
  // Linux makes no parents: each must come first.
  const seen = new Set<string>();
  for (const path of entries.keys()) {
    const parent = path.split("/").slice(0, -1).join("/");
    assert.ok(parent === "" || seen.has(parent), `${path} comes before its parent`);
    assert.ok(!seen.has(path), `${path} is there twice`);
    seen.add(path);
  }
});

test("the guest's scripts are good shell", { skip: !existsSync("/bin/sh") && "no shell here" }, () => {
  for (const { path, data } of readCpio(defaultInitramfs(fakeBusybox(["mount", "sh"])))) {
    if (path !== "init" && path !== "etc/profile" && !path.startsWith("lib/typervisor/")) continue;
    if (data.length > 0) execFileSync("/bin/sh", ["-n"], { input: data, stdio: ["pipe", "pipe", "inherit"] });
  }
});

test("words are quoted for the shell", { skip: !existsSync("/bin/sh") && "no shell here" }, () => {
  const words = ["", "a b", "it's", '"', "$HOME `id` \\", "*", "-n", "line\nbreak", "grüße", "'''"];
  const quoted = words.map(shellQuote).join(" ");
  const out = execFileSync("/bin/sh", ["-c", `printf '%s\\0' ${quoted}`]).toString();
  assert.deepEqual(out.split("\0").slice(0, -1), words);
  assert.throws(() => shellQuote("a\0b"), RangeError);
});

test("a command's archive sets the shell up for it", { skip: !existsSync("/bin/sh") && "no shell here" }, () => {
  const [directory, file] = readCpio(
    commandArchive({ argv: ["echo", "it's", "$x"], environment: { NAME: "a 'b'" }, directory: "/", stdin: "stream" }),
  );
  assert.equal(directory?.path, "typervisor");
  assert.equal(file?.path, "typervisor/command");
  const script = `${text(file?.data)}printf '%s|' "$mode" "$stdin" "$NAME" "$PWD" "$@"`;
  assert.equal(execFileSync("/bin/sh", ["-c", script]).toString(), "pipe|stream|a 'b'|/|echo|it's|$x|");
});

test("a command that cannot be passed on is refused", () => {
  assert.throws(() => commandArchive({ argv: [] }), /no command/);
  assert.throws(() => commandArchive({ argv: ["x"], environment: { "A B": "" } }), /environment variable/);
});

test("the host's busybox has applets", { skip: !busybox && "no busybox here" }, () => {
  const names = execFileSync(busybox as string, ["--list"])
    .toString()
    .trim()
    .split("\n");
  assert.ok(names.includes("sh"));
});
