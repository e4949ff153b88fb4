/** What is measured: the programs, in groups, and how often each repeats its work. */

export type Group = "integer" | "floating point" | "memory" | "text, interpreter, compiler" | "operating system";

export interface Program {
  readonly name: string;
  readonly group: Group;
  /** Sized for about a third of a second under QEMU. */
  readonly count: number;
  /** Kernel operations in one repetition, if not one. */
  readonly operations?: number;
  /** Its words in the guest, where it is not just NAME COUNT. */
  readonly command?: (count: number) => string;
  /** What is special on the linker's command line. */
  readonly libraries?: readonly string[];
}

export const GROUPS: readonly Group[] = [
  "integer",
  "floating point",
  "memory",
  "text, interpreter, compiler",
  "operating system",
];

/** The groups of which issue 3 speaks as processor programs. */
export const PROCESSOR_GROUPS: readonly Group[] = GROUPS.filter((group) => group !== "operating system");

const script = (name: string) => (count: number) => `sh ${name}.sh ${count}`;

export const PROGRAMS: readonly Program[] = [
  { name: "sieve", group: "integer", count: 30 },
  { name: "mix", group: "integer", count: 2400 },
  { name: "sha256", group: "integer", count: 120 },
  { name: "qsort", group: "integer", count: 8 },
  { name: "arith64", group: "integer", count: 3000 },

  { name: "nbody", group: "floating point", count: 200 },
  { name: "mandelbrot", group: "floating point", count: 16 },
  { name: "matrix", group: "floating point", count: 30 },
  { name: "longdouble", group: "floating point", count: 1000 },

  { name: "copy", group: "memory", count: 60 },
  { name: "chase", group: "memory", count: 2000 },

  { name: "gzip", group: "text, interpreter, compiler", count: 3, command: script("gzip") },
  { name: "awk", group: "text, interpreter, compiler", count: 1, command: script("awk") },
  {
    name: "lua",
    group: "text, interpreter, compiler",
    count: 150,
    command: (count) => `./lua workload.lua ${count}`,
    libraries: ["-llua5.4", "-ldl", "-lm"],
  },
  {
    name: "tcc",
    group: "text, interpreter, compiler",
    count: 2,
    command: (count) => `./tcc lua-core.i ${count}`,
    libraries: ["-ltcc", "-ldl"],
  },

  { name: "syscall", group: "operating system", count: 600_000 },
  { name: "pipe", group: "operating system", count: 3000 },
  { name: "fork", group: "operating system", count: 150 },
  { name: "exec", group: "operating system", count: 100 },
  { name: "faults", group: "operating system", count: 30, operations: 1024 },
  { name: "mmap", group: "operating system", count: 2500 },
  { name: "signal", group: "operating system", count: 40_000 },
  { name: "shell", group: "operating system", count: 40, command: script("shell") },
];

/** @throws for names that no program has */
export function selectPrograms(names: readonly string[]): readonly Program[] {
  for (const name of names) {
    if (!PROGRAMS.some((program) => program.name === name)) throw new Error(`there is no program "${name}"`);
  }
  return names.length === 0 ? PROGRAMS : PROGRAMS.filter(({ name }) => names.includes(name));
}

export const repetitions = ({ count }: Program, scale: number): number => Math.max(1, Math.round(count * scale));

/** How a program is started in the guest, in its directory. */
export function guestCommand(program: Program, scale: number): string {
  const count = repetitions(program, scale);
  return program.command?.(count) ?? `./${program.name} ${count}`;
}
