/** IEEE 754 arithmetic as x86 does it. */
export * from "./arithmetic.ts";
export * from "./compare.ts";
export * from "./context.ts";
export * from "./convert.ts";
export * from "./float.ts";
export * from "./mxcsr.ts";
export * from "./nan.ts";
export * from "./reciprocal.ts";
export * from "./remainder.ts";
export * from "./round.ts";
export * from "./sse.ts";
export * from "./sse-op.ts";
