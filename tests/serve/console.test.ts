/** Consoles with many readers: what they see, who may type, and what becomes of slow ones. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Console } from "../../src/backends/console/console.ts";
import { type ControlClient, connectToMachine, type ServedMachine } from "../../src/node.ts";
import { ConsoleHub, type ConsoleReader } from "../../src/toolstack/control/console-hub.ts";
import { MessageBuffer } from "../../src/toolstack/control/message-buffer.ts";
import { Directories, serve, until } from "./machine.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A reader that keeps what it is shown; with a gate, only when it is opened. */
class Reader implements ConsoleReader {
  text = "";
  lost = 0;
  cancelled = false;
  open: () => void = () => {};
  #gated = false;
  #listener: () => void = () => {};

  show(shown: Uint8Array, lost: number): Promise<void> {
    this.text += new TextDecoder().decode(shown);
    this.lost += lost;
    if (!this.#gated) return Promise.resolve();
    return new Promise((resolve) => {
      this.open = resolve;
    });
  }
  /** Takes no more than one piece at a time from now on. */
  gate(): this {
    this.#gated = true;
    return this;
  }
  release(): void {
    this.#gated = false;
    this.open();
  }
  onCancel(listener: () => void): () => void {
    this.#listener = listener;
    return () => {};
  }
  cancel(): void {
    this.cancelled = true;
    this.#listener();
  }
}

function hub(): { hub: ConsoleHub; print(text: string): Promise<void>; end(): void; log: string[] } {
  const console = new Console();
  const log: string[] = [];
  const made = new ConsoleHub(console, (logged) => log.push(new TextDecoder().decode(logged)));
  const output = console.output as unknown as { push(bytes: Uint8Array): void };
  const print = async (text: string): Promise<void> => {
    output.push(bytes(text));
    await turn();
  };
  return { hub: made, print, end: () => console.end(), log };
}

test("all readers see all output; who comes later sees the last of it; the log has everything", async () => {
  const { hub: console, print, end, log } = hub();
  const early = new Reader();
  const following = console.follow(early);
  await print("one ");
  await print("two ");
  const late = new Reader();
  const alsoFollowing = console.follow(late);
  await print("three");
  await turn();
  assert.equal(early.text, "one two three");
  assert.equal(late.text, "one two three");
  end();
  await Promise.all([following, alsoFollowing]);
  const afterwards = new Reader();
  await console.follow(afterwards);
  assert.equal(afterwards.text, "one two three");
  assert.equal(log.join(""), "one two three");
});

test("a new reader is shown 16 KiB; a slow one misses what is older than 64 KiB, and is told", async () => {
  const { hub: console, print, end } = hub();
  const line = "x".repeat(1023);
  for (let i = 0; i < 100; i++) await print(`${line}\n`);
  const slow = new Reader().gate();
  const following = console.follow(slow);
  await turn();
  assert.equal(slow.text.length, 16 << 10);
  assert.equal(slow.lost, 0);
  for (let i = 0; i < 200; i++) await print(`${String(i).padStart(1023, "y")}\n`);
  end();
  slow.release();
  await following;
  assert.equal(slow.lost, (200 - 64) << 10);
  assert.equal(slow.text.length, (16 + 64) << 10);
  assert.match(slow.text, /y136\n/);
  assert.match(slow.text, /y199\n$/);
});

test("the last of it is right, however it came", async () => {
  for (const lengths of [
    [1, 2, 3, 5000, 20_000, 40_000, 30_000, 7],
    [100_000, 1],
    [65_535, 1, 1],
    [65_536, 65_537],
  ]) {
    const { hub: console, print } = hub();
    let all = "";
    for (const length of lengths) {
      const text = Array.from({ length }, (_, i) => String.fromCharCode(33 + ((all.length + i * 7) % 90))).join("");
      all += text;
      await print(text);
      const reader = new Reader();
      void console.follow(reader);
      await turn();
      reader.cancel();
      assert.ok(reader.text === all.slice(-(16 << 10)), `after ${all.length} bytes`);
    }
  }
});

test("a reader who goes is not waited for", async () => {
  const { hub: console, print } = hub();
  const reader = new Reader();
  const following = console.follow(reader);
  await print("x");
  reader.cancel();
  await following;
  await print("y");
  assert.equal(reader.text, "x");
});

test("input that a guest does not take is bounded", async () => {
  const { hub: console, end } = hub();
  const piece = new Uint8Array(16 << 10);
  const waiting = Array.from({ length: 4 }, () => console.type(piece));
  await assert.rejects(console.type(piece), /the guest does not read its console/);
  end();
  await Promise.all(waiting);
  await assert.rejects(console.type(piece), { code: "unavailable" });
});

test("messages: the newest, one line each, nothing that a terminal obeys", () => {
  const seen: string[] = [];
  const messages = new MessageBuffer(
    () => 1.5,
    (line) => seen.push(line),
    200,
  );
  messages.add("first\nsecond\n\n");
  messages.add("\x1b[31mred\x07\r\n", "d3");
  assert.equal(
    messages.toString(),
    "(XEN) [    1.500000] first\n(XEN) [    1.500000] second\n(d3) [    1.500000] [31mred\n",
  );
  for (let i = 0; i < 100; i++) messages.add(`line ${i}`);
  assert.ok(messages.toString().length <= 200);
  assert.match(messages.toString(), /line 99\n$/);
  assert.equal(seen.length, 103);
  messages.add("x".repeat(10_000));
  assert.ok(messages.toString().length < 1100);
});

const directories = new Directories();
const clients: ControlClient[] = [];
let machine: ServedMachine;
before(async () => {
  machine = await serve(directories, "32M");
});
after(async () => {
  for (const client of clients) client.close();
  machine.stop(true);
  await machine.stopped;
  directories.remove();
});

async function client(): Promise<ControlClient> {
  const connected = await connectToMachine(directories.paths().socket);
  clients.push(connected);
  return connected;
}

test("several clients: all see the output, each may type, one that detaches disturbs nobody", async () => {
  const kernel = directories.guest("echo", { prints: "> ", echo: true, ends: "poweroff" });
  const spec = {
    name: "echo",
    kernel,
    memoryBytes: 4 << 20,
    vcpus: 1,
    onPoweroff: "destroy" as const,
    onReboot: "restart" as const,
    onWatchdog: "destroy" as const,
    onCrash: "destroy" as const,
  };
  const [one, two] = [await client(), await client()];
  await one.request("create", { spec, paused: false });
  const seen = ["", "", ""];
  const attach = (who: ControlClient, index: number) =>
    who.stream("console", { domain: "echo" }, ({ data }) => {
      seen[index] += new TextDecoder().decode(data);
    });
  const first = attach(one, 0);
  const second = attach(two, 1);
  const third = attach(two, 2);
  await until(() => seen.every((text) => text === "> "), "the prompt");
  await one.request("consoleInput", { domain: "echo", data: bytes("from one, ") });
  third.cancel();
  await assert.rejects(third.result, { code: "cancelled" });
  await two.request("consoleInput", { domain: "echo", data: bytes("from two\n") });
  assert.deepEqual(await first.result, { reason: "poweroff" });
  assert.deepEqual(await second.result, { reason: "poweroff" });
  assert.equal(seen[0], "> from one, from two\n");
  assert.equal(seen[1], seen[0]);
});

test("many clients at once: each gets its own answers", async () => {
  const many = await Promise.all(Array.from({ length: 20 }, client));
  await Promise.all(
    many.map(async (one, i) => {
      const path = `/tool/client-${i}`;
      for (let round = 0; round < 20; round++) {
        await one.request("storeWrite", { path, value: bytes(`${i} ${round}`) });
        const { value } = await one.request("storeRead", { path });
        assert.deepEqual(Buffer.from(value ?? []).toString(), `${i} ${round}`);
      }
    }),
  );
});
