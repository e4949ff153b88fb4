/** `typervisor top`: the domains and what they use, again and again. Columns as those of xentop. */
import { type ControlClient, type DomainStatus, type Event, openTerminal } from "../../client.ts";
import { ExitStatus, signalStatus, UserError } from "../exit-status.ts";
import { stateLetters } from "./list.ts";
import { addMachineVerb, GROUPS, print, type VerbContext } from "./verb.ts";

interface TopFlags {
  readonly batch?: boolean;
  readonly delay: string;
  readonly iterations?: string;
}

type Sample = Event<"top">;

export function addTopVerb(context: VerbContext): void {
  addMachineVerb<[], TopFlags>(
    context,
    {
      usage: "top",
      group: GROUPS.inspect,
      description: "show what domains use, live; q quits",
      options: [
        ["-b, --batch", "print it as text"],
        ["-d, --delay <seconds>", "time between two looks", "2"],
        ["-i, --iterations <n>", "end after so many (with -b: 1 if not given)"],
      ],
      examples: ["typervisor top", "typervisor top -b -d 1"],
    },
    async (client, _args, { batch, delay, iterations }) => {
      const seconds = Number(delay);
      if (!(seconds >= 0.1 && seconds <= 3600))
        throw new UserError(`--delay ${delay}: 0.1 to 3600 seconds`, ExitStatus.Usage);
      if (iterations !== undefined && !/^[1-9]\d{0,8}$/.test(iterations)) {
        throw new UserError(`--iterations ${iterations}: no number`, ExitStatus.Usage);
      }
      const live = batch !== true && process.stdin.isTTY === true && process.stdout.isTTY === true;
      const count = iterations === undefined ? (live ? Number.POSITIVE_INFINITY : 1) : Number(iterations);
      return live ? showLive(client, seconds, count) : await showBatch(client, seconds, count);
    },
  );
}

/** Shares are of the time between two looks, so the first look shows nothing. */
async function showBatch(client: ControlClient, seconds: number, count: number): Promise<number> {
  await watch(client, seconds, count, (sample, before) => print(screen(sample, before).join("\n")));
  return 0;
}

async function showLive(client: ControlClient, seconds: number, count: number): Promise<number> {
  const terminal = openTerminal(process.stdin, process.stdout);
  const write = (text: string): void => void terminal.write(new TextEncoder().encode(text));
  let status = 0;
  // The alternate screen, no cursor.
  write("\x1b[?1049h\x1b[?25l\x1b[H looking...");
  try {
    await watch(
      client,
      seconds,
      count,
      (sample, before) => {
        const { columns, rows } = terminal.size() ?? { columns: 80, rows: 24 };
        const lines = [...screen(sample, before), "", "q: quit"].slice(0, rows);
        write(`\x1b[H${lines.map((line) => `${line.slice(0, columns)}\x1b[K`).join("\r\n")}\x1b[J`);
      },
      (stop) => {
        // q, Q, Ctrl-C, Ctrl-D.
        const unlisten = terminal.onInput((bytes) => {
          if ([0x71, 0x51, 0x03, 0x04].some((key) => bytes.includes(key))) stop();
        });
        const onSignal = (_name: string, number: number): void => {
          status = signalStatus(number);
          stop();
        };
        for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, onSignal);
        return () => {
          unlisten();
          for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(signal, onSignal);
        };
      },
    );
  } finally {
    write("\x1b[?25h\x1b[?1049l");
    terminal.restore();
  }
  return status;
}

/** Calls `show` with each two samples in a row, `count` times or until it is stopped. */
async function watch(
  client: ControlClient,
  seconds: number,
  count: number,
  show: (sample: Sample, before: Sample) => void,
  listen: (stop: () => void) => () => void = () => () => {},
): Promise<void> {
  let before: Sample | undefined;
  let shown = 0;
  let stop = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const unlisten = listen(stop);
  const request = client.stream("top", { milliseconds: Math.round(seconds * 1000) }, (sample) => {
    if (before !== undefined && shown < count) {
      show(sample, before);
      if (++shown === count) stop();
    }
    before = sample;
  });
  try {
    await Promise.race([request.result, stopped]);
  } finally {
    unlisten();
    request.cancel();
  }
}

function screen(sample: Sample, before: Sample): string[] {
  const { machine, domains } = sample;
  const count = (test: (letters: string) => boolean): number => domains.map(stateLetters).filter(test).length;
  const kibibytes = (bytes: number): string => `${Math.round(bytes / 1024)}k`;
  const used = machine.totalMemoryBytes - machine.freeMemoryBytes;
  const seconds = machine.upSeconds - before.machine.upSeconds;
  const earlier = new Map(before.domains.map((domain) => [domain.id, domain]));
  const share = (domain: DomainStatus): number =>
    seconds > 0 ? ((domain.cpuSeconds - (earlier.get(domain.id)?.cpuSeconds ?? 0)) / seconds) * 100 : 0;
  const part = (bytes: number): string => ((bytes / machine.totalMemoryBytes) * 100).toFixed(1);
  const rows = [...domains]
    .sort((a, b) => share(b) - share(a) || a.id - b.id)
    .map((domain) =>
      row([
        domain.name,
        stateLetters(domain),
        domain.cpuSeconds.toFixed(0),
        share(domain).toFixed(1),
        String(Math.round(domain.memoryBytes / 1024)),
        part(domain.memoryBytes),
        String(Math.round(domain.maximumMemoryBytes / 1024)),
        part(domain.maximumMemoryBytes),
        String(domain.vcpus),
      ]),
    );
  return [
    `typervisor top - ${new Date().toTimeString().slice(0, 8)}   Typervisor ${machine.version}, Xen ${machine.xenMajor}.${machine.xenMinor}`,
    `${domains.length} domains: ${count((l) => l[0] === "r")} running, ${count((l) => l[1] === "b")} blocked, ` +
      `${count((l) => l[2] === "p")} paused, ${count((l) => l[4] === "c")} crashed`,
    `Mem: ${kibibytes(machine.totalMemoryBytes)} total, ${kibibytes(used)} used, ${kibibytes(machine.freeMemoryBytes)} free    CPUs: ${machine.processors}`,
    row(["NAME", "STATE", "CPU(sec)", "CPU(%)", "MEM(k)", "MEM(%)", "MAXMEM(k)", "MAXMEM(%)", "VCPUS"]),
    ...rows,
  ];
}

const WIDTHS = [20, 6, 9, 6, 10, 6, 10, 9, 5];

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => (i === 0 ? cell.slice(0, 20).padStart(20) : cell.padStart(WIDTHS[i] ?? 0))).join(" ");
}
