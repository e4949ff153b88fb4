/** A machine that is measured: a child process whose standard output is the guest's console. */
export interface Guest {
  /** A column's key: "typervisor", "qemu64", "qemu-max", "v86". */
  readonly name: string;
  /** With versions, for the table's legend. */
  readonly description: string;
  readonly command: readonly [program: string, ...words: string[]];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Of every guest. */
export const MEMORY_MIB = 256;

/** Messages of a kernel's boot are left out: printing them on an emulated UART is slow. */
export const commandLine = (console: string): string => `console=${console} quiet panic=-1`;
