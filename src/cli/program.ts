/** The command line: verbs, options, help. */
import { Command, CommanderError } from "commander";
import { ExitStatus, UserError } from "./exit-status.ts";
import { parseRunOptions, protectOptionalValue, type RawOptions, type RunOptions } from "./options.ts";
import { output } from "./output.ts";
import { addVerbs, GROUPS } from "./verbs/index.ts";

const EXAMPLES = `
Examples:
  typervisor run
      Boots Debian's kernel to a shell. The first run fetches kernel and busybox
      with apt-get download (no root needed) and keeps them in ~/.cache/typervisor.

  typervisor run -- uname -a
      Boots, runs one command as root, and exits with the command's status.

  tar c src | typervisor run -- sh -c 'tar x && find . -type f | wc -l'
      The command's input, output and errors are ours.

  typervisor run --memory 512M --append 'loglevel=7' --stats=stats.json
      More memory, more kernel messages, and counters of all kinds as JSON.

  typervisor run --profile boot.cpuprofile -- true
      Where the time goes, by function; see docs/profiling.md.

  typervisor run --kernel vmlinuz --ramdisk initrd.img --append 'console=hvc0'
      Another kernel with Xen PV support (bzImage or ELF) and ramdisk.

On a terminal, Ctrl-] leaves the console. The machine lives in this process, so
leaving ends it; typervisor asks first.

Exit status: that of the command; 0 after a power-off; 1 when something needed is
missing or broken; 2 for a bad command line; 70 when the guest crashed, with a
report; 124 when --timeout was over; 128 + N when signal N ended typervisor.`;

const FIRST_STEPS = `
First steps:
  typervisor run                      a shell in a Linux guest, in this process
  typervisor serve --daemon           a machine that lives, then:
  typervisor create name=first -c     a domain on it, with its console (Ctrl-] detaches)
  typervisor list                     the domains, as xl shows them
  typervisor stop                     the end

Each verb has examples: typervisor create --help. Domains are named by name or id.`;

export interface Verbs {
  run(options: RunOptions): Promise<number>;
}

/** The values of an option that can be repeated. */
const collect = (value: string, previous: readonly string[] = []): readonly string[] => [...previous, value];

/** Runs the command line, and returns the exit status. @throws UserError */
export async function runProgram(argv: readonly string[], version: string, verbs: Verbs): Promise<number> {
  let status = 0;
  const program = new Command("typervisor")
    .description("A paravirtualizing hypervisor in TypeScript: boots Linux as a Xen PV guest.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: () => {}, writeOut: (text) => output.out(text) });

  program
    .command("run")
    .helpGroup(GROUPS.run)
    .description("boot a guest and attach to its console, or run one command in it")
    .usage("[options] [-- COMMAND ARG...]")
    .argument("[command...]", "command to run in the guest, as root")
    .option("--kernel <file>", "kernel with Xen PV support (default: Debian's, fetched once)")
    .option("--ramdisk <file>", "initial ramdisk (default: busybox; none if --kernel is given without a command)")
    .option("--append <string>", "add to the kernel's command line")
    .option("--memory <size>", "memory of the guest: 256M, 1G; a number alone is MiB", "256M")
    .option("--vcpus <number>", "number of virtual processors", "1")
    .option("--no-tty", "don't use the terminal as one: plain bytes in and out")
    .option("--timeout <seconds>", "end the guest after this time, with status 124")
    .option("--virtual-time", "time passes with the instructions executed: runs repeat exactly")
    .option("--stats [file]", "print statistics as JSON when the guest has ended (--stats=FILE: into a file)")
    .option("--profile <file>", "write where time goes, for Chrome's and Firefox's profile viewers (.cpuprofile)")
    .option(
      "--symbols <file>",
      "names for a profile: a program at fixed addresses, or a System.map; repeatable",
      collect,
    )
    .option("--system-map <file>", "System.map of the kernel, for one that has no symbols in itself")
    .passThroughOptions()
    .addHelpText("after", EXAMPLES)
    .exitOverride()
    .action(async (command: string[], raw: RawOptions) => {
      status = await verbs.run(parseRunOptions(raw, command));
    });

  const setStatus = (code: number): void => {
    status = code;
  };
  addVerbs({ program, version, setStatus });
  program.addHelpText("after", FIRST_STEPS);

  try {
    if (argv.length === 0) {
      program.outputHelp();
      return ExitStatus.Usage;
    }
    await program.parseAsync(protectOptionalValue(argv), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version have been printed.
    if (error.exitCode === 0) return 0;
    const message = error.message.replace(/^error: /, "").split("\n")[0] ?? "";
    throw new UserError(`${message} (see typervisor --help)`, ExitStatus.Usage);
  }
  return status;
}
