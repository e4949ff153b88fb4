/** xl.cfg: what it means, and that each mistake is told with its place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ConfigError, domainFromSettings, overrideSettings, parseConfig } from "../../src/index.ts";

const parse = (text: string) => domainFromSettings(parseConfig("x.cfg", text));

/** The message of the ConfigError that `text` leads to. */
function complaint(text: string): string {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  throw new Error(`no complaint about ${text}`);
}

test("a configuration with all keys", () => {
  const spec = parse(`
# A guest.
name = "web"   # its name
uuid = '01234567-89AB-cdef-0123-456789abcdef'; type = "pv"
kernel = "/boot/vmlinuz"
ramdisk = "/boot/initrd"
root = "/dev/xvda1 ro"
extra = "console=hvc0 quiet"
memory = 0x100
maxmem = "1G"
vcpus = 2
maxvcpus = 4
cpu_weight = 512
cap = 50
disk = []
vif = [ ]
on_poweroff = "preserve"
on_reboot = "rename-restart"
on_watchdog = "restart"
on_crash = "destroy"
`);
  assert.deepEqual(spec, {
    name: "web",
    uuid: "01234567-89ab-cdef-0123-456789abcdef",
    kernel: "/boot/vmlinuz",
    ramdisk: "/boot/initrd",
    commandLine: "root=/dev/xvda1 ro console=hvc0 quiet",
    memoryBytes: 256 << 20,
    maximumMemoryBytes: 1 << 30,
    vcpus: 2,
    maximumVcpus: 4,
    weight: 512,
    cap: 50,
    onPoweroff: "preserve",
    onReboot: "rename-restart",
    onWatchdog: "restart",
    onCrash: "destroy",
  });
});

test("defaults are xl's; cmdline stands for root and extra; what is set again counts", () => {
  assert.deepEqual(parse('name="a"'), {
    name: "a",
    memoryBytes: 256 << 20,
    vcpus: 1,
    onPoweroff: "destroy",
    onReboot: "restart",
    onWatchdog: "destroy",
    onCrash: "destroy",
  });
  assert.equal(parse('name="a"\nroot="r"\ncmdline="c"\nextra="e"').commandLine, "c");
  assert.equal(parse('name="a"\nname="b"\nextra="x"\nextra+=" y"').commandLine, "x y");
  assert.equal(parse('name="a"\nmemory=64\nmemory=0100').memoryBytes, 64 << 20);
  assert.equal(parse('name="a\\x62\\143"').name, "abc");
  assert.equal(parse('name="a"\nextra="a\\"b\\\\n\\tc"').commandLine, 'a"b\\n\tc');
});

test("options on the command line change the file's; quotes may be left to the shell", () => {
  let settings = parseConfig("x.cfg", 'name = "web"\nmemory = 128');
  for (const argument of ["memory=512", "name=other", 'extra="a b"', "on_crash=preserve", "vcpus = 3", "kernel="]) {
    if (argument !== "kernel=") settings = overrideSettings(settings, argument);
  }
  const spec = domainFromSettings(settings);
  assert.equal(spec.memoryBytes, 512 << 20);
  assert.equal(spec.name, "other");
  assert.equal(spec.commandLine, "a b");
  assert.equal(spec.onCrash, "preserve");
  assert.equal(spec.vcpus, 3);
  assert.equal(
    domainFromSettings(overrideSettings(settings, "extra=console=hvc0 quiet")).commandLine,
    "console=hvc0 quiet",
  );
  assert.throws(
    () => domainFromSettings(overrideSettings(settings, "kernal=x")),
    /argument "kernal=x":1:1: .*did you mean kernel\?/,
  );
});

test("files are where the caller says", () => {
  const spec = domainFromSettings(parseConfig("x.cfg", 'name="a"\nkernel="k"'), (path) => `/there/${path}`);
  assert.equal(spec.kernel, "/there/k");
});

test("each mistake is one line with its place", () => {
  const table: readonly (readonly [string, RegExp])[] = [
    ['name "web"', /^x\.cfg:1:6: expected =, found "web"$/],
    ['name = "web', /^x\.cfg:1:8: a string without an end$/],
    ["\n\n  name = web", /^x\.cfg:3:10: expected a number, a string in quotes, or a list in brackets, found web$/],
    ['name = "a" memory = 1', /^x\.cfg:1:12: expected the end of the line, found memory$/],
    ['name = "a"\nvif = [ "x"\n\n  "y" ]', /^x\.cfg:4:3: expected , or \], found "y"$/],
    ["disk = [ 'a',", /^x\.cfg:1:8: a list without an end$/],
    ["= 3", /^x\.cfg:1:1: expected the name of a setting, found =$/],
    ['name = "a\\q"', /^x\.cfg:1:10: a backslash/],
    ["memory = 12MB", /^x\.cfg:1:10: a number, or a string in quotes/],
    ["memory = 089", /^x\.cfg:1:10: 089 is no octal number$/],
    ["memory = 99999999999999999999", /too large/],
    ["memory = -1", /^x\.cfg:1:10: unexpected "-"$/],
    ['name = "a"\nmemroy = 1', /^x\.cfg:2:1: there is no setting memroy: did you mean memory\?$/],
    ['name = "a"\nzzzzzzzz = 1', /^x\.cfg:2:1: there is no setting zzzzzzzz$/],
    ['name = "a"\nbootloader = "pygrub"', /^x\.cfg:2:1: bootloader is not supported/],
    ['name = "a"\ndisk = ["phy:/dev/sda,xvda,w"]', /^x\.cfg:2:9: there is no block backend yet$/],
    ['name = "a"\nvif = ["bridge=xenbr0"]', /^x\.cfg:2:8: there is no network backend yet$/],
    ['name = "a"\ntype = "hvm"', /^x\.cfg:2:8: .*paravirtualized domains only/],
    ['name = "a"\non_crash = "coredump-restart"', /^x\.cfg:2:12: coredump-restart is not supported/],
    ['name = "a"\non_crash = "destory"', /^x\.cfg:2:12: .*did you mean destroy\?$/],
    ['name = "a"\nvcpus = 0', /^x\.cfg:2:9: expected a number from 1 to 128$/],
    ['name = "a"\nmemory = "lots"', /^x\.cfg:2:10: expected an amount of memory/],
    ['name = "a"\nmemory = 64\nmaxmem = 32', /^x\.cfg:3:1: maxmem is less than memory$/],
    ['name = "12"', /^x\.cfg:1:8: 12 would be taken for a domain's id/],
    ['name = "a/b"', /^x\.cfg:1:8: .* is no name for a domain/],
    ["name = [1]", /^x\.cfg:1:8: expected a string in quotes$/],
    ["memory = 64", /^x\.cfg:1:1: the domain has no name/],
    ["", /^configuration:1:1: the domain has no name/],
    ['name = "a"\nextra = []\nextra += "x"', /^x\.cfg:3:10: \+= cannot add a string to a list$/],
    [`x = ${"[".repeat(20)}`, /lists in lists in lists/],
  ];
  for (const [text, expected] of table) {
    const message = complaint(text);
    assert.match(message, expected, text);
    assert.doesNotMatch(message, /\n/);
  }
});

test("whatever the text, there is a domain or a ConfigError with a place inside the text", () => {
  const words = fc.constantFrom(
    ...[
      "name",
      "memory",
      "vif",
      "extra",
      "=",
      "+=",
      '"a"',
      "'b",
      "[",
      "]",
      ",",
      "\n",
      ";",
      "#",
      "12",
      "0x",
      "\\",
      " ",
      "\u{1f600}",
    ],
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(words).map((parts) => parts.join("")),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(text, (text) => {
      try {
        parse(text);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        const { line, column } = error.place;
        const lines = text.split("\n");
        assert.ok(line >= 1 && line <= lines.length, `line ${line} of ${lines.length}`);
        assert.ok(column >= 1 && column <= (lines[line - 1] ?? "").length + 1, `column ${column}`);
        assert.doesNotMatch(error.message.slice(0, -1), /\n/);
      }
    }),
    { numRuns: 2000 },
  );
});

test("values come back as they were written", () => {
  const quote = (text: string): string => `"${text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;
  fc.assert(
    fc.property(
      fc.string().filter((text) => !/[\0\r\n]/.test(text)),
      fc.nat(99_999),
      (extra, memory) => {
        const spec = parse(`name = "a"\nextra = ${quote(extra)}\nmemory = ${memory + 1}`);
        assert.equal(spec.commandLine, extra);
        assert.equal(spec.memoryBytes, (memory + 1) * 2 ** 20);
      },
    ),
  );
});
