import assert from "node:assert/strict";
import { test } from "node:test";
import { arMembers, debControl, extractDeb, PackageError, parseControl } from "../../src/toolstack/image/index.ts";
import { makeAr, makeDeb } from "./make-deb.ts";

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

test("ar: members of odd and even size", () => {
  const members = arMembers(
    makeAr({ one: Uint8Array.of(1), two: Uint8Array.of(2, 2), "three/": Uint8Array.of(3, 3, 3) }),
  );
  assert.deepEqual([...members.keys()], ["one", "two", "three"]);
  assert.deepEqual(Buffer.from(members.get("three") as Uint8Array), Buffer.from([3, 3, 3]));
});

test("a package's files and control fields", async () => {
  const deb = await makeDeb(
    { Package: "tool", Version: "1.0-1", Depends: "a (= 1), b | c" },
    { "usr/bin/tool": "program", "usr/share/doc/tool/copyright": "free" },
  );
  const files = await extractDeb(deb, (path) => path.startsWith("usr/bin/"));
  assert.deepEqual([...files.keys()], ["usr/bin/tool"]);
  assert.equal(text(files.get("usr/bin/tool")), "program");
  assert.equal((await debControl(deb)).get("Depends"), "a (= 1), b | c");
});

test("control fields go on in indented lines", () => {
  const fields = parseControl("Package: x\nDescription: short\n long\n .\nSize: 5\n");
  assert.equal(fields.get("Description"), "short\nlong\n.");
  assert.equal(fields.get("Size"), "5");
});

test("what is not a package, or not all of one, is refused", async () => {
  const deb = await makeDeb({ Package: "x" }, { f: "content" });
  const bad: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /no ar archive/],
    [new TextEncoder().encode("<html>captive portal</html>"), /no ar archive/],
    [makeAr({ "debian-binary": new TextEncoder().encode("3.0\n") }), /format 2/],
    [makeAr({ "debian-binary": new TextEncoder().encode("2.0\n") }), /no data\.tar/],
    [deb.subarray(0, deb.length - 20), /truncated/],
  ];
  for (const [bytes, message] of bad) {
    await assert.rejects(
      extractDeb(bytes, () => true),
      (error: unknown) => error instanceof PackageError && message.test(error.message),
    );
  }
});
