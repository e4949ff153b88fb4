/** CPUID feature bits, by the names of the instruction table and of /proc/cpuinfo. */

/** A word of feature bits: where CPUID has it. */
export type FeatureWord =
  | "1.edx"
  | "1.ecx"
  | "7.ebx"
  | "7.ecx"
  | "7.edx"
  | "e1.edx"
  | "e1.ecx"
  | "e7.edx"
  | "e8.ebx"
  | "e21.eax";

type Bits = readonly (readonly [FeatureWord, number])[];

const bit = (word: FeatureWord, n: number): Bits => [[word, n]];
/** AMD repeats these bits of leaf 1 in leaf 0x80000001. */
const mirrored = (n: number): Bits => [
  ["1.edx", n],
  ["e1.edx", n],
];

/** Instructions that the processor must implement for the bit to be set. */
export const PROCESSOR_FEATURES: Readonly<Record<string, Bits>> = {
  x87: mirrored(0),
  cx8: mirrored(8),
  cmov: mirrored(15),
  clflush: bit("1.edx", 19),
  mmx: mirrored(23),
  fxsr: mirrored(24),
  sse: bit("1.edx", 25),
  sse2: bit("1.edx", 26),
  sse3: bit("1.ecx", 0),
  pclmulqdq: bit("1.ecx", 1),
  ssse3: bit("1.ecx", 9),
  cx16: bit("1.ecx", 13),
  "sse4.1": bit("1.ecx", 19),
  "sse4.2": bit("1.ecx", 20),
  movbe: bit("1.ecx", 22),
  popcnt: bit("1.ecx", 23),
  aes: bit("1.ecx", 25),
  rdrand: bit("1.ecx", 30),
  fsgsbase: bit("7.ebx", 0),
  bmi1: bit("7.ebx", 3),
  bmi2: bit("7.ebx", 8),
  erms: bit("7.ebx", 9),
  fsrm: bit("7.edx", 4),
  rdseed: bit("7.ebx", 18),
  adx: bit("7.ebx", 19),
  clflushopt: bit("7.ebx", 23),
  clwb: bit("7.ebx", 24),
  sha: bit("7.ebx", 29),
  gfni: bit("7.ecx", 8),
  rdpid: bit("7.ecx", 22),
  syscall: bit("e1.edx", 11),
  mmxext: bit("e1.edx", 22),
  rdtscp: bit("e1.edx", 27),
  lahf: bit("e1.ecx", 0),
  lzcnt: bit("e1.ecx", 5),
  sse4a: bit("e1.ecx", 6),
  "3dnowprefetch": bit("e1.ecx", 8),
  clzero: bit("e8.ebx", 0),
  wbnoinvd: bit("e8.ebx", 9),
};

/** What the machine has whatever its instructions: translation, time, and what the hypervisor emulates. */
export const PLATFORM_FEATURES: Readonly<Record<string, Bits>> = {
  de: mirrored(2),
  tsc: mirrored(4),
  msr: mirrored(5),
  pae: mirrored(6),
  mce: mirrored(7),
  apic: mirrored(9),
  mca: mirrored(14),
  pat: mirrored(16),
  hypervisor: bit("1.ecx", 31),
  nx: bit("e1.edx", 20),
  lm: bit("e1.edx", 29),
  invariant_tsc: bit("e7.edx", 8),
  // Nothing is executed speculatively, so nothing leaks that way: say so, and spare guests their work-arounds.
  ssb_no: bit("e8.ebx", 26),
  lfence_rdtsc: bit("e21.eax", 2),
  autoibrs: bit("e21.eax", 8),
  srso_no: bit("e21.eax", 29),
};

/** x86-64-v1 and what any 64-bit Linux expects. Used where a processor does not say what it has. */
export const DEFAULT_FEATURES: ReadonlySet<string> = new Set([
  "x87",
  "cx8",
  "cmov",
  "clflush",
  "mmx",
  "fxsr",
  "sse",
  "sse2",
  "cx16",
  "fsgsbase",
  "syscall",
  "rdtscp",
  "lahf",
]);

/** The feature words of a processor that implements `features`. Names without a CPUID bit are ignored. */
export function featureWords(features: ReadonlySet<string>): Record<FeatureWord, number> {
  const words: Record<FeatureWord, number> = {
    "1.edx": 0,
    "1.ecx": 0,
    "7.ebx": 0,
    "7.ecx": 0,
    "7.edx": 0,
    "e1.edx": 0,
    "e1.ecx": 0,
    "e7.edx": 0,
    "e8.ebx": 0,
    "e21.eax": 0,
  };
  const set = (bits: Bits | undefined): void => {
    for (const [word, n] of bits ?? []) words[word] = (words[word] | (1 << n)) >>> 0;
  };
  for (const bits of Object.values(PLATFORM_FEATURES)) set(bits);
  for (const name of features) set(PROCESSOR_FEATURES[name]);
  return words;
}
