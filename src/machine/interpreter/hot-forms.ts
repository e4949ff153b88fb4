/**
 * Forms in the order of how often they are executed, as example encodings. Measured over a boot of
 * the Debian kernel to a shell and a few user programs (bench/forms.ts prints such a list).
 */

/** Forms with a case in the interpreter's switch; entries of two instructions are fused pairs. */
export const INLINE_FORMS: readonly string[] = [];

/** Forms whose functions come with the first module. */
export const KNOWN_FORMS: readonly string[] = [];
