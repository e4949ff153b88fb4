import assert from "node:assert/strict";
import { test } from "node:test";
import { xenconsInterface } from "../../src/abi/io/console.ts";
import { Console } from "../../src/backends/console/console.ts";
import { GuestAgent } from "../../src/toolstack/guest-agent.ts";

/** A console with the guest's end of its ring. */
class Line {
  readonly console = new Console();
  readonly #bytes = new Uint8Array(4096);
  readonly #page = xenconsInterface.at({ u8: this.#bytes, dv: new DataView(this.#bytes.buffer) }, 0);

  constructor() {
    this.console.connect({ page: this.#bytes, notify: () => {} });
  }
  say(text: string): void {
    for (const character of text) {
      this.#page.out[this.#page.out_prod % 2048] = character.charCodeAt(0);
      this.#page.out_prod = (this.#page.out_prod + 1) >>> 0;
    }
    this.console.onEvent();
  }
  heard(): string {
    let text = "";
    for (;;) {
      const before = this.#page.in_prod;
      while (this.#page.in_cons !== before) {
        text += String.fromCharCode(this.#page.in[this.#page.in_cons % 1024] ?? 0);
        this.#page.in_cons = (this.#page.in_cons + 1) >>> 0;
      }
      this.console.onEvent();
      if (this.#page.in_prod === before) return text;
    }
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("nothing is said before the guest is ready; then the size it has by now", async () => {
  const control = new Line();
  const agent = new GuestAgent(control.console);
  agent.resize({ columns: 80, rows: 24 });
  agent.resize({ columns: 132, rows: 43 });
  agent.signal("INT");
  await settle();
  assert.equal(control.heard(), "");
  control.say("rea");
  control.say("dy\n");
  assert.equal(await agent.ready, true);
  assert.equal(control.heard(), "winsize 132 43\n");
  agent.signal("TERM");
  agent.poweroff();
  assert.equal(control.heard(), "signal TERM\npoweroff\n");
});

test("the command's status; lines that mean nothing", async () => {
  const control = new Line();
  const agent = new GuestAgent(control.console);
  control.say(`hello\nexit\nexit x\nexit 1000\n${"x".repeat(1000)}\nready\nexit 7\n`);
  await settle();
  control.console.end();
  assert.equal(await agent.finished, 7);
});

test("a guest that ends without a word", async () => {
  const control = new Line();
  const agent = new GuestAgent(control.console);
  control.console.end();
  assert.equal(await agent.ready, false);
  assert.equal(await agent.finished, undefined);
  await agent.write(Uint8Array.of(1));
  await agent.end();
});

test("standard input goes in chunks", async () => {
  const control = new Line();
  const data = new Line();
  const agent = new GuestAgent(control.console, data.console);
  const writing = (async () => {
    await agent.write(new TextEncoder().encode("some\nlines\n"));
    await agent.write(new Uint8Array(70_000).fill(0x61));
    await agent.end();
  })();
  await settle();
  assert.equal(data.heard(), "");
  control.say("ready\n");
  let text = "";
  for (let i = 0; i < 200 && !text.endsWith("0\n"); i++) {
    await settle();
    text += data.heard();
  }
  await writing;
  assert.equal(text, `11\nsome\nlines\n65536\n${"a".repeat(65536)}${70_000 - 65536}\n${"a".repeat(70_000 - 65536)}0\n`);
});
