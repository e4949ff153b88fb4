/**
 * Values of nodes: bytes, kept as a string with one character for each, as `decodeText` makes it. There are some
 * dozen of them for each domain, most a few bytes long, and a typed array takes two hundred bytes besides.
 */
import { decodeText, encodeText } from "./wire.ts";

/** The value that stands for a text, which is UTF-8. */
export function toValue(text: string): string {
  return isAscii(text) ? text : decodeText(new TextEncoder().encode(text));
}

/** The text that a value stands for. */
export function toText(value: string): string {
  return isAscii(value) ? value : new TextDecoder().decode(encodeText(value));
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
