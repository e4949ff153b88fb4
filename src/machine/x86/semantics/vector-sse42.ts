/** SSE4.2 (SDM vol. 1 §12.11): string comparison (in TypeScript: x86/string-compare.ts), CRC32, PCMPGTQ. */
import { i32, i64, i64x2 } from "../../wasm/expression.ts";
import { type Semantics, truncate } from "./emit.ts";
import { requireSse } from "./vector.ts";
import { lanes } from "./vector-integer.ts";

/** The operand in memory need not be aligned. */
const compareStrings: Semantics = (e) => {
  requireSse(e);
  e.callSystemOperand(1, false, 16);
};

/** 0x11EDC6F41, the CRC-32C polynomial, with the bits reflected. */
const POLYNOMIAL = 0x82f63b78;

/**
 * CRC32. The state meets the data's low 32 bits; 64 bits of data meet it as they are shifted down.
 */
const crc32: Semantics = (e) => {
  const { fn } = e;
  const size = e.size(1);
  const data = e.read(1);
  const x = fn.let(i64.xor(truncate(4, e.read(0)), data));
  const left = fn.let(i32.const(size * 8));
  fn.loop((again) => {
    const odd = i64.sub(i64.const(0), i64.and(x, i64.const(1)));
    fn.set(x, i64.xor(i64.shrU(x, i64.const(1)), i64.and(odd, i64.const(POLYNOMIAL))));
    fn.set(left, i32.sub(left, i32.const(1)));
    fn.brIf(again, left);
  });
  e.write(0, x);
};

export const vectorSse42: Record<string, Semantics> = {
  pcmpestri: compareStrings,
  pcmpestrm: compareStrings,
  pcmpistri: compareStrings,
  pcmpistrm: compareStrings,
  pcmpgtq: lanes(i64x2.gtS),
  crc32,
};
