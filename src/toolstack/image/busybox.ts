/** What a busybox binary says of itself. */

/** Table of applet names in the binary: NUL-terminated, sorted, so that it begins with "[" and "[[". */
const TABLE_START = [0x5b, 0, 0x5b, 0x5b, 0] as const;
const NAME = /^[a-z0-9_.[-]+$/;

/** Names of the applets, read from the table in the binary; empty if it cannot be found. */
export function busyboxApplets(binary: Uint8Array): string[] {
  for (let at = binary.indexOf(TABLE_START[0]); at >= 0; at = binary.indexOf(TABLE_START[0], at + 1)) {
    if (!TABLE_START.every((byte, i) => binary[at + i] === byte)) continue;
    const names: string[] = [];
    for (let from = at; ; ) {
      const end = binary.indexOf(0, from);
      const name = end < 0 ? "" : new TextDecoder("latin1").decode(binary.subarray(from, Math.min(end, from + 64)));
      if (!NAME.test(name)) break;
      names.push(name);
      from = end + 1;
    }
    if (names.includes("sh") && names.includes("mount")) return names;
  }
  return [];
}
