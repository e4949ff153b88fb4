/** Bytes as text, for JSON (RFC 4648, section 4). */
import { type Schema, SchemaError } from "./schema.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES = new Map([...ALPHABET].map((letter, value) => [letter, value]));

export function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const word = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const letter = (shift: number): string => ALPHABET[(word >>> shift) & 63] ?? "";
    parts.push(letter(18), letter(12), left > 1 ? letter(6) : "=", left > 2 ? letter(0) : "=");
  }
  return parts.join("");
}

/** The bytes, or undefined if the text is none of ours. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const end = text.length - padding;
  let word = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const value = i < end ? VALUES.get(text[i] ?? "") : 0;
    if (value === undefined) return undefined;
    word = ((word << 6) | value) & 0xffffff;
    if (i % 4 !== 3) continue;
    for (const shift of [16, 8, 0]) if (at < bytes.length) bytes[at++] = (word >>> shift) & 0xff;
  }
  return bytes;
}

/** Bytes in a message. */
export function bytes(longest: number): Schema<Uint8Array> {
  return {
    parse(value, path) {
      const short = typeof value === "string" && value.length <= Math.ceil(longest / 3) * 4;
      const decoded = short ? fromBase64(value) : undefined;
      if (decoded === undefined) throw new SchemaError(`${path}: must be at most ${longest} bytes in base64`);
      return decoded;
    },
  };
}
