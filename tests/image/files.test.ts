/** Reading of the user's files. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { FileError, readAtOnce, readImageFile } from "../../src/platform/node/files.ts";

const directory = mkdtempSync(join(tmpdir(), "typervisor-test-"));
after(() => rmSync(directory, { recursive: true }));

test("files are read whole, whether or not they have a size", async () => {
  const content = Uint8Array.from({ length: 1_500_000 }, (_, i) => (i * 7) & 255);
  const file = join(directory, "file");
  writeFileSync(file, content);
  assert.deepEqual(Buffer.from(await readAtOnce(file)), Buffer.from(content));

  const empty = join(directory, "empty");
  writeFileSync(empty, "");
  assert.equal((await readAtOnce(empty)).length, 0);
  await assert.rejects(readImageFile(empty, "kernel"), /^FileError: cannot use kernel .*: it is empty$/);

  const pipe = join(directory, "pipe");
  if (spawnSync("mkfifo", [pipe]).status === 0) {
    const [read] = await Promise.all([readAtOnce(pipe), writeFile(pipe, content)]);
    assert.deepEqual(Buffer.from(read), Buffer.from(content));
  }
});

test("what cannot be read is told in one line", async () => {
  await assert.rejects(
    readImageFile(directory, "kernel"),
    new FileError(`cannot read kernel ${directory}: it is a directory`),
  );
  await assert.rejects(readImageFile(join(directory, "none"), "ramdisk"), /cannot read ramdisk .*none: no such file/);
});
