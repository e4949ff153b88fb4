/** Amounts of memory as people write them. */

const UNITS: Readonly<Record<string, number>> = { "": 1 << 20, k: 1 << 10, m: 1 << 20, g: 1 << 30 };
const SIZE = /^(\d{1,9}(?:\.\d{1,6})?)(?:([kmg])(?:i?b)?)?$/i;

/**
 * Bytes of a size such as `256M`, `1G`, `1.5g` or `262144K` (K, M and G are powers of 1024). A number
 * alone is in MiB, as in xl's `memory=`.
 * @throws RangeError if it is none
 */
export function parseSize(text: string): number {
  const match = SIZE.exec(text.trim());
  if (match === null) throw new RangeError(`${JSON.stringify(text)} is not an amount of memory such as 256M or 1G`);
  const bytes = Number(match[1]) * (UNITS[(match[2] ?? "").toLowerCase()] ?? 0);
  return Math.floor(bytes / 4096) * 4096;
}

/** Bytes of an amount of memory given as a number of bytes or as text. @throws RangeError unless it is whole pages */
export function toBytes(size: number | string): number {
  const bytes = typeof size === "string" ? parseSize(size) : size;
  if (!Number.isSafeInteger(bytes) || bytes <= 0 || bytes % 4096 !== 0) {
    throw new RangeError(`${size} is not an amount of memory: it must be a multiple of 4096 bytes`);
  }
  return bytes;
}

/** A short form for people: `256 MiB`. */
export function formatSize(bytes: number): string {
  for (const [unit, name] of [
    [1 << 30, "GiB"],
    [1 << 20, "MiB"],
    [1 << 10, "KiB"],
  ] as const) {
    if (bytes >= unit) return `${Number((bytes / unit).toFixed(1))} ${name}`;
  }
  return `${bytes} bytes`;
}
