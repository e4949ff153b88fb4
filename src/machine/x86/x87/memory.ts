/** Memory operands: floats of 4, 8 and 10 bytes, integers of 2, 4 and 8. */
import { type Float, unpack32, unpack64, unpack80 } from "../softfloat/index.ts";
import type { X87Unit } from "./unit.ts";

export function loadFloat(fpu: X87Unit, address: number, size: number): Float {
  const { dv } = fpu;
  switch (size) {
    case 4:
      return unpack32(dv.getUint32(address, true));
    case 8:
      return unpack64(dv.getBigUint64(address, true));
    case 10:
      return unpack80(dv.getUint16(address + 8, true), dv.getBigUint64(address, true));
    default:
      throw new RangeError(`x87: no floating-point operand of ${size} bytes`);
  }
}

export function loadInteger(fpu: X87Unit, address: number, size: number): bigint {
  const { dv } = fpu;
  switch (size) {
    case 2:
      return BigInt(dv.getInt16(address, true));
    case 4:
      return BigInt(dv.getInt32(address, true));
    case 8:
      return dv.getBigInt64(address, true);
    default:
      throw new RangeError(`x87: no integer operand of ${size} bytes`);
  }
}

export function storeInteger(fpu: X87Unit, address: number, size: number, value: bigint): void {
  const { dv } = fpu;
  if (size === 2) dv.setInt16(address, Number(value), true);
  else if (size === 4) dv.setInt32(address, Number(value), true);
  else dv.setBigInt64(address, value, true);
}
