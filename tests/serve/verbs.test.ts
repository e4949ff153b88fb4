/** Every verb of the command line against a machine with tiny guests: what it prints, and what it does. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ServedMachine } from "../../src/node.ts";
import { connectToMachine } from "../../src/node.ts";
import { Directories, type Outcome, serve, typervisor, until } from "./machine.ts";

const directories = new Directories();
let machine: ServedMachine;
before(async () => {
  machine = await serve(directories, "64M");
});
after(async () => {
  machine.stop(true);
  await machine.stopped;
  directories.remove();
});

const block = directories.guest("block", { prints: "hello\n", ends: "block" });
const spin = directories.guest("spin", { prints: "", ends: "spin" });
const fault = directories.guest("fault", { prints: "oops\n", ends: "fault" });

const run = (...argv: string[]): Promise<Outcome> => typervisor(directories, ...argv);
/** The output of a verb that must succeed and say nothing else. */
async function good(...argv: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(...argv);
  assert.equal(stderr, "", argv.join(" "));
  assert.equal(status, 0, argv.join(" "));
  return stdout;
}
/** The one line of a verb that must fail. */
async function bad(...argv: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(...argv);
  assert.equal(status, 1, argv.join(" "));
  assert.equal(stdout, "");
  assert.match(stderr, /^[^\n]+\n$/);
  return stderr;
}
async function create(name: string, kernel: string, ...more: string[]): Promise<string> {
  await good("create", "-q", `name=${name}`, `kernel=${kernel}`, "memory=4", ...more);
  return (await good("domid", name)).trim();
}
const columns = (line = ""): string[] => line.trim().split(/\s+/);

test("list, domid, domname, uptime, vcpu-list: the shapes of xl", async () => {
  assert.equal(await good("list"), `Name${" ".repeat(40)}ID   Mem VCPUs\tState\tTime(s)\n`);
  const id = await create("one", block);
  await create("two", spin);
  await until(async () => /-b----/.test(await good("list", "one")), "one blocks");
  const [, one, two] = (await good("list")).split("\n");
  assert.match(one ?? "", new RegExp(`^one {37} {5}${id} {5}4 {5}1 {5}-b---- +0\\.\\d$`));
  assert.deepEqual(columns(two).slice(0, 5), ["two", String(Number(id) + 1), "4", "1", "r-----"]);
  assert.equal(await good("domname", id), "one\n");
  assert.match(await good("uptime"), /^Name {32}ID Uptime\none {30} +\d+ 0:00:\d\d\ntwo /);
  assert.match(await good("uptime", "-s", "one"), /^up 0:00:\d\d, one \(\d+\)\n$/);
  const vcpus = (await good("vcpu-list", "two")).split("\n");
  assert.deepEqual(columns(vcpus[0]), [
    "Name",
    "ID",
    "VCPU",
    "CPU",
    "State",
    "Time(s)",
    "Affinity",
    "(Hard",
    "/",
    "Soft)",
  ]);
  assert.deepEqual(columns(vcpus[1]).slice(2, 5), ["0", "0", "r--"]);
  assert.match(await good("list", "-v", "one"), /UUID +Reason-Code\none .* [0-9a-f-]{36} +-\n$/);
  const [json] = JSON.parse(await good("list", "-l", "one"));
  assert.equal(json.domid, Number(id));
  assert.equal(json.config.c_info.name, "one");
  assert.equal(json.config.b_info.kernel, block);
  assert.equal(json.config.on_reboot, "restart");
  assert.equal(json.state.current_memkb, 4096);
  const partly = await run("list", "one", "none");
  assert.equal(partly.status, 1);
  assert.match(partly.stdout, /\none /);
  assert.equal(partly.stderr, "typervisor: there is no domain none\n");
  await good("destroy", "-a");
  assert.equal((await good("list")).split("\n").length, 2);
});

test("pause and unpause: no processor time passes for a paused domain", async () => {
  const id = await create("busy", spin);
  await good("pause", "busy");
  const seconds = async (): Promise<number> => JSON.parse(await good("list", "-l", id))[0].state.cpu_time;
  assert.deepEqual(columns((await good("list", "busy")).split("\n")[1])[4], "--p---");
  const then = await seconds();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(await seconds(), then);
  await good("pause", "busy");
  await good("unpause", "busy");
  await until(async () => (await seconds()) > then, "it runs again");
  await good("destroy", "busy");
});

test("create -p leaves it paused; -n prints and makes nothing; a file with options", async () => {
  const file = directories.file("a.cfg", `name = "filed"\nkernel = "${block}"\nmemory = 4 # MiB\nextra = "x y"\n`);
  const dry = JSON.parse(await good("create", "-n", file, "memory=8"));
  assert.equal(dry.b_info.target_memkb, 8192);
  assert.equal(dry.b_info.cmdline, "x y");
  assert.match(await bad("list", "filed"), /there is no domain filed/);
  const { stderr } = await run("create", "-p", file);
  assert.match(stderr, /^typervisor: domain filed is created, its id is \d+\n$/);
  assert.match(await good("list", "filed"), /--p---/);
  await good("unpause", "filed");
  await until(async () => /-b----/.test(await good("list", "filed")), "it runs");
  await good("destroy", "filed");
});

test("what is wrong is told in one line, and leaves nothing", async () => {
  await create("there", block);
  const broken = directories.file("broken.cfg", 'name = "x"\nmemory = \n');
  assert.match(await bad("create", broken), /^\S*broken\.cfg:2:10: expected a number/);
  assert.match(await bad("create", "name=x", "memroy=3"), /did you mean memory\?/);
  assert.match(await bad("create", `${directories.root}/none.cfg`), /cannot read configuration .*: no such file/);
  assert.match(await bad("create", "name=there", `kernel=${block}`), /the name there is in use by domain \d+/);
  assert.match(await bad("create", "name=x", "kernel=/none", "memory=4"), /cannot read kernel \/none: no such file/);
  assert.match(await bad("create", "name=x", `kernel=${block}`, "memory=9999"), /not enough memory for x/);
  assert.match(await bad("create", "name=x", `kernel=${broken}`, "memory=4"), /kernel|ELF/);
  assert.match(await bad("console", "none"), /there is no domain none/);
  assert.match(await bad("console", "-n", "1", "there"), /domain there has no console 1: it has one, number 0/);
  assert.match(await bad("console", "-t", "serial", "there"), /domain there is paravirtual: it has no serial console/);
  for (const host of ["0", "Domain-0"]) {
    assert.match(await bad("pause", host), /domain 0 is this program itself/);
    assert.match(await bad("list", host), /domain 0 is this program itself/);
  }
  assert.match(await bad("create", "name=Domain-0"), /Domain-0 is the name of the machine's own side/);
  assert.match(await bad("rename", "there", "Domain-0"), /Domain-0 is the name of the machine's own side/);
  for (const verb of ["destroy", "pause", "unpause", "shutdown", "reboot", "uptime", "vcpu-list", "domid"]) {
    assert.match(await bad(verb, "none"), /there is no domain none\n$/, verb);
  }
  assert.match(await bad("rename", "there", "12"), /a domain's id/);
  assert.match(await bad("trigger", "there", "nmi", "7"), /has no vCPU 7/);
  assert.equal((await good("list")).split("\n").length, 3);
  await good("destroy", "there");
});

test("command lines that make no sense: status 2", async () => {
  for (const argv of [
    ["create"],
    ["destroy"],
    ["destroy", "-a", "x"],
    ["sysrq", "x", "ab"],
    ["trigger", "x", "s3resume"],
    ["mem-set", "x", "much"],
    ["vcpu-set", "x", "0"],
    ["sched-credit2", "-w", "3"],
    ["sched-credit2", "-r", "300"],
    ["sched-credit2", "-s", "-w", "300"],
    ["sched-rtds", "-p", "300"],
    ["sched-rtds", "-d", "x", "-v", "0", "-v", "1", "-p", "300"],
    ["sched-rtds", "-d", "x", "-v", "-1"],
    ["top", "-d", "0"],
    ["xenstore-write", "/a"],
    ["console"],
    ["console", "-t", "vga", "x"],
    ["console", "-n", "one", "x"],
    ["frobnicate"],
    ["serve", "--memory", "1K"],
    ["serve", "--shutdown-timeout", "soon"],
  ]) {
    const { status, stderr } = await run(...argv);
    assert.equal(status, 2, argv.join(" "));
    assert.match(stderr, /^[^\n]+\n$/, argv.join(" "));
  }
});

test("shutdown and reboot write what the guest's kernel watches; -w waits; sysrq; trigger", async () => {
  const id = await create("guest", block);
  const key = (name: string): string => `/local/domain/${id}/control/${name}`;
  await good("shutdown", "guest");
  assert.equal(await good("xenstore-read", key("shutdown")), "poweroff\n");
  await good("reboot", "guest");
  assert.equal(await good("xenstore-read", key("shutdown")), "reboot\n");
  await good("sysrq", "guest", "s");
  assert.equal(await good("xenstore-read", key("sysrq")), "s\n");
  await good("trigger", "guest", "nmi");
  const waiting = connectToMachine(directories.paths().socket).then(async (client) => {
    const outcome = await client.request("wait", { domain: id });
    client.close();
    return outcome;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  await good("destroy", "guest");
  assert.deepEqual(await waiting, { reason: "destroyed" });
});

test("rename: by the old name no more, in xenstore, too", async () => {
  const id = await create("old", block);
  await good("rename", "old", "new");
  assert.equal(await good("domid", "new"), `${id}\n`);
  assert.match(await bad("domid", "old"), /there is no domain old/);
  assert.equal(await good("xenstore-read", `/local/domain/${id}/name`), "new\n");
  await good("destroy", "new");
});

test("dmesg tells of crashes, with a report; -c clears; info", async () => {
  await run("dmesg", "-c");
  await good("create", "-q", "name=bad", `kernel=${fault}`, "memory=4");
  await until(async () => /has ended/.test(await good("dmesg")), "the crash");
  const messages = await good("dmesg", "-c");
  assert.match(messages, /\(XEN\) \[ +\d+\.\d{6}\] Domain \d+ \(bad\) created: 4 MiB, 1 vCPU\n/);
  assert.match(messages, /unhandled exception #UD\n/);
  assert.equal(await good("dmesg"), "");
  const info = await good("info");
  assert.match(info, /^host {19}: \S+\n/);
  assert.match(info, /\ntotal_memory {11}: \d+\n/);
  assert.match(info, /\nxen_version {12}: 4\.17\n/);
});

test("xenstore: ls, read, write, list, chmod, rm, watch", async () => {
  await good("xenstore-write", "/tool/a", "one", "/tool/a/b", "two\\nlines", "/tool/c", "ü");
  assert.equal(await good("xenstore-read", "/tool/a", "/tool/a/b"), "one\ntwo\\nlines\n");
  assert.equal(await good("xenstore-read", "-p", "/tool/a"), "/tool/a: one\n");
  assert.equal(await good("xenstore-list", "/tool"), "a\nc\n");
  assert.equal(await good("xenstore-list", "-p", "/tool"), "/tool/a\n/tool/c\n");
  assert.equal(await good("xenstore-ls", "/tool"), 'a = "one"\n b = "two\\nlines"\nc = "\\xc3\\xbc"\n');
  assert.equal(await good("xenstore-ls", "-f", "/tool/a"), '/tool/a/b = "two\\nlines"\n');
  assert.match(await good("xenstore-ls"), /^local = ""\n domain = ""\n {2}0 = ""\n/);
  await good("xenstore-chmod", "-r", "/tool/a", "n0", "r5");
  assert.equal(await good("xenstore-ls", "-p", "/tool/a"), 'b = "two\\nlines"   (n0,r5)\n');
  assert.match(await bad("xenstore-read", "/none"), /there is no node \/none/);
  assert.match(await bad("xenstore-ls", "/none"), /there is no node \/none/);
  assert.match(await bad("xenstore-list", "/none"), /there is no node \/none/);
  assert.match(await bad("xenstore-read", "/a//b"), /EINVAL/);
  assert.match(await bad("xenstore-chmod", "/tool/a", "q1"), /not a permission/);
  const watched = run("xenstore-watch", "-n", "3", "/tool/a");
  // The verbs run in one process here, one at a time: so the changes come over a connection of their own.
  const client = await connectToMachine(directories.paths().socket);
  await new Promise((resolve) => setTimeout(resolve, 30));
  for (const path of ["/tool/elsewhere", "/tool/a/b", "/tool/a"]) {
    await client.request("storeWrite", { path, value: new Uint8Array(1) });
  }
  client.close();
  assert.equal((await watched).stdout, "/tool/a\n/tool/a/b\n/tool/a\n");
  await good("xenstore-rm", "/tool/a", "/tool/elsewhere");
  assert.match((await run("xenstore-rm", "/tool/a")).stderr, /ENOENT/);
  await good("xenstore-rm", "-t", "/tool/c");
  assert.doesNotMatch(await good("xenstore-ls"), /tool/);
});

test("top -b: one look, with shares of the time", async () => {
  await create("spinner", spin);
  await create("sleeper", block);
  const lines = (await good("top", "-b", "-d", "0.2")).split("\n");
  assert.match(lines[1] ?? "", /^2 domains: 1 running, 1 blocked, 0 paused, 0 crashed$/);
  assert.deepEqual(columns(lines[3]), [
    "NAME",
    "STATE",
    "CPU(sec)",
    "CPU(%)",
    "MEM(k)",
    "MEM(%)",
    "MAXMEM(k)",
    "MAXMEM(%)",
    "VCPUS",
  ]);
  const [name, state, , share] = columns(lines[4]);
  assert.deepEqual([name, state], ["spinner", "r-----"]);
  assert.ok(Number(share) > 80 && Number(share) <= 101, share);
  assert.equal(columns(lines[5])[3], "0.0");
  await good("destroy", "-a");
});

test("mem-set, mem-max, vcpu-set, sched-credit2, sched-rtds", async () => {
  const id = await create("guest", block, "maxmem=8", "vcpus=1", "maxvcpus=3", "cpu_weight=512", "cap=50");
  const key = (name: string): Promise<string> => good("xenstore-read", `/local/domain/${id}/${name}`);
  assert.equal(await key("memory/static-max"), "8192\n");
  await good("mem-set", "guest", "6");
  assert.equal(await key("memory/target"), "6144\n");
  await good("mem-max", "guest", "7M");
  assert.match(await good("list", "-l", "guest"), new RegExp(`"max_memkb": ${8 << 10},`));
  assert.match(await bad("mem-set", "guest", "9"), /more than domain \d+ was made for: at most 8 MiB/);
  assert.match(await bad("mem-max", "guest", "5"), /less than the memory target/);
  await good("vcpu-set", "guest", "2");
  assert.equal(await key("cpu/1/availability"), "online\n");
  assert.equal(await key("cpu/2/availability"), "offline\n");
  assert.match(await bad("vcpu-set", "guest", "4"), /can have 1 to 3 vCPUs, not 4/);
  const name = "guest".padEnd(33);
  const pool = "Cpupool Pool-0: ratelimit=1000us\n";
  const header = `${"Name".padEnd(33)}   ID Weight  Cap\n`;
  assert.equal(await good("sched-credit2"), `${pool}${header}${name} ${id.padStart(4)}    512   50\n`);
  await good("sched-credit2", "-d", "guest", "-w", "128");
  assert.equal(await good("sched-credit2", "-d", "guest"), `${header}${name} ${id.padStart(4)}    128   50\n`);
  await good("sched-rtds", "-d", "guest", "-p", "10000", "-b", "2000");
  assert.equal(await good("sched-credit2"), pool + header);
  assert.match(await good("sched-rtds"), /^Cpupool Pool-0: sched=RTDS\n.*\nguest +\d+ +10000 +2000 +(yes|no)\n$/);
  assert.match(await bad("sched-rtds", "-d", "guest", "-b", "20000"), /budget|period/);
  await good("destroy", "guest");
});

test("sched-rtds -v: parameters of single vCPUs, all changes or none", async () => {
  const id = (await create("guest", block, "vcpus=3")).padStart(4);
  const name = "guest".padEnd(33);
  const lines = async (...argv: string[]): Promise<string[]> =>
    (await good("sched-rtds", "-d", "guest", ...argv)).trimEnd().split("\n").slice(1);
  await good("sched-rtds", "-d", "guest", "-v", "all", "-p", "20000", "-b", "1000", "-e", "0");
  await good("sched-rtds", "-d", "guest", "-v", "0", "-p", "300", "-b", "150", "-v", "2", "-p", "400", "-b", "100");
  const vcpus = [
    `${name} ${id}    0       300       150         no`,
    `${name} ${id}    1     20000      1000         no`,
    `${name} ${id}    2       400       100         no`,
  ];
  assert.deepEqual(await lines("-v", "all"), vcpus);
  assert.deepEqual(await lines("-v", "2", "-v", "1"), [vcpus[1], vcpus[2]]);
  assert.deepEqual(await lines(), [`${name} ${id}       300       150         no`]);
  assert.match(await good("sched-rtds", "-v", "all"), /^Cpupool Pool-0: sched=RTDS\nName +ID VCPU +Period .*\n/);
  assert.match(await bad("sched-rtds", "-d", "guest", "-v", "1", "-v", "3", "-e", "1", "-e", "1"), /has no vCPU 3/);
  assert.match(await bad("sched-rtds", "-d", "guest", "-v", "1", "-v", "0", "-b", "200", "-b", "290"), /95|are left/);
  assert.deepEqual(await lines("-v", "all"), vcpus);
  await good("destroy", "guest");
});

test("sched-credit2 -s: the rate limit", async () => {
  await good("sched-credit2", "-s", "-r", "300");
  assert.equal(await good("sched-credit2", "-s"), "Cpupool Pool-0: ratelimit=300us\n");
  assert.match(await bad("sched-credit2", "-s", "-r", "7"), /100 to 500000, not 7/);
  await good("sched-credit2", "--schedparam", "--ratelimit_us=1000");
});

test("every verb has help with an example", async () => {
  const help = await run("--help");
  const verbs = [...help.stdout.matchAll(/^ {2}([a-z][-a-z0-9]*) (?=\[| *<)/gm)].map(([, verb]) => verb ?? "");
  assert.ok(verbs.length > 30, verbs.join(" "));
  for (const verb of verbs) {
    if (verb === "help") continue;
    const { stdout, status } = await run(verb, "--help");
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`Examples?:\n +typervisor ${verb}`), verb);
  }
});

test("no machine: one line that says how to start one", async () => {
  assert.match(
    await bad("list", "--name", "other"),
    /no machine is running on .*other\.sock: start one with `typervisor serve --daemon --name other`/,
  );
});
