/** Constants as fixed-point numbers with `CONSTANT_BITS` bits after the point, truncated. */
export const CONSTANT_BITS = 256;
export const PI = 0x3_243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89n;
export const LN2 = 0xb17217f7d1cf79abc9e3b39803f2f6af40f343267298b62d8a0d175b8baafa2bn;
/** log2(10) */
export const LOG2T = 0x3_5269e12f346e2bf924afdbfd36bf6d3365b157f8deceb53a46dab2020b9e1674n;
/** log2(e) */
export const LOG2E = 0x1_71547652b82fe1777d0ffda0d23a7d11d6aef551bad2b4b1164a2cd9a342648fn;
/** log10(2) */
export const LG2 = 0x4d104d427de7fbcc47c4acd605be48bc13569862a1e8f9a4c52f37935be631e5n;
/**
 * The pi that FSIN, FCOS, FSINCOS and FPTAN reduce their arguments by has 66 bits (SDM vol. 1
 * §8.3.8), so that results for large arguments are those of real processors, not of mathematics.
 */
export const PI_66 = 0xc90fdaa22168c234cn;
/** Bits after the point of `PI_66`. */
export const PI_66_BITS = 66;
