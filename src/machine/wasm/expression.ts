/**
 * WebAssembly expressions as small trees, so that instruction semantics read as
 * formulas: `i64.add(a, i64.shl(b, c))`. Constructors fold constants where the
 * code generators profit from it. A tree is written once by `Fn` (function.ts).
 */

/** Value types by their encoding. */
export const ValType = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;
export type ValType = (typeof ValType)[keyof typeof ValType];

/** What a node is. */
export const NodeKind = {
  Const: 0,
  Local: 1,
  Op: 2,
  Memory: 3,
  Simd: 4,
  SimdMemory: 5,
  SimdLane: 6,
  Call: 7,
  Global: 8,
  V128Const: 9,
  CallIndirect: 10,
  /** A constant that is known when a stencil is placed (stencil.ts); `code` as of Const, `value` says which. */
  Hole: 11,
} as const;
export type NodeKind = (typeof NodeKind)[keyof typeof NodeKind];

/** An expression. Locals may be used many times; any other node once. */
export interface Expr {
  readonly kind: NodeKind;
  readonly type: ValType;
  /** Opcode (Op, Memory, Simd...), local, global or function index. */
  readonly code: number;
  readonly args: readonly Expr[];
  /** Memory: static offset. SimdLane: lane. */
  readonly offset: number;
  /** Const: the value. Hole: its number. */
  readonly value: number | bigint;
  readonly bytes?: Uint8Array;
}

/** A local variable, usable as an expression (its current value). */
export interface Local extends Expr {
  readonly kind: typeof NodeKind.Local;
}

const NONE: readonly Expr[] = [];

export function node(
  kind: NodeKind,
  type: ValType,
  code: number,
  args: readonly Expr[] = NONE,
  offset = 0,
  value: number | bigint = 0,
): Expr {
  return { kind, type, code, args, offset, value };
}

const { i32: I32, i64: I64, v128: V128 } = ValType;

/** The constant `which` of the place that a stencil gets. */
export const holeI32 = (which: number): Expr => node(NodeKind.Hole, I32, 0x41, NONE, 0, which);
export const holeI64 = (which: number): Expr => node(NodeKind.Hole, I64, 0x42, NONE, 0, which);

const op1 =
  (type: ValType, code: number) =>
  (a: Expr): Expr =>
    node(NodeKind.Op, type, code, [a]);
const op2 =
  (type: ValType, code: number) =>
  (a: Expr, b: Expr): Expr =>
    node(NodeKind.Op, type, code, [a, b]);
const load =
  (type: ValType, code: number) =>
  (address: Expr, offset = 0): Expr =>
    node(NodeKind.Memory, type, code, [address], offset);

const isConst = (e: Expr): boolean => e.kind === NodeKind.Const;
const isZero = (e: Expr): boolean => e.kind === NodeKind.Const && (e.value === 0 || e.value === 0n);

const i32Const = (value: number): Expr => node(NodeKind.Const, I32, 0x41, NONE, 0, value | 0);
/** Numbers are kept as such where they are exact: arithmetic on bigints takes time when code is generated. */
const i64Const = (value: bigint | number): Expr => {
  const n = Number(value);
  return node(NodeKind.Const, I64, 0x42, NONE, 0, Number.isSafeInteger(n) ? n : BigInt.asIntN(64, BigInt(value)));
};

function addFolding(type: ValType, code: number, make: (v: bigint) => Expr) {
  return (a: Expr, b: Expr): Expr => {
    if (isZero(b)) return a;
    if (isZero(a)) return b;
    if (isConst(a) && isConst(b)) return make(BigInt(a.value) + BigInt(b.value));
    return node(NodeKind.Op, type, code, [a, b]);
  };
}

export const i32 = {
  const: i32Const,
  load: load(I32, 0x28),
  load8s: load(I32, 0x2c),
  load8u: load(I32, 0x2d),
  load16s: load(I32, 0x2e),
  load16u: load(I32, 0x2f),
  eqz: op1(I32, 0x45),
  eq: op2(I32, 0x46),
  ne: op2(I32, 0x47),
  ltS: op2(I32, 0x48),
  ltU: op2(I32, 0x49),
  gtS: op2(I32, 0x4a),
  gtU: op2(I32, 0x4b),
  leS: op2(I32, 0x4c),
  leU: op2(I32, 0x4d),
  geS: op2(I32, 0x4e),
  geU: op2(I32, 0x4f),
  clz: op1(I32, 0x67),
  ctz: op1(I32, 0x68),
  popcnt: op1(I32, 0x69),
  add: addFolding(I32, 0x6a, (v) => i32Const(Number(BigInt.asIntN(32, v)))),
  sub: op2(I32, 0x6b),
  mul: op2(I32, 0x6c),
  divS: op2(I32, 0x6d),
  divU: op2(I32, 0x6e),
  remS: op2(I32, 0x6f),
  remU: op2(I32, 0x70),
  and: op2(I32, 0x71),
  or: op2(I32, 0x72),
  xor: op2(I32, 0x73),
  shl: op2(I32, 0x74),
  shrS: op2(I32, 0x75),
  shrU: op2(I32, 0x76),
  rotl: op2(I32, 0x77),
  rotr: op2(I32, 0x78),
  wrap: op1(I32, 0xa7),
  extend8s: op1(I32, 0xc0),
  extend16s: op1(I32, 0xc1),
  reinterpretF32: op1(I32, 0xbc),
  select: (condition: Expr, a: Expr, b: Expr): Expr => node(NodeKind.Op, I32, 0x1b, [a, b, condition]),
};

export const i64 = {
  const: i64Const,
  load: load(I64, 0x29),
  load8s: load(I64, 0x30),
  load8u: load(I64, 0x31),
  load16s: load(I64, 0x32),
  load16u: load(I64, 0x33),
  load32s: load(I64, 0x34),
  load32u: load(I64, 0x35),
  eqz: op1(I32, 0x50),
  eq: op2(I32, 0x51),
  ne: op2(I32, 0x52),
  ltS: op2(I32, 0x53),
  ltU: op2(I32, 0x54),
  gtS: op2(I32, 0x55),
  gtU: op2(I32, 0x56),
  leS: op2(I32, 0x57),
  leU: op2(I32, 0x58),
  geS: op2(I32, 0x59),
  geU: op2(I32, 0x5a),
  clz: op1(I64, 0x79),
  ctz: op1(I64, 0x7a),
  popcnt: op1(I64, 0x7b),
  add: addFolding(I64, 0x7c, (v) => i64Const(v)),
  sub: op2(I64, 0x7d),
  mul: op2(I64, 0x7e),
  divS: op2(I64, 0x7f),
  divU: op2(I64, 0x80),
  remS: op2(I64, 0x81),
  remU: op2(I64, 0x82),
  and: op2(I64, 0x83),
  or: op2(I64, 0x84),
  xor: op2(I64, 0x85),
  shl: op2(I64, 0x86),
  shrS: op2(I64, 0x87),
  shrU: op2(I64, 0x88),
  rotl: op2(I64, 0x89),
  rotr: op2(I64, 0x8a),
  extendS: op1(I64, 0xac),
  extendU: op1(I64, 0xad),
  extend8s: op1(I64, 0xc2),
  extend16s: op1(I64, 0xc3),
  extend32s: op1(I64, 0xc4),
  reinterpretF64: op1(I64, 0xbd),
  select: (condition: Expr, a: Expr, b: Expr): Expr => node(NodeKind.Op, I64, 0x1b, [a, b, condition]),
};

export const f32 = {
  load: load(ValType.f32, 0x2a),
  reinterpretI32: op1(ValType.f32, 0xbe),
  eq: op2(I32, 0x5b),
  ne: op2(I32, 0x5c),
  lt: op2(I32, 0x5d),
  gt: op2(I32, 0x5e),
  le: op2(I32, 0x5f),
  ge: op2(I32, 0x60),
  abs: op1(ValType.f32, 0x8b),
  neg: op1(ValType.f32, 0x8c),
  sqrt: op1(ValType.f32, 0x91),
  add: op2(ValType.f32, 0x92),
  sub: op2(ValType.f32, 0x93),
  mul: op2(ValType.f32, 0x94),
  div: op2(ValType.f32, 0x95),
  convertI32s: op1(ValType.f32, 0xb2),
  convertI64s: op1(ValType.f32, 0xb4),
  demoteF64: op1(ValType.f32, 0xb6),
};

export const f64 = {
  load: load(ValType.f64, 0x2b),
  reinterpretI64: op1(ValType.f64, 0xbf),
  eq: op2(I32, 0x61),
  ne: op2(I32, 0x62),
  lt: op2(I32, 0x63),
  gt: op2(I32, 0x64),
  le: op2(I32, 0x65),
  ge: op2(I32, 0x66),
  abs: op1(ValType.f64, 0x99),
  neg: op1(ValType.f64, 0x9a),
  nearest: op1(ValType.f64, 0x9e),
  sqrt: op1(ValType.f64, 0x9f),
  trunc: op1(ValType.f64, 0x9d),
  add: op2(ValType.f64, 0xa0),
  sub: op2(ValType.f64, 0xa1),
  mul: op2(ValType.f64, 0xa2),
  div: op2(ValType.f64, 0xa3),
  convertI32s: op1(ValType.f64, 0xb7),
  convertI64s: op1(ValType.f64, 0xb9),
  promoteF32: op1(ValType.f64, 0xbb),
  const: (bits: bigint): Expr => op1(ValType.f64, 0xbf)(i64Const(bits)),
};

/** Saturating float-to-integer conversions (0xfc prefix, encoded in two bytes). */
export const truncSat = {
  i32FromF32s: op1(I32, 0xfc00),
  i32FromF64s: op1(I32, 0xfc02),
  i64FromF32s: op1(I64, 0xfc04),
  i64FromF64s: op1(I64, 0xfc06),
};

/** A SIMD operation with the given opcode behind the 0xfd prefix. */
export const simd1 =
  (code: number, type: ValType = V128) =>
  (a: Expr): Expr =>
    node(NodeKind.Simd, type, code, [a]);
export const simd2 =
  (code: number, type: ValType = V128) =>
  (a: Expr, b: Expr): Expr =>
    node(NodeKind.Simd, type, code, [a, b]);
const simdLoad =
  (code: number) =>
  (address: Expr, offset = 0): Expr =>
    node(NodeKind.SimdMemory, V128, code, [address], offset);
const lane =
  (type: ValType, code: number) =>
  (a: Expr, index: number): Expr =>
    node(NodeKind.SimdLane, type, code, [a], index);
const replace =
  (code: number) =>
  (a: Expr, index: number, value: Expr): Expr =>
    node(NodeKind.SimdLane, V128, code, [a, value], index);

export const v128 = {
  load: simdLoad(0x00),
  load32Zero: simdLoad(0x5c),
  load64Zero: simdLoad(0x5d),
  const: (lo: bigint, hi: bigint): Expr => {
    const bytes = new Uint8Array(16);
    const dv = new DataView(bytes.buffer);
    dv.setBigUint64(0, BigInt.asUintN(64, lo), true);
    dv.setBigUint64(8, BigInt.asUintN(64, hi), true);
    return { ...node(NodeKind.V128Const, V128, 0x0c), bytes };
  },
  /** i8x16.shuffle: bytes 0..15 pick from a, 16..31 from b. */
  shuffle: (a: Expr, b: Expr, lanes: readonly number[]): Expr => ({
    ...node(NodeKind.V128Const, V128, 0x0d, [a, b]),
    bytes: Uint8Array.from(lanes),
  }),
  swizzle: simd2(0x0e),
  not: simd1(0x4d),
  and: simd2(0x4e),
  andnot: simd2(0x4f),
  or: simd2(0x50),
  xor: simd2(0x51),
  bitselect: (a: Expr, b: Expr, mask: Expr): Expr => node(NodeKind.Simd, V128, 0x52, [a, b, mask]),
  anyTrue: simd1(0x53, I32),
  select: (condition: Expr, a: Expr, b: Expr): Expr => node(NodeKind.Op, V128, 0x1b, [a, b, condition]),
};
export const i8x16 = {
  splat: simd1(0x0f),
  extractLaneU: lane(I32, 0x16),
  replaceLane: replace(0x17),
  eq: simd2(0x23),
  gtS: simd2(0x27),
  bitmask: simd1(0x64, I32),
  allTrue: simd1(0x63, I32),
  narrowI16x8S: simd2(0x65),
  narrowI16x8U: simd2(0x66),
  shl: simd2(0x6b),
  shrS: simd2(0x6c),
  shrU: simd2(0x6d),
  add: simd2(0x6e),
  addSatS: simd2(0x6f),
  addSatU: simd2(0x70),
  sub: simd2(0x71),
  subSatS: simd2(0x72),
  subSatU: simd2(0x73),
  minS: simd2(0x76),
  minU: simd2(0x77),
  maxS: simd2(0x78),
  maxU: simd2(0x79),
  avgrU: simd2(0x7b),
  abs: simd1(0x60),
  neg: simd1(0x61),
  popcnt: simd1(0x62),
};
export const i16x8 = {
  splat: simd1(0x10),
  extractLaneU: lane(I32, 0x19),
  extractLaneS: lane(I32, 0x18),
  replaceLane: replace(0x1a),
  eq: simd2(0x2d),
  gtS: simd2(0x31),
  bitmask: simd1(0x84, I32),
  narrowI32x4S: simd2(0x85),
  narrowI32x4U: simd2(0x86),
  extendLowI8x16S: simd1(0x87),
  extendHighI8x16S: simd1(0x88),
  extendLowI8x16U: simd1(0x89),
  extendHighI8x16U: simd1(0x8a),
  shl: simd2(0x8b),
  shrS: simd2(0x8c),
  shrU: simd2(0x8d),
  add: simd2(0x8e),
  addSatS: simd2(0x8f),
  addSatU: simd2(0x90),
  sub: simd2(0x91),
  subSatS: simd2(0x92),
  subSatU: simd2(0x93),
  mul: simd2(0x95),
  minS: simd2(0x96),
  minU: simd2(0x97),
  maxS: simd2(0x98),
  maxU: simd2(0x99),
  avgrU: simd2(0x9b),
  extmulLowI8x16S: simd2(0x9c),
  extmulHighI8x16S: simd2(0x9d),
  extaddPairwiseI8x16U: simd1(0x7d),
  q15mulrSatS: simd2(0x82),
  abs: simd1(0x80),
};
export const i32x4 = {
  splat: simd1(0x11),
  extractLane: lane(I32, 0x1b),
  replaceLane: replace(0x1c),
  eq: simd2(0x37),
  gtS: simd2(0x3b),
  bitmask: simd1(0xa4, I32),
  extendLowI16x8S: simd1(0xa7),
  extendHighI16x8S: simd1(0xa8),
  extendLowI16x8U: simd1(0xa9),
  extendHighI16x8U: simd1(0xaa),
  shl: simd2(0xab),
  shrS: simd2(0xac),
  shrU: simd2(0xad),
  add: simd2(0xae),
  sub: simd2(0xb1),
  mul: simd2(0xb5),
  minS: simd2(0xb6),
  minU: simd2(0xb7),
  maxS: simd2(0xb8),
  maxU: simd2(0xb9),
  dotI16x8S: simd2(0xba),
  extmulLowI16x8S: simd2(0xbc),
  extmulHighI16x8S: simd2(0xbd),
  extmulLowI16x8U: simd2(0xbe),
  extmulHighI16x8U: simd2(0xbf),
  extaddPairwiseI16x8U: simd1(0x7f),
  abs: simd1(0xa0),
  allTrue: simd1(0xa3, I32),
  leU: simd2(0x3e),
  neg: simd1(0xa1),
  truncSatF32x4S: simd1(0xf8),
  truncSatF64x2SZero: simd1(0xfc),
};
export const i64x2 = {
  splat: simd1(0x12),
  extractLane: lane(I64, 0x1d),
  replaceLane: replace(0x1e),
  eq: simd2(0xd6),
  bitmask: simd1(0xc4, I32),
  shl: simd2(0xcb),
  shrS: simd2(0xcc),
  shrU: simd2(0xcd),
  add: simd2(0xce),
  sub: simd2(0xd1),
  mul: simd2(0xd5),
  gtS: simd2(0xd9),
  extendLowI32x4S: simd1(0xc7),
  extendLowI32x4U: simd1(0xc9),
  extmulLowI32x4S: simd2(0xdc),
  extmulLowI32x4U: simd2(0xde),
  extmulHighI32x4U: simd2(0xdf),
  allTrue: simd1(0xc3, I32),
};
export const f32x4 = {
  splat: simd1(0x13),
  extractLane: lane(ValType.f32, 0x1f),
  replaceLane: replace(0x20),
  eq: simd2(0x41),
  ne: simd2(0x42),
  lt: simd2(0x43),
  gt: simd2(0x44),
  le: simd2(0x45),
  ge: simd2(0x46),
  abs: simd1(0xe0),
  neg: simd1(0xe1),
  sqrt: simd1(0xe3),
  add: simd2(0xe4),
  sub: simd2(0xe5),
  mul: simd2(0xe6),
  div: simd2(0xe7),
  pmin: simd2(0xea),
  pmax: simd2(0xeb),
  ceil: simd1(0x67),
  floor: simd1(0x68),
  trunc: simd1(0x69),
  nearest: simd1(0x6a),
  convertI32x4S: simd1(0xfa),
  demoteF64x2Zero: simd1(0x5e),
};
export const f64x2 = {
  splat: simd1(0x14),
  extractLane: lane(ValType.f64, 0x21),
  replaceLane: replace(0x22),
  eq: simd2(0x47),
  ne: simd2(0x48),
  lt: simd2(0x49),
  gt: simd2(0x4a),
  le: simd2(0x4b),
  ge: simd2(0x4c),
  abs: simd1(0xec),
  neg: simd1(0xed),
  sqrt: simd1(0xef),
  add: simd2(0xf0),
  sub: simd2(0xf1),
  mul: simd2(0xf2),
  div: simd2(0xf3),
  pmin: simd2(0xf6),
  pmax: simd2(0xf7),
  ceil: simd1(0x74),
  floor: simd1(0x75),
  trunc: simd1(0x7a),
  nearest: simd1(0x94),
  convertLowI32x4S: simd1(0xfe),
  promoteLowF32x4: simd1(0x5f),
};

/** Store opcodes, for Fn.store. */
export const StoreOp = {
  i32: 0x36,
  i64: 0x37,
  f32: 0x38,
  f64: 0x39,
  i32as8: 0x3a,
  i32as16: 0x3b,
  i64as8: 0x3c,
  i64as16: 0x3d,
  i64as32: 0x3e,
  v128: 0xfd0b,
} as const;
export type StoreOp = (typeof StoreOp)[keyof typeof StoreOp];
