/** The control protocol: both ends check all that they receive, and nothing that a client sends upsets the server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromBase64, toBase64 } from "../../src/toolstack/control/base64.ts";
import { ControlClient } from "../../src/toolstack/control/client.ts";
import { LineReader, LineTooLong } from "../../src/toolstack/control/lines.ts";
import { ControlError, encode, LONGEST_REQUEST, METHODS, MOST_REQUESTS } from "../../src/toolstack/control/protocol.ts";
import { array, integer, object, optional, SchemaError, string } from "../../src/toolstack/control/schema.ts";
import { connected, RawConnection } from "./wire.ts";

const GREETING = { typervisor: "1.2.3", protocol: 1 };
const never = (): Promise<never> => new Promise(() => {});

test("bytes as base64 are what Node makes of them, and come back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = toBase64(bytes);
      assert.equal(text, Buffer.from(bytes).toString("base64"));
      assert.deepEqual(fromBase64(text), bytes);
      // As an array, and as Node's own kind of it.
      for (const data of [bytes, Buffer.from(bytes)]) assert.equal(JSON.parse(encode({ data })).data, text);
    }),
  );
  for (const bad of ["A", "AA=A", "A===", "AA AA", "ääää", "===="]) assert.equal(fromBase64(bad), undefined, bad);
});

test("lines come out whole, however the bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme" }).map((t) => t.replaceAll("\n", ""))),
      fc.nat(7),
      (lines, cut) => {
        const reader = new LineReader(1000);
        const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
        const seen: string[] = [];
        for (let at = 0; at < bytes.length; at += cut + 1) seen.push(...reader.push(bytes.subarray(at, at + cut + 1)));
        assert.deepEqual(seen, lines);
      },
    ),
  );
  const reader = new LineReader(10);
  assert.deepEqual(reader.push(new Uint8Array(10).fill(65)), []);
  assert.throws(() => reader.push(new Uint8Array(1).fill(65)), LineTooLong);
});

test("a schema takes what has its shape, drops what it does not know, and names what is wrong", () => {
  const schema = object({ name: string(5), list: optional(array(integer(1, 9), 3)) });
  assert.deepEqual(schema.parse({ name: "a", list: [1, 2], more: 1 }, "x"), { name: "a", list: [1, 2] });
  assert.deepEqual(schema.parse({ name: "a", list: undefined }, "x"), { name: "a" });
  const bad: [unknown, RegExp][] = [
    [null, /^x: must be an object$/],
    [[], /^x: must be an object$/],
    [{}, /^x\.name: is missing$/],
    [{ name: 1 }, /^x\.name: must be a string$/],
    [{ name: "abcdef" }, /^x\.name: must be at most 5/],
    [{ name: "a", list: [1, 10] }, /^x\.list\[1\]: must be an integer from 1 to 9$/],
    [{ name: "a", list: [1.5] }, /list\[0\]/],
    [{ name: "a", list: [1, 1, 1, 1] }, /^x\.list: must be a list of at most 3$/],
    [Object.create({ name: "a" }), /^x\.name: is missing$/],
  ];
  for (const [value, expected] of bad) {
    assert.throws(
      () => schema.parse(value, "x"),
      (error) => error instanceof SchemaError && expected.test(error.message),
    );
  }
});

test("a request is answered; one that is refused is told why; the connection goes on", async () => {
  const raw = new RawConnection({
    storeRead: ({ path }) => {
      if (path === "/none") throw new ControlError("not-found", "nothing there");
      if (path === "/bug") throw new TypeError("oops\nstack");
      return { value: new TextEncoder().encode(path) };
    },
  });
  raw.say({ protocol: 1 });
  raw.say(
    { id: 1, method: "storeRead", params: { path: "/a" } },
    { id: 2, method: "storeRead", params: { path: "/none" } },
    { id: 3, method: "storeRead", params: { path: 7 } },
    { id: 4, method: "storeRead" },
    { id: 5, method: "toString", params: {} },
    { id: 6, method: "storeRead", params: { path: "/bug" } },
    { id: 7, method: "storeRead", params: { path: "/b" } },
  );
  const answers = await raw.take();
  assert.deepEqual(answers.shift(), GREETING);
  const byId = new Map(answers.map((answer) => [(answer as { id: number }).id, answer]));
  const error = (code: string, message: string) => ({ error: { code, message } });
  assert.deepEqual(byId.get(1), { id: 1, result: { value: "L2E=" } });
  assert.deepEqual(byId.get(2), { id: 2, ...error("not-found", "nothing there") });
  assert.deepEqual(byId.get(3), { id: 3, ...error("bad-request", "params.path: must be a string") });
  assert.deepEqual(byId.get(4), { id: 4, ...error("bad-request", "params.path: is missing") });
  assert.deepEqual(byId.get(5), { id: 5, ...error("bad-request", 'there is no method "toString"') });
  assert.deepEqual(byId.get(6), { id: 6, ...error("internal", "internal error, please report it: oops") });
  assert.deepEqual(byId.get(7), { id: 7, result: { value: "L2I=" } });
  assert.equal(raw.internalErrors.length, 1);
  assert.ok(raw.open);
});

test("what is no request ends the connection, with a reason", async () => {
  const hello = { protocol: 1 };
  const table: [unknown[], RegExp][] = [
    [["garbage"], /JSON object/],
    [[{ protocol: 2 }], /protocol 2: this machine speaks protocol 1/],
    [[{ id: 1, method: "info" }], /greeting\.protocol: is missing/],
    [[hello, []], /JSON object/],
    [[hello, { id: -1, method: "info" }], /message\.id/],
    [[hello, { id: 1, method: {} }], /message\.method/],
    [[hello, { cancel: "x" }], /message\.cancel/],
    [[hello, { id: 1, method: "wait", params: { domain: "a" } }, { id: 1, method: "info" }], /1 is under way already/],
  ];
  for (const [messages, expected] of table) {
    const raw = new RawConnection({ wait: never });
    raw.say(...messages);
    const { error } = (await raw.take()).at(-1) as { error: { code: string; message: string } };
    assert.equal(error.code, "bad-request");
    assert.match(error.message, expected);
    assert.equal(raw.open, false);
  }
  const raw = new RawConnection({});
  raw.bytes(new TextEncoder().encode("{\n"));
  assert.match(JSON.stringify(await raw.take()), /not a line of JSON/);
});

test("neither lines, nor requests, nor unread answers pile up", async () => {
  const long = new RawConnection({});
  long.say({ protocol: 1 });
  for (let sent = 0; sent <= LONGEST_REQUEST && long.open; sent += 65536) long.bytes(new Uint8Array(65536).fill(0x20));
  assert.equal(long.open, false);
  assert.match(JSON.stringify(await long.take()), /a line of more than/);

  const many = new RawConnection({ wait: never });
  many.say({ protocol: 1 });
  for (let id = 1; id <= MOST_REQUESTS; id++) many.say({ id, method: "wait", params: { domain: "a" } });
  assert.ok(many.open);
  many.say({ id: 1000, method: "wait", params: { domain: "a" } });
  assert.equal(many.open, false);

  const deaf = new RawConnection({ messages: () => ({ text: "" }) });
  deaf.say({ protocol: 1 });
  deaf.backlog = 1 << 25;
  deaf.say({ id: 1, method: "messages", params: { clear: false } });
  assert.equal(deaf.open, false);
});

test("a stream ends when it is taken back, and when the client goes", async () => {
  let running = 0;
  const raw = new RawConnection({
    storeWatch: async ({ path }, call) => {
      running++;
      await call.event({ path });
      await new Promise<void>((resolve) => call.onCancel(resolve));
      await call.event({ path: "/too-late" });
      running--;
      return {};
    },
  });
  raw.say({ protocol: 1 }, { id: 1, method: "storeWatch", params: { path: "/a" } });
  raw.say({ id: 2, method: "storeWatch", params: { path: "/b" } });
  assert.deepEqual((await raw.take()).slice(1), [
    { id: 1, event: { path: "/a" } },
    { id: 2, event: { path: "/b" } },
  ]);
  raw.say({ cancel: 1 }, { cancel: 99 });
  assert.deepEqual(await raw.take(), [{ id: 1, error: { code: "cancelled", message: "cancelled" } }]);
  assert.equal(running, 1);
  raw.hangUp();
  assert.deepEqual(await raw.take(), []);
  assert.equal(running, 0);
});

test("no sequence of bytes makes the server throw", async () => {
  const message = fc.oneof(
    fc.json(),
    fc
      .record({ id: fc.integer(), method: fc.constantFrom(...Object.keys(METHODS)), params: fc.jsonValue() })
      .map((m) => JSON.stringify(m)),
    fc.string(),
  );
  const refuse = (): never => {
    throw new ControlError("unsupported", "not here");
  };
  const handlers = Object.fromEntries(Object.keys(METHODS).map((name) => [name, refuse]));
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 5 }), fc.uint8Array(), async (messages, tail) => {
      const raw = new RawConnection(handlers);
      raw.say({ protocol: 1 });
      raw.bytes(new TextEncoder().encode(messages.map((line) => `${line}\n`).join("")));
      raw.bytes(tail);
      await raw.take();
      assert.deepEqual(raw.internalErrors, []);
    }),
    { numRuns: 300 },
  );
});

test("client and server: results, errors, events, a connection that is lost", async () => {
  const client = connected({
    domain: undefined,
    rename: ({ name }) => {
      if (name === "bad") throw new ControlError("name-in-use", "taken");
      return {};
    },
    storeWatch: async (_params, call) => {
      for (const path of ["/1", "/2"]) await call.event({ path });
      return {};
    },
    wait: never,
  } as Parameters<typeof connected>[0]);
  assert.equal(await client.greeting, "1.2.3");
  assert.deepEqual(await client.request("rename", { domain: "a", name: "b" }), {});
  await assert.rejects(client.request("rename", { domain: "a", name: "bad" }), {
    name: "ControlError",
    code: "name-in-use",
  });
  const events: string[] = [];
  await client.stream("storeWatch", { path: "/" }, ({ path }) => void events.push(path)).result;
  assert.deepEqual(events, ["/1", "/2"]);
  const waiting = client.request("wait", { domain: "a" });
  client.close();
  await assert.rejects(waiting, { name: "ConnectionLost" });
  await assert.rejects(client.request("info", {}), { name: "ConnectionLost" });
});

test("a client that hears no answers hangs up", async () => {
  const good = JSON.stringify(GREETING);
  const table: [string[], RegExp][] = [
    [["nonsense"], /not a line of JSON/],
    [["[1]"], /not a JSON object/],
    [['{"typervisor":"9.9","protocol":2}'], /Typervisor 9\.9 and speaks protocol 2/],
    [['{"error":{"code":"bad-request","message":"no"}}'], /^no$/],
    [[good, '{"id":1,"result":{}}'], /result\.version: is missing/],
    [[good, '{"id":1,"error":{"code":"weird","message":""}}'], /error\.code/],
    [[good, '{"id":"1"}'], /reply\.id/],
  ];
  for (const [lines, expected] of table) {
    let open = true;
    const client = new ControlClient({
      send: () => true,
      drained: () => Promise.resolve(),
      backlog: 0,
      hold: () => {},
      close: () => {
        open = false;
      },
    });
    const request = client.request("info", {});
    client.receive(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
    await assert.rejects(request, (error: Error) => expected.test(error.message));
    await client.ended;
    assert.equal(open, false);
  }
});
