/** Boots the default guest with a shell on its pipes: one boot serves many commands. */
import {
  commandRamdisk,
  createMachine,
  type Domain,
  GuestAgent,
  type Machine,
  obtainGuestImage,
} from "../../src/node.ts";

export interface ShellResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

export interface ShellOptions {
  readonly virtualTime?: boolean;
  /** An archive to unpack over the default guest's files. */
  readonly files?: Uint8Array;
  readonly memory?: string;
  readonly vcpus?: number;
  readonly maxVcpus?: number;
  readonly maxMemory?: string;
  /** The machine to boot on. Default: one of its own, of `maxMemory`. */
  readonly machine?: Machine;
}

/** Ends the output of each script (ASCII record separator). */
const MARK = "\x1e";

/** Why the guest cannot be had on this host, for `skip`; false if it can. */
export async function noGuest(): Promise<string | false> {
  try {
    await obtainGuestImage();
    return false;
  } catch (error) {
    return `no guest image: ${(error as Error).message.split("\n")[0]}`;
  }
}

export class GuestShell {
  readonly machine: Machine;
  readonly domain: Domain;
  readonly #agent: GuestAgent;
  readonly #outputs: readonly Output[];

  private constructor(machine: Machine, domain: Domain) {
    this.machine = machine;
    this.domain = domain;
    const [, control, data, error] = domain.consoles.map(({ raw }) => raw);
    if (!control || !data || !error) throw new Error("a shell needs four consoles");
    this.#agent = new GuestAgent(control, data);
    this.#outputs = [data, error].map(({ output }) => new Output(output));
  }

  static async boot(options: ShellOptions = {}): Promise<GuestShell> {
    const image = await obtainGuestImage();
    const { files = new Uint8Array(0), memory = "256M", maxMemory = memory, virtualTime = false } = options;
    const { vcpus = 1, maxVcpus = vcpus } = options;
    const machine = options.machine ?? (await createMachine({ memory: maxMemory, virtualTime }));
    const domain = await machine.createDomain({
      kernel: image.kernel,
      ramdisk: commandRamdisk(Buffer.concat([image.ramdisk, files]), { argv: ["sh"], stdin: "stream" }),
      commandLine: "console=hvc0",
      memory,
      maxMemory,
      consoles: 4,
      vcpus,
      maxVcpus,
    });
    return new GuestShell(machine, domain);
  }

  /** Runs a script in a subshell. Rejects if the guest ends meanwhile. */
  async run(script: string): Promise<ShellResult> {
    const end = `printf '${MARK}%d${MARK}' $?; printf '${MARK}%d${MARK}' 0 >&2`;
    this.send(`(\n${script}\n) </dev/null; ${end}\n`);
    const results = await Promise.all(this.#outputs.map((output) => output.untilMark()));
    const [out, err] = results;
    if (!out || !err) throw new Error(`the guest has ended in: ${script}`);
    return { stdout: out.text, stderr: err.text, status: out.status };
  }

  /** Types into the shell without waiting for what comes. */
  send(text: string): void {
    void this.#agent.write(Buffer.from(text));
  }
}

/** One stream of output, cut where scripts end. */
class Output {
  readonly #source: AsyncIterator<Uint8Array>;
  #text = "";

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async untilMark(): Promise<{ text: string; status: number } | undefined> {
    for (;;) {
      const [text, status, rest] = this.#text.split(MARK);
      if (text !== undefined && status !== undefined && rest !== undefined) {
        this.#text = rest;
        return { text, status: Number(status) };
      }
      const { value, done } = await this.#source.next();
      if (done) return undefined;
      this.#text += Buffer.from(value).toString("latin1");
    }
  }
}
