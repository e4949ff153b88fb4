/**
 * SSE floating-point instructions on operands in memory, one lane at a time, exact in all modes.
 *
 * This is the slow path: generated code uses WebAssembly's own arithmetic where it cannot be told
 * apart from this. SDM vol. 1 §11.5 (exceptions), vol. 2 (each instruction).
 */
import { add, divide, multiply, sqrt, subtract } from "./arithmetic.ts";
import { compare, maximum, minimum, Relation, relationFlags } from "./compare.ts";
import { ALL_EXCEPTIONS, type FpContext, PE, PRE_COMPUTATION, type Rounding } from "./context.ts";
import { convert, roundToIntegral, toInteger, truncateToInteger } from "./convert.ts";
import {
  F32,
  F64,
  type Float,
  type FloatFormat,
  fromInteger,
  Kind,
  pack32,
  pack64,
  unpack32,
  unpack64,
  zero,
} from "./float.ts";
import { MXCSR_DAZ, mxcsrContext } from "./mxcsr.ts";
import { reciprocal, reciprocalSqrt } from "./reciprocal.ts";
import { roundFloat } from "./round.ts";
import { SSE_IMMEDIATE_SHIFT, SseOp } from "./sse-op.ts";

/** One instruction in execution. */
interface Execution {
  readonly dv: DataView;
  /** Address of the first source, which is also the destination's old value. */
  readonly a: number;
  /** Address of the second (or only) source. */
  readonly b: number;
  readonly context: FpContext;
  readonly denormalsAreZero: boolean;
  readonly immediate: number;
}

/** Computes into `result`, which holds the destination's old value; returns how many bytes of it are the result. */
type Handler = (x: Execution) => number;

/** The result is staged here, since a fault must leave the destination alone and it may overlap the sources. */
const result = new DataView(new ArrayBuffer(16));

/** A lane type: single or double precision. */
interface Lane {
  readonly format: FloatFormat;
  readonly bytes: 4 | 8;
  load(x: Execution, address: number): Float;
  store(offset: number, value: Float): void;
}

const flush = (x: Execution, value: Float): Float => (value.denormal && x.denormalsAreZero ? zero(value.sign) : value);

const single: Lane = {
  format: F32,
  bytes: 4,
  load: (x, address) => flush(x, unpack32(x.dv.getUint32(address, true))),
  store: (offset, value) => result.setUint32(offset, pack32(value), true),
};

const double: Lane = {
  format: F64,
  bytes: 8,
  load: (x, address) => flush(x, unpack64(x.dv.getBigUint64(address, true))),
  store: (offset, value) => result.setBigUint64(offset, pack64(value), true),
};

type Binary = (context: FpContext, format: FloatFormat, a: Float, b: Float) => Float;

const handlers: Handler[] = [];
const define = (name: SseOp, handler: Handler): void => {
  handlers[SseOp[name]] = handler;
};

/** Defines the packed and scalar, single and double forms of a lane operation. */
function defineLanes(
  base: "add" | "sub" | "mul" | "div" | "min" | "max" | "sqrt" | "cmp" | "round",
  lane: (x: Execution, type: Lane, offset: number) => void,
): void {
  const packed =
    (type: Lane): Handler =>
    (x) => {
      for (let offset = 0; offset < 16; offset += type.bytes) lane(x, type, offset);
      return 16;
    };
  const scalar =
    (type: Lane): Handler =>
    (x) => {
      lane(x, type, 0);
      return 16;
    };
  define(`${base}ps`, packed(single));
  define(`${base}pd`, packed(double));
  define(`${base}ss`, scalar(single));
  define(`${base}sd`, scalar(double));
}

const binaryLane =
  (operation: Binary) =>
  (x: Execution, type: Lane, offset: number): void => {
    const a = type.load(x, x.a + offset);
    const b = type.load(x, x.b + offset);
    type.store(offset, operation(x.context, type.format, a, b));
  };

defineLanes("add", binaryLane(add));
defineLanes("sub", binaryLane(subtract));
defineLanes("mul", binaryLane(multiply));
defineLanes("div", binaryLane(divide));
defineLanes(
  "min",
  binaryLane((context, _format, a, b) => minimum(context, a, b)),
);
defineLanes(
  "max",
  binaryLane((context, _format, a, b) => maximum(context, a, b)),
);
defineLanes("sqrt", (x, type, offset) => {
  type.store(offset, sqrt(x.context, type.format, type.load(x, x.b + offset)));
});

/** RCPPS and RSQRTPS, packed and scalar. */
function defineApproximation(base: "rcp" | "rsqrt", approximate: (x: Float) => Float): void {
  const lane = (x: Execution, offset: number): void => {
    single.store(offset, approximate(single.load(x, x.b + offset)));
  };
  define(`${base}ps`, (x) => {
    for (let offset = 0; offset < 16; offset += 4) lane(x, offset);
    return 16;
  });
  define(`${base}ss`, (x) => {
    lane(x, 0);
    return 16;
  });
}

defineApproximation("rcp", reciprocal);
defineApproximation("rsqrt", reciprocalSqrt);

/** The predicates LT, LE, NLT, NLE raise IE for quiet NaNs. */
const SIGNALING_PREDICATES = 0b01100110;

defineLanes("cmp", (x, type, offset) => {
  const predicate = x.immediate & 7;
  const signaling = ((SIGNALING_PREDICATES >> predicate) & 1) !== 0;
  const relation = compare(x.context, type.load(x, x.a + offset), type.load(x, x.b + offset), signaling);
  const base = predicate & 3;
  let holds: boolean;
  if (base === 0) holds = relation === Relation.Equal;
  else if (base === 1) holds = relation === Relation.Less;
  else if (base === 2) holds = relation === Relation.Less || relation === Relation.Equal;
  else holds = relation === Relation.Unordered;
  if (holds !== predicate >= 4) for (let i = 0; i < type.bytes; i++) result.setUint8(offset + i, 0xff);
  else for (let i = 0; i < type.bytes; i++) result.setUint8(offset + i, 0);
});

/** ROUNDPS immediate: bits 0..1 rounding mode, bit 2 use MXCSR.RC instead, bit 3 do not raise PE. */
defineLanes("round", (x, type, offset) => {
  const { context, immediate } = x;
  const { rounding } = context;
  if ((immediate & 4) === 0) context.rounding = (immediate & 3) as Rounding;
  const before = context.flags;
  type.store(offset, roundToIntegral(context, type.load(x, x.b + offset), false));
  if ((immediate & 8) !== 0) context.flags = (context.flags & ~PE) | (before & PE);
  context.rounding = rounding;
});

/** ADDSUBPS: subtract in even lanes, add in odd ones. */
const addSub =
  (type: Lane): Handler =>
  (x) => {
    for (let offset = 0; offset < 16; offset += type.bytes) {
      binaryLane((offset / type.bytes) & 1 ? add : subtract)(x, type, offset);
    }
    return 16;
  };
define("addsubps", addSub(single));
define("addsubpd", addSub(double));

/** HADDPS: neighbours of the first source give the low half, those of the second the high half. */
const horizontal =
  (type: Lane, operation: Binary): Handler =>
  (x) => {
    const pair = 2 * type.bytes;
    for (let i = 0; i < 16; i += pair) {
      for (const [source, half] of [
        [x.a, 0],
        [x.b, 8],
      ] as const) {
        const value = operation(
          x.context,
          type.format,
          type.load(x, source + i),
          type.load(x, source + i + type.bytes),
        );
        type.store(half + i / 2, value);
      }
    }
    return 16;
  };
define("haddps", horizontal(single, add));
define("haddpd", horizontal(double, add));
define("hsubps", horizontal(single, subtract));
define("hsubpd", horizontal(double, subtract));

/** COMISS: the result is a 32-bit word with ZF, PF and CF where RFLAGS has them. */
const compareToFlags =
  (type: Lane, signaling: boolean): Handler =>
  (x) => {
    const relation = compare(x.context, type.load(x, x.a), type.load(x, x.b), signaling);
    result.setUint32(0, relationFlags(relation), true);
    return 4;
  };

define("comiss", compareToFlags(single, true));
define("comisd", compareToFlags(double, true));
define("ucomiss", compareToFlags(single, false));
define("ucomisd", compareToFlags(double, false));

// Between formats.
const between =
  (from: Lane, to: Lane, count: number, clear: boolean): Handler =>
  (x) => {
    if (clear) result.setBigUint64(8, 0n, true);
    for (let i = 0; i < count; i++) {
      to.store(i * to.bytes, convert(x.context, to.format, from.load(x, x.b + i * from.bytes)));
    }
    return 16;
  };
define("cvtss2sd", between(single, double, 1, false));
define("cvtsd2ss", between(double, single, 1, false));
define("cvtps2pd", between(single, double, 2, false));
define("cvtpd2ps", between(double, single, 2, true));

// From integers. Sources in general registers and MMX registers are given in memory at `b`.
const fromIntegers =
  (to: Lane, bytes: 4 | 8, count: number): Handler =>
  (x) => {
    for (let i = 0; i < count; i++) {
      const n = bytes === 4 ? BigInt(x.dv.getInt32(x.b + 4 * i, true)) : x.dv.getBigInt64(x.b, true);
      const value = fromInteger(n);
      to.store(i * to.bytes, value.kind === Kind.Zero ? value : roundFloat(x.context, to.format, value));
    }
    return 16;
  };
define("cvtsi2ss32", fromIntegers(single, 4, 1));
define("cvtsi2sd32", fromIntegers(double, 4, 1));
define("cvtsi2ss64", fromIntegers(single, 8, 1));
define("cvtsi2sd64", fromIntegers(double, 8, 1));
define("cvtdq2ps", fromIntegers(single, 4, 4));
define("cvtdq2pd", fromIntegers(double, 4, 2));
define("cvtpi2ps", fromIntegers(single, 4, 2));
define("cvtpi2pd", fromIntegers(double, 4, 2));

// To integers.
const toIntegers =
  (convertTo: typeof toInteger, from: Lane, bytes: 4 | 8, count: number, resultBytes: number): Handler =>
  (x) => {
    if (resultBytes === 16) result.setBigUint64(8, 0n, true);
    for (let i = 0; i < count; i++) {
      const n = convertTo(x.context, from.load(x, x.b + i * from.bytes), bytes * 8);
      if (bytes === 4) result.setInt32(4 * i, Number(n), true);
      else result.setBigInt64(8 * i, n, true);
    }
    return resultBytes;
  };
for (const [t, convertTo] of [
  ["", toInteger],
  ["t", truncateToInteger],
] as const) {
  define(`cvt${t}ss2si32`, toIntegers(convertTo, single, 4, 1, 4));
  define(`cvt${t}sd2si32`, toIntegers(convertTo, double, 4, 1, 4));
  define(`cvt${t}ss2si64`, toIntegers(convertTo, single, 8, 1, 8));
  define(`cvt${t}sd2si64`, toIntegers(convertTo, double, 8, 1, 8));
  define(`cvt${t}ps2dq`, toIntegers(convertTo, single, 4, 4, 16));
  define(`cvt${t}pd2dq`, toIntegers(convertTo, double, 4, 2, 16));
  define(`cvt${t}ps2pi`, toIntegers(convertTo, single, 4, 2, 8));
  define(`cvt${t}pd2pi`, toIntegers(convertTo, double, 4, 2, 8));
}

/**
 * Executes one operation of `SseOp` on operands in memory.
 *
 * `a` is the address of the destination operand's old value (16 bytes), `b` that of the source
 * (only the bytes that the instruction uses are read), `out` that of the result: 16 bytes, or
 * 4 or 8 where the destination is a general or an MMX register, or 4 with RFLAGS bits for COMIxx.
 * `out` may overlap `a` and `b`. It is not written if an unmasked exception is raised.
 *
 * @returns the exception flags that were raised, for `mxcsrUpdate`
 */
export function executeSse(dv: DataView, op: number, a: number, b: number, out: number, mxcsr: number): number {
  const handler = handlers[op & ((1 << SSE_IMMEDIATE_SHIFT) - 1)];
  if (!handler) throw new RangeError(`no SSE operation ${op}`);
  const context = mxcsrContext(mxcsr);
  const x: Execution = {
    dv,
    a,
    b,
    context,
    denormalsAreZero: (mxcsr & MXCSR_DAZ) !== 0,
    immediate: op >>> SSE_IMMEDIATE_SHIFT,
  };
  result.setBigUint64(0, dv.getBigUint64(a, true), true);
  result.setBigUint64(8, dv.getBigUint64(a + 8, true), true);
  const size = handler(x);
  // With an unmasked exception found in any lane's operands, no lane is computed.
  const unmaskedBefore = context.flags & PRE_COMPUTATION & ~context.masks;
  const flags = unmaskedBefore === 0 ? context.flags : context.flags & PRE_COMPUTATION;
  if ((flags & ~context.masks & ALL_EXCEPTIONS) !== 0) return flags;
  for (let i = 0; i < size; i += 4) dv.setUint32(out + i, result.getUint32(i, true), true);
  return flags;
}
