/** Messages as bytes, and the strings in their payloads. */
import { XENSTORE_PAYLOAD_MAX, xsdSockmsg } from "../../abi/io/xs_wire.ts";
import { XenstoreError } from "./error.ts";

export interface Message {
  /** One of `XS`; anything, when it comes from a guest. */
  readonly type: number;
  readonly requestId: number;
  readonly transactionId: number;
  readonly payload: Uint8Array;
}

export const HEADER_SIZE = xsdSockmsg.sizeof;

export interface Header {
  readonly type: number;
  readonly requestId: number;
  readonly transactionId: number;
  readonly length: number;
}

/** Reads the header at the start of `bytes`, which the caller has copied out of shared memory. */
export function decodeHeader(bytes: Uint8Array): Header {
  const header = xsdSockmsg.at({ u8: bytes, dv: new DataView(bytes.buffer, bytes.byteOffset, HEADER_SIZE) }, 0);
  return { type: header.type, requestId: header.req_id, transactionId: header.tx_id, length: header.len };
}

export function encodeMessage(message: Message): Uint8Array {
  if (message.payload.length > XENSTORE_PAYLOAD_MAX) {
    throw new XenstoreError("E2BIG", `payload of ${message.payload.length} bytes`);
  }
  const bytes = new Uint8Array(HEADER_SIZE + message.payload.length);
  const header = xsdSockmsg.at({ u8: bytes, dv: new DataView(bytes.buffer) }, 0);
  header.type = message.type;
  header.req_id = message.requestId;
  header.tx_id = message.transactionId;
  header.len = message.payload.length;
  bytes.set(message.payload, HEADER_SIZE);
  return bytes;
}

/** Characters that are made at a time: arguments of a call. */
const PIECE = 4096;

/** One character a byte: paths, tokens and numbers are ASCII, and what is not must survive unchanged. */
export function decodeText(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += PIECE) text += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  return text;
}

export function encodeText(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Each string followed by its NUL. */
export function encodeStrings(strings: readonly string[]): Uint8Array {
  return encodeText(strings.map((string) => `${string}\0`).join(""));
}

/** The strings of a payload that holds nothing but NUL-terminated ones. @throws XenstoreError EINVAL */
export function decodeStrings(payload: Uint8Array): string[] {
  if (payload.length === 0) return [];
  if (payload.at(-1) !== 0) throw new XenstoreError("EINVAL", "string without its NUL");
  return decodeText(payload.subarray(0, -1)).split("\0");
}
