/** The page of examples/browser: that it is served, and, where there is a Chromium, that a guest boots in it. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { noGuest } from "../boot/guest-shell.ts";

const skip = await noGuest();
const BROWSER = ["chromium", "google-chrome"].find((name) => spawnSync(name, ["--version"]).status === 0);
let server: ChildProcess | undefined;
let address = "";

before(async () => {
  if (skip) return;
  const child = spawn(process.execPath, ["--import", "tsx", "examples/browser/serve.ts", "0"]);
  server = child;
  let said = "";
  address = await new Promise<string>((resolve, reject) => {
    child.stderr.on("data", (bytes) => void (said += bytes));
    child.stdout.on("data", (bytes) => {
      said += bytes;
      const found = /http:\S+/.exec(said);
      if (found) resolve(found[0]);
    });
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
  });
});

after(() => void server?.kill());

test("the page, its script and the guest's image are served", { skip }, async () => {
  const page = await (await fetch(address)).text();
  assert.match(page, /src="page.js"/);
  // esbuild would not have made it if it needed Node.
  const script = await fetch(new URL("page.js", address));
  assert.match(script.headers.get("content-type") ?? "", /javascript/);
  assert.ok((await script.text()).length > 100_000);
  const kernel = await fetch(new URL("kernel", address), { method: "HEAD" });
  assert.ok(Number(kernel.headers.get("content-length")) > 1 << 20);
  assert.equal((await fetch(new URL("nothing", address))).status, 404);
});

test("a port that is none is refused", () => {
  const argv = ["--import", "tsx", "examples/browser/serve.ts", "http"];
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
  assert.equal(status, 2);
  assert.match(stderr, /^"http" is not a port/);
});

/** What a page shows, asked for by the DevTools protocol over pipes until it matches. */
async function shownBy(browser: ChildProcess, url: string, wanted: RegExp): Promise<string> {
  const [, , , to, from] = browser.stdio as unknown as [null, null, null, Writable, Readable];
  const answers = new Map<number, (result: Record<string, unknown>) => void>();
  let received = "";
  from.on("data", (bytes) => {
    const messages = (received + bytes).split("\0");
    received = messages.pop() ?? "";
    for (const message of messages) {
      const { id, result, error } = JSON.parse(message);
      answers.get(id)?.(result ?? error);
    }
  });
  let ids = 0;
  const call = (method: string, params: object, sessionId?: string): Promise<Record<string, unknown>> => {
    const id = ++ids;
    to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve) => answers.set(id, resolve));
  };
  const { targetId } = await call("Target.createTarget", { url });
  const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true });
  for (let tries = 0; ; tries++) {
    await sleep(500);
    const expression = "document.body.innerText";
    const { result } = await call("Runtime.evaluate", { expression }, sessionId as string);
    const text = String((result as { value?: unknown } | undefined)?.value);
    if (wanted.test(text) || tries > 120) return text;
  }
}

const noBrowser = BROWSER ? skip : "there is no Chromium here";
test("the stock kernel boots to a shell in a browser", { skip: noBrowser, timeout: 120_000 }, async () => {
  const profile = mkdtempSync(join(tmpdir(), "typervisor-test-"));
  const argv = ["--headless=new", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`];
  const browser = spawn(BROWSER as string, [...argv, "--remote-debugging-pipe"], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  });
  const text = await shownBy(browser, address, /a Xen PV guest of Typervisor/);
  browser.kill();
  await once(browser, "exit");
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  assert.match(text, /The machine runs in this tab/);
  assert.match(text, /a Xen PV guest of Typervisor/);
});
