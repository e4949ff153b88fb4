/**
 * Numbers of the SSE floating-point operations, by which generated code calls `executeSse`.
 *
 * Names are the SDM's mnemonics; conversions from and to general registers have the register's
 * size behind. CMPxx takes its predicate (0..7) and ROUNDxx its immediate in bits 8 and up:
 * `SseOp.cmpps | predicate << SSE_IMMEDIATE_SHIFT`.
 */
// biome-ignore format: a table
export const SseOp = {
  addps: 0, addpd: 1, addss: 2, addsd: 3,
  subps: 4, subpd: 5, subss: 6, subsd: 7,
  mulps: 8, mulpd: 9, mulss: 10, mulsd: 11,
  divps: 12, divpd: 13, divss: 14, divsd: 15,
  minps: 16, minpd: 17, minss: 18, minsd: 19,
  maxps: 20, maxpd: 21, maxss: 22, maxsd: 23,
  sqrtps: 24, sqrtpd: 25, sqrtss: 26, sqrtsd: 27,
  cmpps: 28, cmppd: 29, cmpss: 30, cmpsd: 31,
  roundps: 32, roundpd: 33, roundss: 34, roundsd: 35,
  addsubps: 36, addsubpd: 37, haddps: 38, haddpd: 39, hsubps: 40, hsubpd: 41,
  comiss: 42, comisd: 43, ucomiss: 44, ucomisd: 45,
  cvtss2sd: 46, cvtsd2ss: 47, cvtps2pd: 48, cvtpd2ps: 49,
  cvtsi2ss32: 50, cvtsi2sd32: 51, cvtsi2ss64: 52, cvtsi2sd64: 53,
  cvtss2si32: 54, cvtsd2si32: 55, cvtss2si64: 56, cvtsd2si64: 57,
  cvttss2si32: 58, cvttsd2si32: 59, cvttss2si64: 60, cvttsd2si64: 61,
  cvtdq2ps: 62, cvtdq2pd: 63, cvtpi2ps: 64, cvtpi2pd: 65,
  cvtps2dq: 66, cvtpd2dq: 67, cvtps2pi: 68, cvtpd2pi: 69,
  cvttps2dq: 70, cvttpd2dq: 71, cvttps2pi: 72, cvttpd2pi: 73,
  rcpps: 74, rcpss: 75, rsqrtps: 76, rsqrtss: 77,
} as const;
export type SseOp = keyof typeof SseOp;

export const SSE_IMMEDIATE_SHIFT = 8;
