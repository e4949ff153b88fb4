/** Reads newc archives, independently of the writer. */
export interface ReadEntry {
  readonly path: string;
  readonly mode: number;
  readonly device: string;
  readonly data: Uint8Array;
}

export function readCpio(bytes: Uint8Array): ReadEntry[] {
  const entries: ReadEntry[] = [];
  const text = (from: number, to: number): string => Buffer.from(bytes.subarray(from, to)).toString("latin1");
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] === 0) {
      at += 4;
      continue;
    }
    if (text(at, at + 6) !== "070701") throw new Error(`no cpio header at ${at}`);
    const field = (n: number): number => Number.parseInt(text(at + 6 + n * 8, at + 14 + n * 8), 16);
    const [mode, size, major, minor, nameSize] = [field(1), field(6), field(9), field(10), field(11)];
    const path = text(at + 110, at + 110 + nameSize - 1);
    const start = Math.ceil((at + 110 + nameSize) / 4) * 4;
    if (path !== "TRAILER!!!") {
      entries.push({ path, mode, device: `${major}:${minor}`, data: bytes.subarray(start, start + size) });
    }
    at = Math.ceil((start + size) / 4) * 4;
  }
  return entries;
}
