/** Files of the user, with errors that say in one line what is wrong. */
import { randomBytes } from "node:crypto";
import { open, rename, rm, stat, writeFile } from "node:fs/promises";

/** A file that cannot be read or written. */
export class FileError extends Error {
  override name = "FileError";
}

/** Nothing that fits a guest is larger. */
const LARGEST = 2 ** 31;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: "permission denied",
  EISDIR: "it is a directory",
  ENOTDIR: "no such file",
  ENOSPC: "no space left on the device",
  EROFS: "the file system is read-only",
};

/** Reads a file of known size at once: `readFile` comes back to the event loop for each half of a mebibyte. */
export async function readAtOnce(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const found = await file.stat();
    // Pipes and devices have no size.
    if (!found.isFile() || found.size === 0) return new Uint8Array(await file.readFile());
    const bytes = new Uint8Array(found.size);
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, done, bytes.length - done, done);
      // Someone has made it shorter meanwhile.
      if (bytesRead === 0) return bytes.slice(0, done);
      done += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/**
 * Reads a kernel, a ramdisk or another file as a whole.
 * @param what for the message: "kernel"
 * @throws FileError
 */
export async function readImageFile(path: string, what: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > LARGEST) throw new FileError(`cannot read ${what} ${path}: it is too large`);
    const bytes = await readAtOnce(path);
    if (bytes.length === 0) throw new FileError(`cannot use ${what} ${path}: it is empty`);
    return bytes;
  } catch (error) {
    throw fileError(error, `cannot read ${what} ${path}`);
  }
}

/**
 * Writes a file at once: who reads it sees the old one or all of the new one.
 * @param what for the message: "profile"
 * @throws FileError
 */
export async function writeWholeFile(path: string, what: string, content: string | Uint8Array): Promise<void> {
  // A device or a pipe cannot be replaced, nor should it be.
  const special = await stat(path).then(
    (found) => !found.isFile() && !found.isDirectory(),
    () => false,
  );
  const temporary = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    if (special) {
      await writeFile(path, content);
      return;
    }
    await writeFile(temporary, content, { flag: "wx" });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileError(error, `cannot write ${what} ${path}`);
  }
}

/** The same error as one line; what is no error of the operating system stays what it is. */
export function fileError(error: unknown, what: string): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  if (code === undefined) return error;
  return new FileError(`${what}: ${REASONS[code] ?? code}`);
}
