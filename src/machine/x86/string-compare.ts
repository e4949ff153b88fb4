/**
 * PCMPxSTRx, the string comparisons of SSE4.2 (SDM vol. 2 §4.1). The immediate:
 *
 *     bits 0..1  elements: unsigned bytes, unsigned words, signed bytes, signed words
 *     bits 2..3  aggregation: equal any, ranges, equal each, equal ordered
 *     bits 4..5  polarity: positive, negative, positive, negative for valid elements of b only
 *     bit 6      index of the most significant instead of the least significant bit; or a mask of
 *                elements instead of bits
 */

/** The first operand (characters, ranges or a string to be found) or the second (the string looked at). */
export interface StringOperand {
  readonly elements: readonly number[];
  /** Elements in front of the string's end. */
  readonly length: number;
}

/** Elements in an operand: 16 bytes or 8 words. */
export const elementCount = (immediate: number): number => (immediate & 1 ? 8 : 16);

/** Reads an operand's elements; without an explicit length a zero element ends it. */
export function readOperand(dv: DataView, address: number, immediate: number, length?: number): StringOperand {
  const count = elementCount(immediate);
  const elements: number[] = [];
  for (let i = 0; i < count; i++) {
    if (immediate & 1)
      elements.push(immediate & 2 ? dv.getInt16(address + 2 * i, true) : dv.getUint16(address + 2 * i, true));
    else elements.push(immediate & 2 ? dv.getInt8(address + i) : dv.getUint8(address + i));
  }
  if (length !== undefined) return { elements, length };
  const end = elements.indexOf(0);
  return { elements, length: end < 0 ? count : end };
}

type Aggregation = (a: StringOperand, b: StringOperand, i: number) => boolean;

const equalAny: Aggregation = (a, b, i) =>
  i < b.length && a.elements.slice(0, a.length).includes(b.elements[i] as number);

const ranges: Aggregation = (a, b, i) => {
  if (i >= b.length) return false;
  const value = b.elements[i] as number;
  for (let j = 0; j + 1 < a.length; j += 2) {
    if (value >= (a.elements[j] as number) && value <= (a.elements[j + 1] as number)) return true;
  }
  return false;
};

const equalEach: Aggregation = (a, b, i) =>
  i < a.length && i < b.length ? a.elements[i] === b.elements[i] : i >= a.length && i >= b.length;

/** A prefix of `a` as long as there is room for stands at position i. */
const equalOrdered: Aggregation = (a, b, i) => {
  for (let j = 0; j < a.length && i + j < b.elements.length; j++) {
    if (i + j >= b.length || a.elements[j] !== b.elements[i + j]) return false;
  }
  return true;
};

const AGGREGATIONS: readonly Aggregation[] = [equalAny, ranges, equalEach, equalOrdered];

/** The comparison's result: bit i for element i of `b` (IntRes2 of the manual). */
export function compareStrings(a: StringOperand, b: StringOperand, immediate: number): number {
  const count = elementCount(immediate);
  const aggregate = AGGREGATIONS[(immediate >> 2) & 3] as Aggregation;
  let bits = 0;
  for (let i = 0; i < count; i++) if (aggregate(a, b, i)) bits |= 1 << i;
  if ((immediate & 0x10) === 0) return bits;
  return bits ^ (immediate & 0x20 ? (1 << b.length) - 1 : (1 << count) - 1);
}

/** The index that PCMPxSTRI gives: the element count if no bit is set. */
export function resultIndex(bits: number, immediate: number): number {
  if (bits === 0) return elementCount(immediate);
  return 31 - Math.clz32(immediate & 0x40 ? bits : bits & -bits);
}

/** Writes the mask that PCMPxSTRM gives: bits, or elements of ones. */
export function writeResultMask(dv: DataView, address: number, bits: number, immediate: number): void {
  const count = elementCount(immediate);
  dv.setBigUint64(address, 0n, true);
  dv.setBigUint64(address + 8, 0n, true);
  if ((immediate & 0x40) === 0) return dv.setUint16(address, bits, true);
  for (let i = 0; i < count; i++) {
    if (((bits >> i) & 1) === 0) continue;
    if (count === 8) dv.setUint16(address + 2 * i, 0xffff, true);
    else dv.setUint8(address + i, 0xff);
  }
}
