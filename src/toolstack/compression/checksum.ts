/** CRC-32 (IEEE 802.3, reflected) and CRC-64 (ECMA-182, reflected), the checks of xz. */

const CRC32 = new Uint32Array(256);
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  CRC32[n] = c;
}

export function crc32(data: Uint8Array): number {
  let c = 0xffffffff;
  for (let i = 0; i < data.length; i++) c = (CRC32[(c ^ (data[i] as number)) & 0xff] as number) ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/** Tables of the low and high halves: 64-bit integers would be bigints here, ten times as slow. */
const CRC64_LOW = new Uint32Array(256);
const CRC64_HIGH = new Uint32Array(256);
for (let n = 0; n < 256; n++) {
  let c = BigInt(n);
  for (let k = 0; k < 8; k++) c = c & 1n ? (c >> 1n) ^ 0xc96c5795d7870f42n : c >> 1n;
  CRC64_LOW[n] = Number(c & 0xffffffffn);
  CRC64_HIGH[n] = Number(c >> 32n);
}

export function crc64(data: Uint8Array): bigint {
  let low = 0xffffffff;
  let high = 0xffffffff;
  for (let i = 0; i < data.length; i++) {
    const n = (low ^ (data[i] as number)) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ (CRC64_LOW[n] as number);
    high = (high >>> 8) ^ (CRC64_HIGH[n] as number);
  }
  return (BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0);
}
