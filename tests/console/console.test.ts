import assert from "node:assert/strict";
import { test } from "node:test";
import { xenconsInterface } from "../../src/abi/io/console.ts";
import { Console } from "../../src/backends/console/console.ts";
import { readableConsole, writableConsole } from "../../src/backends/console/streams.ts";

/** The guest's driver at the other end. */
class Guest {
  readonly bytes = new Uint8Array(4096);
  readonly page = xenconsInterface.at({ u8: this.bytes, dv: new DataView(this.bytes.buffer) }, 0);
  notifications = 0;
  readonly console: Console;

  constructor(console: Console) {
    this.console = console;
    console.connect({ page: this.bytes, notify: () => this.notifications++ });
  }

  /** Writes as much as there is room for; returns the number of bytes. */
  print(text: string): number {
    const room = Math.min(2048 - ((this.page.out_prod - this.page.out_cons) >>> 0), text.length);
    for (let i = 0; i < room; i++) this.page.out[(this.page.out_prod + i) % 2048] = text.charCodeAt(i);
    this.page.out_prod = (this.page.out_prod + room) >>> 0;
    this.console.onEvent();
    return room;
  }

  typed(): string {
    let text = "";
    while (this.page.in_cons !== this.page.in_prod) {
      text += String.fromCharCode(this.page.in[this.page.in_cons % 1024] ?? 0);
      this.page.in_cons = (this.page.in_cons + 1) >>> 0;
    }
    this.console.onEvent();
    return text;
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array | undefined): string => new TextDecoder().decode(data);

test("output before anybody reads is kept, the newest of it", async () => {
  const console = new Console(3000);
  const guest = new Guest(console);
  for (const letter of "abc") assert.equal(guest.print(letter.repeat(2000)), 2000);
  assert.equal(text(await console.output.next()), "c".repeat(2000));
  assert.equal(console.bytesWritten, 6000);
});

test("a reader gets each byte; one that falls behind stops the guest", async () => {
  const console = new Console(3000);
  const guest = new Guest(console);
  const first = console.output.next();
  guest.print("first");
  assert.equal(text(await first), "first");
  const all = "x".repeat(2000) + "y".repeat(2000) + "z".repeat(2000);
  let at = 0;
  while (at < all.length) {
    const taken = guest.print(all.slice(at));
    if (taken === 0) break;
    at += taken;
  }
  assert.ok(at >= 3000 && at <= 3000 + 2048, `stopped after ${at}`);
  let got = "";
  while (got.length < all.length) {
    got += text(await console.output.next());
    at += guest.print(all.slice(at));
  }
  assert.equal(got, all);
});

test("input waits until the guest takes it", async () => {
  let woken = 0;
  const console = new Console(undefined, () => woken++);
  let done = false;
  const write = console.write(bytes("a".repeat(1500))).then(() => {
    done = true;
  });
  assert.equal(woken, 1);
  const guest = new Guest(console);
  assert.equal(guest.notifications, 1);
  await Promise.resolve();
  assert.ok(!done);
  assert.equal(guest.typed(), "a".repeat(1024));
  assert.equal(guest.typed(), "a".repeat(476));
  await write;
});

test("the end: what is in the ring still comes, writers are released", async () => {
  const console = new Console();
  const guest = new Guest(console);
  const write = console.write(bytes("x".repeat(5000)));
  guest.page.out[0] = 0x21;
  guest.page.out_prod = 1;
  console.end();
  await write;
  await console.write(bytes("later"));
  assert.equal(text(await console.output.next()), "!");
  assert.equal(await console.output.next(), undefined);
  assert.equal(await console.output.next(), undefined);
});

test("as web streams", async () => {
  const console = new Console();
  const guest = new Guest(console);
  const writer = writableConsole(console).getWriter();
  await writer.write("hello\n");
  assert.equal(guest.typed(), "hello\n");
  guest.print("one ");
  guest.print("two");
  console.end();
  let got = "";
  for await (const chunk of readableConsole(console)) got += text(chunk);
  assert.equal(got, "one two");
});
