/** Reads Debian packages: an ar archive of `debian-binary`, `control.tar.*` and `data.tar.*` (deb(5)). */
import { unpackTar } from "modern-tar";
import { decompress, detectCompression } from "../compression/index.ts";
import { PackageError } from "./error.ts";

const AR_MAGIC = "!<arch>\n";
const AR_HEADER_SIZE = 60;

const ascii = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);

/** The members of an ar archive: headers of 60 bytes (name 16, ..., size 10 at 48, "`\n"), data at even offsets. */
export function arMembers(archive: Uint8Array): Map<string, Uint8Array> {
  if (ascii(archive.subarray(0, AR_MAGIC.length)) !== AR_MAGIC)
    throw new PackageError("not a Debian package: no ar archive");
  const members = new Map<string, Uint8Array>();
  let at = AR_MAGIC.length;
  while (at + AR_HEADER_SIZE <= archive.length) {
    const header = ascii(archive.subarray(at, at + AR_HEADER_SIZE));
    const sizeText = header.slice(48, 58).trim();
    if (header.slice(58) !== "`\n" || !/^\d+$/.test(sizeText))
      throw new PackageError("Debian package is damaged: bad ar header");
    const size = Number(sizeText);
    const start = at + AR_HEADER_SIZE;
    if (start + size > archive.length) throw new PackageError("Debian package is truncated");
    members.set(header.slice(0, 16).trim().replace(/\/$/, ""), archive.subarray(start, start + size));
    at = start + size + (size % 2);
  }
  return members;
}

/** The uncompressed tar archive in `control.tar.*` or `data.tar.*`. */
function innerTar(members: ReadonlyMap<string, Uint8Array>, name: "control" | "data"): Uint8Array {
  for (const [member, data] of members) {
    if (!member.startsWith(`${name}.tar`)) continue;
    const compression = detectCompression(data);
    return compression ? decompress(data, compression) : data;
  }
  throw new PackageError(`not a Debian package: no ${name}.tar`);
}

function members(deb: Uint8Array): Map<string, Uint8Array> {
  const found = arMembers(deb);
  const version = ascii(found.get("debian-binary") ?? new Uint8Array(0)).trim();
  if (!version.startsWith("2.")) throw new PackageError(`not a Debian package of format 2: "${version}"`);
  return found;
}

/** Paths in packages begin with "./". */
const plainPath = (name: string): string => name.replace(/^\.?\//, "");

/**
 * Extracts regular files.
 * @param wanted chooses by path, without leading "./"
 */
export async function extractDeb(deb: Uint8Array, wanted: (path: string) => boolean): Promise<Map<string, Uint8Array>> {
  const tar = innerTar(members(deb), "data");
  const entries = await unpackTar(tar, {
    filter: (header) => header.type === "file" && wanted(plainPath(header.name)),
  });
  return new Map(entries.map(({ header, data }) => [plainPath(header.name), data ?? new Uint8Array(0)]));
}

/** Fields of a control paragraph; continuation lines are joined. */
export function parseControl(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = "";
  for (const line of text.split("\n")) {
    const field = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line);
    if (field) {
      last = field[1] as string;
      fields.set(last, field[2] as string);
    } else if (/^\s+\S/.test(line) && last !== "") {
      fields.set(last, `${fields.get(last)}\n${line.trim()}`);
    }
  }
  return fields;
}

/** The package's control fields: Package, Version, Depends... */
export async function debControl(deb: Uint8Array): Promise<Map<string, string>> {
  const tar = innerTar(members(deb), "control");
  const entries = await unpackTar(tar, { filter: (header) => plainPath(header.name) === "control" });
  const data = entries[0]?.data;
  if (!data) throw new PackageError("not a Debian package: no control file");
  return parseControl(new TextDecoder().decode(data));
}
