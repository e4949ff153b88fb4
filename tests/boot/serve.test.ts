/** Debian's kernel on a machine that lives: created, used by its console, shut down from outside. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type ControlClient, connectToMachine, machinePaths } from "../../src/node.ts";
import { noGuest } from "./guest-shell.ts";

const skip = await noGuest();
const root = mkdtempSync(join(tmpdir(), "tv-"));
after(() => rmSync(root, { recursive: true, force: true }));
const environment = { ...process.env, XDG_RUNTIME_DIR: join(root, "run"), XDG_STATE_HOME: join(root, "state") };

/** Runs a verb to its end. */
function typervisor(...argv: string[]): Promise<{ status: number | null; output: string }> {
  const child = spawn(process.execPath, ["--import", "tsx", "src/cli/main.ts", ...argv, "--name", "boot"], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (output += bytes.toString()));
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, output })));
}

/** The console of a domain, as text that can be waited for. */
class ConsoleText {
  text = "";
  readonly #client: ControlClient;
  constructor(client: ControlClient, domain: string) {
    this.#client = client;
    client.stream("console", { domain }, ({ data }) => {
      this.text += new TextDecoder().decode(data);
    });
  }
  async until(wanted: string): Promise<void> {
    for (let tries = 0; !this.text.includes(wanted); tries++) {
      assert.ok(tries < 4000, `without ${wanted}: ${this.text.slice(-2000)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  async type(domain: string, text: string): Promise<void> {
    await this.#client.request("consoleInput", { domain, data: new TextEncoder().encode(text) });
  }
}

test("serve, create, console, shutdown -w, stop", { skip }, async () => {
  const started = await typervisor("serve", "--daemon", "--memory", "320M");
  assert.equal(started.status, 0, started.output);
  const { socket } = machinePaths("boot", environment);
  const client = await connectToMachine(socket);
  try {
    const created = await typervisor("create", "name=debian", "memory=256");
    assert.match(created.output, /domain debian is created, its id is 1\n$/);
    const console = new ConsoleText(client, "debian");
    await console.until("root@debian");
    await console.type("debian", "cat /sys/hypervisor/uuid; echo $((6 * 7)) is it\r");
    await console.until("\n42 is it");
    const { domains } = await client.request("list", {});
    assert.ok(console.text.includes(domains[0]?.uuid ?? "no uuid"));
    assert.ok((domains[0]?.cpuSeconds ?? 0) > 0.5);

    await typervisor("pause", "debian");
    assert.match((await typervisor("list")).output, /\ndebian +1 +256 +1 +-[-b]p--- /);
    await typervisor("unpause", "debian");
    assert.equal((await typervisor("trigger", "debian", "nmi")).status, 0);
    assert.equal((await typervisor("sysrq", "debian", "h")).status, 0);
    await console.until("sysrq: HELP");

    assert.deepEqual(await typervisor("shutdown", "-w", "debian"), { status: 0, output: "" });
    assert.match(console.text, /reboot: (Power down|System halted)/);
    assert.deepEqual((await client.request("list", {})).domains, []);
  } finally {
    await client.request("stop", { now: true });
    await client.ended;
  }
});
