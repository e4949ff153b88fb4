/** Packed decimal: FBLD, FBSTP. Eighteen digits, two a byte, and a sign byte. SDM vol. 1 §4.7. */
import { fromScaled, IE, Kind, PE, roundOff, type Sign } from "../softfloat/index.ts";
import type { Handler } from "./handler.ts";

const DIGIT_BYTES = 9;
const LIMIT = 10n ** 18n;

const fbld: Handler = (fpu, _insn, address) => {
  fpu.begin();
  if (!fpu.canPush()) return;
  let value = 0n;
  // Digits above 9 are undefined by the manual; they count as what they are.
  for (let i = DIGIT_BYTES - 1; i >= 0; i--) {
    const byte = fpu.dv.getUint8(address + i);
    value = value * 100n + BigInt((byte >> 4) * 10 + (byte & 15));
  }
  fpu.push(fromScaled((fpu.dv.getUint8(address + DIGIT_BYTES) >> 7) as Sign, value, 0));
};

const fbstp: Handler = (fpu, _insn, address) => {
  const context = fpu.begin();
  let magnitude = LIMIT;
  let sign = 0;
  if (fpu.isEmpty(0)) {
    if (!fpu.stackFault(false)) return;
  } else {
    const x = fpu.read(0);
    sign = x.sign;
    if (x.kind === Kind.Zero) magnitude = 0n;
    else if (x.kind === Kind.Finite && x.exp < 63)
      magnitude = roundOff(context, x.sign, x.sig, Math.min(63 - x.exp, 66));
    if (magnitude >= LIMIT) context.flags |= IE;
    else if (context.inexact) context.flags |= PE;
    if (!fpu.commit()) return;
  }
  if (magnitude >= LIMIT) {
    // The packed decimal indefinite.
    fpu.dv.setBigUint64(address, 0xc000000000000000n, true);
    fpu.dv.setUint16(address + 8, 0xffff, true);
  } else {
    for (let i = 0; i < DIGIT_BYTES; i++) {
      const pair = Number(magnitude % 100n);
      magnitude /= 100n;
      fpu.dv.setUint8(address + i, (Math.floor(pair / 10) << 4) | (pair % 10));
    }
    fpu.dv.setUint8(address + DIGIT_BYTES, sign << 7);
  }
  fpu.pop();
};

export const bcd: Record<string, Handler> = { fbld, fbstp };
