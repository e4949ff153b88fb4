/**
 * The cache of guest images: one directory an image, below $XDG_CACHE_HOME/typervisor.
 *
 *     images/KEY/manifest.json     sizes and hashes of the files beside it
 *     images/KEY/vmlinux ...
 *     tmp-XXXXXX/                  being written; becomes images/KEY by one rename
 *
 * An entry is either whole or not there: a reader that finds another size or hash drops it.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { readAtOnce } from "./files.ts";

/** Of the layout described above. Entries of another version are not used. */
const FORMAT = 1;
/** Leftovers of interrupted runs are removed after a day. */
const TEMPORARY_LIFETIME_MS = 24 * 60 * 60 * 1000;

interface Manifest {
  readonly format: number;
  /** When it was made, in ms since 1970. */
  readonly created: number;
  readonly files: Readonly<Record<string, { readonly size: number; readonly sha256: string }>>;
}

/** The cache cannot be written. The message is one line that names the directory. */
export class CacheError extends Error {
  override name = "CacheError";
}

export interface CacheEntry {
  readonly key: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export const sha256 = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");

/** Takes a manifest only if all of it is as it must be. */
function parseManifest(text: string): Manifest | undefined {
  const manifest = JSON.parse(text) as Partial<Manifest> | null;
  if (manifest?.format !== FORMAT || typeof manifest.created !== "number") return undefined;
  const { files } = manifest;
  if (typeof files !== "object" || files === null) return undefined;
  const good = Object.entries(files).every(
    ([name, file]) => basename(name) === name && typeof file?.size === "number" && typeof file.sha256 === "string",
  );
  return good ? (manifest as Manifest) : undefined;
}

/** Keys become names of directories. */
const directoryName = (key: string): string => encodeURIComponent(key).replaceAll("*", "%2A").replace(/^\./, "%2E");

const isTaken = ({ code }: NodeJS.ErrnoException): boolean => code === "ENOTEMPTY" || code === "EEXIST";

export class ImageCache {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  #entryDirectory(key: string): string {
    return join(this.directory, "images", directoryName(key));
  }

  /** Some hundred bytes: not worth a wait, during which the reading of larger files could begin. */
  #manifest(key: string): Manifest | undefined {
    try {
      return parseManifest(readFileSync(join(this.#entryDirectory(key), "manifest.json"), "utf8"));
    } catch {
      return undefined;
    }
  }

  /** Reads an entry and checks it; undefined if there is none. A damaged one is removed. */
  async read(key: string): Promise<CacheEntry | undefined> {
    const manifest = this.#manifest(key);
    if (!manifest) return undefined;
    const files = new Map<string, Uint8Array>();
    const reading = Object.entries(manifest.files).map(async ([name, { size, sha256: hash }]) => {
      const data = await readAtOnce(join(this.#entryDirectory(key), name)).catch(() => undefined);
      if (data?.length === size && sha256(data) === hash) files.set(name, data);
    });
    await Promise.all(reading);
    if (files.size === reading.length) return { key, files };
    await rm(this.#entryDirectory(key), { recursive: true, force: true });
    return undefined;
  }

  /** Keys of all entries, the newest first. */
  async keys(): Promise<string[]> {
    const names = await readdir(join(this.directory, "images")).catch(() => []);
    const found: { key: string; created: number }[] = [];
    for (const name of names) {
      const key = decodeURIComponent(name);
      const manifest = this.#manifest(key);
      if (manifest) found.push({ key, created: manifest.created });
    }
    return found.sort((a, b) => b.created - a.created).map(({ key }) => key);
  }

  /** Stores an entry, in place of one with the same key. */
  async write(key: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const manifest: Manifest = {
      format: FORMAT,
      created: Date.now(),
      files: Object.fromEntries([...files].map(([name, data]) => [name, { size: data.length, sha256: sha256(data) }])),
    };
    await this.withTemporaryDirectory(async (temporary) => {
      const fresh = join(temporary, "entry");
      await mkdir(fresh);
      for (const [name, data] of files) await writeFile(join(fresh, name), data);
      await writeFile(join(fresh, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
      await mkdir(join(this.directory, "images"), { recursive: true });
      const target = this.#entryDirectory(key);
      await rename(fresh, target).catch(async (error: NodeJS.ErrnoException) => {
        if (!isTaken(error)) throw error;
        // Another process has just stored the same image: as good as ours, and perhaps in use.
        if (await this.read(key)) return;
        // A directory cannot be renamed onto one that has files: move the broken entry out of the way.
        await rename(target, join(temporary, `old-${randomBytes(4).toString("hex")}`)).catch(() => undefined);
        await rename(fresh, target).catch((again: NodeJS.ErrnoException) => {
          if (!isTaken(again)) throw again;
        });
      });
    });
  }

  /** Gives a directory on the cache's file system, which is removed afterwards. */
  async withTemporaryDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
    const directory = await this.#makeTemporary();
    try {
      return await use(directory);
    } catch (error) {
      throw this.#explain(error);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async #makeTemporary(): Promise<string> {
    try {
      await mkdir(this.directory, { recursive: true });
      await this.#removeStale();
      return await mkdtemp(join(this.directory, "tmp-"));
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /** Errors of the file system, told as what they mean to the user. */
  #explain(error: unknown): unknown {
    const code = (error as NodeJS.ErrnoException | undefined)?.code;
    if (!(error instanceof Error) || error.name !== "Error" || code === undefined) return error;
    return new CacheError(`cannot write the image cache ${this.directory}: ${error.message.split("\n")[0]}`, {
      cause: error,
    });
  }

  async #removeStale(): Promise<void> {
    for (const name of await readdir(this.directory)) {
      if (!name.startsWith("tmp-")) continue;
      const path = join(this.directory, name);
      const age = await stat(path)
        .then((s) => Date.now() - s.mtimeMs)
        .catch(() => 0);
      if (age > TEMPORARY_LIFETIME_MS) await rm(path, { recursive: true, force: true });
    }
  }
}
