/** Writes cpio archives of the "newc" format: what Linux unpacks as its initial root file system. */

/** File types, as in st_mode. */
const S_IFREG = 0o100000,
  S_IFDIR = 0o040000,
  S_IFLNK = 0o120000,
  S_IFCHR = 0o020000;

/** One file. Paths are relative to the root, without a leading slash; parents come before children. */
export type CpioEntry =
  | { readonly type: "file"; readonly path: string; readonly data: Uint8Array | string; readonly mode?: number }
  | { readonly type: "directory"; readonly path: string; readonly mode?: number }
  | { readonly type: "symlink"; readonly path: string; readonly target: string }
  | {
      readonly type: "device";
      readonly path: string;
      readonly major: number;
      readonly minor: number;
      readonly mode?: number;
    };

const ALIGNMENT = 4;
/** Archives are padded to it, so that any number of them can be concatenated. */
const ARCHIVE_ALIGNMENT = 512;
const HEADER_SIZE = 110;
const TRAILER = "TRAILER!!!";

const encoder = new TextEncoder();
const padding = (size: number, to = ALIGNMENT): number => (to - (size % to)) % to;
const hex = (n: number): string => n.toString(16).padStart(8, "0").toUpperCase();

interface Record {
  readonly path: string;
  readonly mode: number;
  readonly data: Uint8Array;
  readonly major: number;
  readonly minor: number;
}

function record(entry: CpioEntry): Record {
  const none = new Uint8Array(0);
  switch (entry.type) {
    case "file": {
      const data = typeof entry.data === "string" ? encoder.encode(entry.data) : entry.data;
      return { path: entry.path, mode: S_IFREG | (entry.mode ?? 0o644), data, major: 0, minor: 0 };
    }
    case "directory":
      return { path: entry.path, mode: S_IFDIR | (entry.mode ?? 0o755), data: none, major: 0, minor: 0 };
    case "symlink":
      return { path: entry.path, mode: S_IFLNK | 0o777, data: encoder.encode(entry.target), major: 0, minor: 0 };
    case "device": {
      const { path, major, minor } = entry;
      return { path, mode: S_IFCHR | (entry.mode ?? 0o600), data: none, major, minor };
    }
  }
}

/** "070701", then 13 fields of 8 hexadecimal digits, then the path with a NUL, then the data; both padded to 4 bytes. */
function header(inode: number, { path, mode, data, major, minor }: Record, nameSize: number): string {
  const links = (mode & 0o170000) === S_IFDIR ? 2 : 1;
  const fields = [path === TRAILER ? 0 : inode, mode, 0, 0, links, 0, data.length, 0, 0, major, minor, nameSize, 0];
  return `070701${fields.map(hex).join("")}`;
}

/** Makes an archive. All files belong to root and have no time stamp: equal input gives equal bytes. */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const records = [...entries.map(record), { path: TRAILER, mode: 0, data: new Uint8Array(0), major: 0, minor: 0 }];
  const parts: Uint8Array[] = [];
  let length = 0;
  const add = (bytes: Uint8Array): void => {
    parts.push(bytes);
    length += bytes.length;
  };
  records.forEach((r, i) => {
    const name = encoder.encode(`${r.path}\0`);
    add(encoder.encode(header(i + 1, r, name.length)));
    add(name);
    add(new Uint8Array(padding(HEADER_SIZE + name.length)));
    add(r.data);
    add(new Uint8Array(padding(r.data.length)));
  });
  add(new Uint8Array(padding(length, ARCHIVE_ALIGNMENT)));
  return concatenate(parts);
}

/** Joins archives: Linux unpacks them one after the other, later files replace earlier ones. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
