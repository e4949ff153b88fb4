import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { XS } from "../../src/abi/io/xs_wire.ts";
import { descendants } from "../../src/toolstack/xenstore/tree.ts";
import { Xenstore } from "../../src/toolstack/xenstore/xenstore.ts";
import { Client } from "./client.ts";

function house(): { xenstore: Xenstore; one: Client } {
  const xenstore = new Xenstore();
  xenstore.mkdir("/local/domain/1");
  xenstore.setPermissions("/local/domain/1", ["n1"]);
  return { xenstore, one: new Client(xenstore, 1) };
}

test("a transaction sees its own changes, others do not until it commits", () => {
  const { one } = house();
  const tx = one.begin();
  one.write("a", "1", tx);
  assert.equal(one.read("a", tx), "1");
  assert.equal(one.read("a"), "ENOENT");
  assert.equal(one.end(tx), "OK");
  assert.equal(one.read("a"), "1");
  assert.equal(one.read("a", tx), "ENOENT", "the transaction is over");
});

test("an aborted transaction leaves nothing", () => {
  const { one } = house();
  const tx = one.begin();
  one.write("a", "1", tx);
  one.rm("a", tx);
  one.mkdir("b", tx);
  assert.equal(one.end(tx, "F"), "OK");
  assert.deepEqual(one.directory("/local/domain/1"), [""]);
});

test("conflicts: what was read or written has changed meanwhile", () => {
  const { one } = house();
  one.write("x", "0");
  const conflict = (inside: (tx: number) => void, outside: () => void): string => {
    const tx = one.begin();
    inside(tx);
    outside();
    return one.end(tx);
  };
  assert.equal(
    conflict(
      (tx) => one.read("x", tx),
      () => one.write("x", "1"),
    ),
    "EAGAIN",
  );
  assert.equal(
    conflict(
      (tx) => one.write("x", "a", tx),
      () => one.write("x", "b"),
    ),
    "EAGAIN",
  );
  assert.equal(one.read("x"), "b");
  assert.equal(
    conflict(
      (tx) => one.read("missing", tx),
      () => one.write("missing", "1"),
    ),
    "EAGAIN",
  );
  assert.equal(
    conflict(
      (tx) => one.directory("/local/domain/1", tx),
      () => one.write("new", "1"),
    ),
    "EAGAIN",
  );
  assert.equal(
    conflict(
      (tx) => one.write("dir/a", "1", tx),
      () => one.rm("dir"),
    ),
    "OK",
    "dir was not there",
  );
  assert.equal(
    conflict(
      (tx) => one.write("dir/a", "2", tx),
      () => one.rm("dir"),
    ),
    "EAGAIN",
  );
  assert.equal(
    conflict(
      (tx) => one.read("x", tx),
      () => one.setPermissions("x", "n1", "r2"),
    ),
    "EAGAIN",
  );
});

test("no conflicts: changes elsewhere are merged", () => {
  const { one } = house();
  one.write("dir/a", "0");
  const tx = one.begin();
  one.read("dir/a", tx);
  one.write("dir/mine", "1", tx);
  one.write("dir/theirs", "2");
  one.write("dir/deeper/still", "3");
  assert.equal(one.end(tx), "OK");
  assert.deepEqual(one.directory("dir"), ["a", "theirs", "deeper", "mine"]);
});

test("of two transactions that change the same, the first to end wins", () => {
  const { one } = house();
  one.write("n", "0");
  const [a, b] = [one.begin(), one.begin()];
  for (const tx of [a, b]) one.write("n", String(Number(one.read("n", tx)) + 1), tx);
  assert.equal(one.end(b), "OK");
  assert.equal(one.end(a), "EAGAIN");
  assert.equal(one.read("n"), "1");
});

test("quotas hold at the commit, too", () => {
  const xenstore = new Xenstore({ quota: { nodes: 4, transactionChanges: 10 } });
  xenstore.mkdir("/local/domain/1");
  xenstore.setPermissions("/local/domain/1", ["n1"]);
  const one = new Client(xenstore, 1);
  const tx = one.begin();
  one.write("a", "", tx);
  one.write("b", "", tx);
  one.write("c", "");
  one.write("d", "");
  assert.equal(one.end(tx), "ENOSPC");
  const large = one.begin();
  for (let i = 0; i < 10; i++) assert.equal(one.write("c", String(i), large), "OK");
  assert.equal(one.write("c", "too much", large), "ENOSPC");
  assert.equal(one.ask(XS.TRANSACTION_START, "\0", large), "EBUSY");
});

test("the toolstack's transaction is all or nothing", () => {
  const { xenstore } = house();
  assert.throws(() =>
    xenstore.transaction((content) => {
      content.write("/x", "1");
      throw new Error("changed my mind");
    }),
  );
  assert.equal(xenstore.read("/x"), undefined);
  xenstore.transaction((content) => content.write("/x", "1"));
  assert.equal(xenstore.read("/x"), "1");
});

test("the number of nodes that each domain owns is right after any changes", () => {
  const path = fc.constantFrom("a", "a/b", "a/b/c", "d", "a/e");
  const step = fc.record({
    kind: fc.constantFrom("write", "rm", "give", "begin", "commit", "abort"),
    path,
    inside: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { xenstore, one } = house();
      let tx = 0;
      for (const { kind, path, inside } of steps) {
        const at = inside ? tx : 0;
        if (kind === "write") one.write(path, "v", at);
        else if (kind === "rm") one.rm(path, at);
        else if (kind === "give" && xenstore.read(`/local/domain/1/${path}`) !== undefined) {
          xenstore.setPermissions(`/local/domain/1/${path}`, ["b5"]);
        } else if (kind === "begin" && tx === 0) tx = one.begin();
        else if ((kind === "commit" || kind === "abort") && tx !== 0) {
          one.end(tx, kind === "commit" ? "T" : "F");
          tx = 0;
        }
      }
      const counted = new Map<number, number>();
      for (const [, { permissions }] of descendants(xenstore.store.tree.root, "/")) {
        counted.set(permissions.owner, (counted.get(permissions.owner) ?? 0) + 1);
      }
      assert.deepEqual(new Map([...xenstore.store.tree.owned].sort()), new Map([...counted].sort()));
    }),
    { numRuns: 200 },
  );
});
