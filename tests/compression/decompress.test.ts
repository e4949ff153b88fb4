import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Compression,
  DecompressError,
  decompress,
  detectCompression,
} from "../../src/toolstack/compression/index.ts";
import { FIXTURES } from "./fixtures.ts";
import { sample } from "./sample.ts";

const FORMATS: Record<keyof typeof FIXTURES, Compression> = {
  gzip: "gzip",
  bzip2: "bzip2",
  lzma: "lzma",
  xz: "xz",
  xzX86: "xz",
  xzBlocks: "xz",
  lzo: "lzo",
  lzoFast: "lzo",
  lz4: "lz4",
  zstd: "zstd",
};
const names = Object.keys(FIXTURES) as (keyof typeof FIXTURES)[];
const fixture = (name: keyof typeof FIXTURES): Uint8Array => new Uint8Array(Buffer.from(FIXTURES[name], "base64"));

for (const name of names) {
  test(`${name}: decodes what the format's own tool made`, () => {
    const data = fixture(name);
    assert.equal(detectCompression(data), FORMATS[name]);
    assert.deepEqual(Buffer.from(decompress(data, FORMATS[name])), Buffer.from(sample()));
    assert.deepEqual(Buffer.from(decompress(data, FORMATS[name], sample().length)), Buffer.from(sample()));
  });

  test(`${name}: truncated data is an error of one line, never wrong data`, () => {
    const data = fixture(name);
    for (let length = 0; length < data.length; length += 97) {
      try {
        decompress(data.subarray(0, length), FORMATS[name]);
      } catch (error) {
        assert.ok(error instanceof DecompressError && !error.message.includes("\n"), String(error));
        continue;
      }
      // The legacy LZ4 frame has no end: cut at its start it is an empty one.
      assert.ok(FORMATS[name] === "lz4" && length < 8, `accepted ${length} bytes`);
    }
  });

  test(`${name}: damaged data neither hangs nor fails in any other way`, () => {
    const data = fixture(name);
    fc.assert(
      fc.property(fc.nat(data.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = data.slice();
        damaged[at] = (damaged[at] as number) ^ change;
        try {
          decompress(damaged, FORMATS[name]);
        } catch (error) {
          assert.ok(error instanceof DecompressError, String(error));
        }
      }),
      { numRuns: 60 },
    );
  });
}

test("xz: a wrong check is found", () => {
  for (const name of ["xz", "xzX86"] as const) {
    const data = fixture(name);
    // The check is the last thing before the index, which ends 12 bytes before the end.
    const index = data.lastIndexOf(0, data.length - 12 - 8);
    const check = data.slice();
    check[index - 1] = (check[index - 1] as number) ^ 1;
    assert.throws(() => decompress(check, "xz"), DecompressError);
  }
});

test("data that is not compressed has no compression", () => {
  assert.equal(detectCompression(new Uint8Array(0)), undefined);
  assert.equal(detectCompression(new TextEncoder().encode("#!/bin/sh\n")), undefined);
});

const program = (name: string): string | undefined => ["/usr/bin", "/bin"].map((d) => `${d}/${name}`).find(existsSync);

test("machine code through the host's xz, with the x86 filter", { skip: !program("xz") && "no xz here" }, () => {
  const code = readFileSync(process.execPath).subarray(16 << 20, 18 << 20);
  const options = ["-c", "--check=crc32", "--x86", "--lzma2=preset=0", "--block-size=700000"];
  const packed = execFileSync(program("xz") as string, options, { input: code, maxBuffer: 1 << 26 });
  assert.deepEqual(Buffer.from(decompress(new Uint8Array(packed), "xz")), code);
});

test("machine code through the host's bzip2 and lz4", { skip: !program("bzip2") && "no bzip2 here" }, () => {
  const code = readFileSync(process.execPath).subarray(16 << 20, 17 << 20);
  const packed = execFileSync(program("bzip2") as string, ["-c"], { input: code, maxBuffer: 1 << 26 });
  assert.deepEqual(Buffer.from(decompress(new Uint8Array(packed), "bzip2")), code);
});
