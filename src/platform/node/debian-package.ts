/** Extracts files from a .deb file: with dpkg-deb, which is fast and is where apt is, else with our own decoders. */
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { createTarDecoder } from "modern-tar";
import { extractDeb } from "../../toolstack/image/index.ts";
import { ProgramError, streamProgram } from "./process.ts";

const plainPath = (name: string): string => name.replace(/^\.?\//, "");

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Reads a package's archive only until `count` files were found: a kernel's begins with /boot, its modules are 400 MB. */
async function extractWithDpkg(
  path: string,
  wanted: (path: string) => boolean,
  count: number,
): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const archive = Readable.toWeb(
    Readable.from(streamProgram("dpkg-deb", ["--fsys-tarfile", path])),
  ) as ReadableStream<Uint8Array>;
  for await (const { header, body } of archive.pipeThrough(createTarDecoder()) as ReadableStream<{
    header: { name: string; type?: string };
    body: ReadableStream<Uint8Array>;
  }>) {
    const name = plainPath(header.name);
    if (header.type === "file" && wanted(name)) {
      files.set(name, await collect(body));
      if (files.size === count) break;
    } else {
      await body.cancel();
    }
  }
  return files;
}

/**
 * Extracts regular files from a package.
 * @param wanted chooses by path, without leading "./"
 * @param count how many files to look for
 */
export async function extractPackage(
  path: string,
  wanted: (path: string) => boolean,
  count: number,
): Promise<Map<string, Uint8Array>> {
  try {
    return await extractWithDpkg(path, wanted, count);
  } catch (error) {
    if (error instanceof ProgramError && error.missing) return extractDeb(await readFile(path), wanted);
    throw error;
  }
}
