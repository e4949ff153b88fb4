/** Comparison, and the SSE minimum and maximum. */
import { denormalOperand } from "./arithmetic.ts";
import { type FpContext, IE } from "./context.ts";
import { type Float, isNan, Kind } from "./float.ts";

export const Relation = { Less: -1, Equal: 0, Greater: 1, Unordered: 2 } as const;
export type Relation = (typeof Relation)[keyof typeof Relation];

/** ZF, PF and CF as COMISS and FCOMI set them. */
export function relationFlags(relation: Relation): number {
  switch (relation) {
    case Relation.Unordered:
      return 0x45;
    case Relation.Less:
      return 0x01;
    case Relation.Equal:
      return 0x40;
    case Relation.Greater:
      return 0;
  }
}

/** Order of two numbers that are neither NaN nor unsupported. */
function order(a: Float, b: Float): Relation {
  if (a.kind === Kind.Zero && b.kind === Kind.Zero) return Relation.Equal;
  const signA = a.kind === Kind.Zero ? 0 : 1 - 2 * a.sign;
  const signB = b.kind === Kind.Zero ? 0 : 1 - 2 * b.sign;
  if (signA !== signB) return signA < signB ? Relation.Less : Relation.Greater;
  const magnitude = compareMagnitude(a, b);
  if (magnitude === 0) return Relation.Equal;
  return magnitude * signA < 0 ? Relation.Less : Relation.Greater;
}

function compareMagnitude(a: Float, b: Float): number {
  if (a.kind !== b.kind) return a.kind === Kind.Infinity ? 1 : -1;
  if (a.exp !== b.exp) return a.exp - b.exp;
  return a.sig === b.sig ? 0 : a.sig > b.sig ? 1 : -1;
}

/**
 * Compares. Signaling NaNs and unsupported encodings raise IE, quiet NaNs only if `signaling`
 * (FCOM, COMISS, CMPLTPS; not FUCOM, UCOMISS, CMPEQPS).
 */
export function compare(context: FpContext, a: Float, b: Float, signaling: boolean): Relation {
  if (a.kind >= Kind.QuietNan || b.kind >= Kind.QuietNan) {
    if (signaling || a.kind > Kind.QuietNan || b.kind > Kind.QuietNan) context.flags |= IE;
    return Relation.Unordered;
  }
  denormalOperand(context, a, b);
  return order(a, b);
}

/** MINPS: the second operand if either is a NaN (raising IE) or both are zeros. */
export function minimum(context: FpContext, a: Float, b: Float): Float {
  return compareForMinMax(context, a, b) === Relation.Less ? a : b;
}

/** MAXPS: like `minimum`. */
export function maximum(context: FpContext, a: Float, b: Float): Float {
  return compareForMinMax(context, a, b) === Relation.Greater ? a : b;
}

function compareForMinMax(context: FpContext, a: Float, b: Float): Relation {
  if (isNan(a) || isNan(b)) {
    context.flags |= IE;
    return Relation.Unordered;
  }
  denormalOperand(context, a, b);
  return order(a, b);
}
