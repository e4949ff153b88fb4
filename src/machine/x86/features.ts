/**
 * CPUID features that the processor implements, by the names that Linux shows in /proc/cpuinfo
 * where it has one. The instruction table uses the same names.
 */
export const DEFAULT_FEATURES: ReadonlySet<string> = new Set([
  "base", "cmov", "cx8", "cx16", "fxsr", "syscall", "rdtscp", "popcnt", "lzcnt", "fsgsbase", "nopl", "lahf", "clflush", "clflushopt", "clwb",
  "3dnowprefetch", "erms", "fsrm", "movbe", "rdpid", "x87", "mmx", "mmxext", "sse", "sse2", "sse3", "ssse3",
  "sse4.1", "sse4.2",
]);
