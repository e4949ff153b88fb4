/** Integer and vector values by operand size. */
import { type Expr, i64, i64x2, StoreOp, v128 } from "../../wasm/expression.ts";

const MASKS: Record<number, bigint> = { 1: 0xffn, 2: 0xffffn, 4: 0xffffffffn };

/** Truncates to `size` bytes, zero-extended. */
export function truncate(size: number, value: Expr): Expr {
  const mask = MASKS[size];
  return mask === undefined ? value : i64.and(value, i64.const(mask));
}

/** Sign-extends the low `size` bytes. */
export function signExtend(size: number, value: Expr): Expr {
  if (size === 1) return i64.extend8s(value);
  if (size === 2) return i64.extend16s(value);
  if (size === 4) return i64.extend32s(value);
  return value;
}

/** Loads `size` bytes at a host address, zero-extended to i64. */
export function loadSized(size: number, address: Expr, offset = 0): Expr {
  if (size === 1) return i64.load8u(address, offset);
  if (size === 2) return i64.load16u(address, offset);
  if (size === 4) return i64.load32u(address, offset);
  return i64.load(address, offset);
}

/** Loads `size` bytes at a host address into a vector, zero-extended. */
export function loadVector(size: number, address: Expr): Expr {
  if (size === 16) return v128.load(address);
  if (size === 8) return v128.load64Zero(address);
  if (size === 4) return v128.load32Zero(address);
  return i64x2.replaceLane(v128.const(0n, 0n), 0, loadSized(size, address));
}

export const STORE_SIZED: Record<number, StoreOp> = {
  1: StoreOp.i64as8,
  2: StoreOp.i64as16,
  4: StoreOp.i64as32,
  8: StoreOp.i64,
};
