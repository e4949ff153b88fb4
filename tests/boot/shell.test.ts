/** Linux and busybox at work: each test compares what commands print with what they must print. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { GuestShell, noGuest } from "./guest-shell.ts";

const skip = await noGuest();
let guest: GuestShell;

/** What `seq 1 50000` has by Debian's own coreutils: bytes, SHA-256, MD5, SHA-1, SHA-512 (its start). */
const SEQ_50000 = [
  "288894",
  "44969d026ed4164dbe77d48d4d359e98ac4057008cafd61723be72bff83e5fd4  -",
  "c1d4ba52c72ac7bcc71ff2d6c083e684  -",
  "5123787c62c8aed835c335b52f1891a5220dffea  -",
  "da299cfe9c653e4e998c100799f39e06\n",
].join("\n");
before(async () => {
  if (!skip) guest = await GuestShell.boot({ virtualTime: true });
});
after(() => guest?.machine.destroy());

/** Runs a script that must succeed silently. */
async function prints(script: string, expected: string | RegExp): Promise<void> {
  const { stdout, stderr, status } = await guest.run(script);
  if (typeof expected === "string") assert.equal(stdout, expected, stderr);
  else assert.match(stdout, expected, stderr);
  assert.equal(stderr, "");
  assert.equal(status, 0);
}

test("the kernel knows where it is", { skip }, async () => {
  await prints("cat /sys/hypervisor/type", "xen\n");
  await prints(
    "cat /sys/hypervisor/properties/features >/dev/null; ls /sys/bus/xen/devices",
    "console-1\nconsole-2\nconsole-3\n",
  );
  await prints("uname -sm", "Linux x86_64\n");
  await prints(
    "dmesg | grep -oE 'Booting .*|Xen version: 4[.][0-9]+'",
    /^Booting (paravirtualized )?kernel on Xen\nXen version: 4\.\d+\n$/,
  );
  await prints("grep -c ^processor /proc/cpuinfo", "1\n");
  await prints(
    "for flag in fpu tsc msr cx8 cmov mmx fxsr sse sse2 syscall nx lm hypervisor; do grep -qw $flag /proc/cpuinfo || echo $flag; done",
    "",
  );
  // What a PV guest must not see.
  await prints(
    "for flag in pse pge mtrr vme pcid smep smap x2apic; do if grep '^flags' /proc/cpuinfo | grep -qw $flag; then echo $flag; fi; done",
    "",
  );
  await prints("cat /proc/interrupts", /xen-percpu +-virq +timer0\n[\s\S]* hvc_console\n/);
  await prints("grep MemTotal /proc/meminfo", /^MemTotal: +2\d{5} kB\n$/);
  await prints("cat /sys/devices/system/clocksource/clocksource0/current_clocksource", "xen\n");
});

test("no warning in the kernel's log", { skip }, async () => {
  const { stdout } = await guest.run("dmesg | grep -E 'WARNING|BUG|Oops|Call Trace|stalled|segfault|traps:'");
  assert.equal(stdout, "");
});

test("files, mounts, devices", { skip }, async () => {
  await prints(
    "mount | cut -d' ' -f1-5 | sort",
    /^devpts on \/dev\/pts type devpts\n[\s\S]*proc on \/proc type proc\n[\s\S]*sysfs on \/sys type sysfs\n/,
  );
  await prints(
    "cd /tmp; mkdir -p a/b; echo one >a/f; ln -s f a/l; ln a/f a/h; ls -1F a; cat a/l; stat -c '%h %s' a/f; mv a/h a/b; find a | sort",
    "b/\nf\nh\nl@\none\n2 4\na\na/b\na/b/h\na/f\na/l\n",
  );
  await prints("cd /tmp; rm -r a; ls | wc -l", "0\n");
  await prints(
    "mkdir /tmp/m; mount -t tmpfs -o size=1M none /tmp/m; dd if=/dev/zero of=/tmp/m/f bs=64k 2>/dev/null; stat -c %s /tmp/m/f; umount /tmp/m; ls /tmp/m",
    "1048576\n",
  );
  await prints("ls -l /dev/null /dev/zero | cut -c1-10", "crw-rw-rw-\ncrw-rw-rw-\n");
  await prints("head -c 100000 /dev/urandom | wc -c", "100000\n");
  await prints("chmod 640 /etc/hosts; chown 7:8 /etc/hosts; stat -c '%a %u %g' /etc/hosts", "640 7 8\n");
});

test("text: awk, sed, sort, grep, cut, tr", { skip }, async () => {
  await prints(
    "seq 1 100 | awk '{ s += $1; q += $1 * $1 } END { print s, q, s / 7, s % 7 }'",
    "5050 338350 721.429 3\n",
  );
  await prints("seq 1 20 | sed -n 's/^1\\(.\\)$/<\\1>/p' | tr -d '\\n'", "<0><1><2><3><4><5><6><7><8><9>");
  await prints("seq 1 2000 | sort -r | sort -n | uniq | tail -n 1", "2000\n");
  await prints("seq 1 300 | sort | md5sum", "c0a3b3eb8d5fbc73c6c1dc32dadcbb3c  -\n");
  await prints("printf 'b 2\\na 10\\nc 1\\n' | sort -k2n | cut -d' ' -f1 | tr a-c A-C | tr '\\n' ' '", "C B A ");
  await prints("grep -c root /etc/passwd; echo 'x=1,y=22' | grep -oE '[0-9]+'", "1\n1\n22\n");
  await prints(
    "awk 'BEGIN { printf \"%.17g %e %d %x\\n\", 0.1, 12345.678, -7, 255 }'",
    "0.10000000000000001 1.234568e+04 -7 ff\n",
  );
  await prints(
    "echo '2^100; scale=30; 1/7; sqrt(2)' | bc",
    "1267650600228229401496703205376\n.142857142857142857142857142857\n1.414213562373095048801688724209\n",
  );
});

test("checksums and compression", { skip }, async () => {
  await prints(
    "seq 1 50000 >/tmp/n; wc -c </tmp/n; sha256sum </tmp/n; md5sum </tmp/n; sha1sum </tmp/n; sha512sum </tmp/n | cut -c1-32",
    SEQ_50000,
  );
  await prints("gzip -c /tmp/n | gunzip | cmp - /tmp/n && gzip -c /tmp/n | wc -c", /^1\d{5}\n$/);
  await prints("bzip2 -c /tmp/n | bunzip2 | cmp - /tmp/n && echo same", "same\n");
  await prints(
    "cd /tmp; tar czf n.tgz n; mkdir x; tar xzf n.tgz -C x; cmp n x/n && echo same; rm -r x n.tgz",
    "same\n",
  );
  await prints("dd if=/dev/zero bs=4k count=1000 2>/dev/null | sha256sum | cut -c1-16", "830497acdc4cbdeb\n");
});

test("processes: fork, exec, wait, pipes, status", { skip }, async () => {
  await prints("i=0; while [ $i -lt 60 ]; do /bin/busybox true; i=$((i+1)); done; echo $i", "60\n");
  await prints("i=0; s=0; while [ $i -lt 20000 ]; do i=$((i+1)); s=$((s+i)); done; echo $s", "200010000\n");
  await prints("seq 1 1000 | cat | cat | cat | cat | tail -n 1", "1000\n");
  await prints(
    "for i in 1 2 3 4 5 6 7 8; do (exit $i) & done; n=0; for p in $(jobs -p); do wait $p; n=$((n + $?)); done; echo $n",
    "36\n",
  );
  await prints(
    "sh -c 'exit 42'; echo $?; sh -c 'kill -9 $$' 2>/dev/null; echo $?; nonsense 2>/dev/null; echo $?",
    "42\n137\n127\n",
  );
  await prints("ps | grep -c '\\[kthreadd\\]'; ps -o comm | grep -cx init", /^[12]\n\d\n$/);
  await prints("(ulimit -v 4000; head -c 100 /dev/zero | wc -c); ulimit -n", /^100\n\d+\n$/);
  // A stack that grows, and a program that cannot have what it asks for.
  await prints("f() { [ $1 = 0 ] || f $(($1 - 1)); }; f 500 && echo deep", "deep\n");
});

test("signals", { skip }, async () => {
  await prints("sh -c 'trap \"echo trapped; exit 3\" TERM; kill -TERM $$; sleep 5'; echo $?", "trapped\n3\n");
  await prints("{ sleep 1000 & p=$!; kill $p; wait $p; echo $?; } 2>/dev/null", "143\n");
  await prints(
    "sleep 1000 & p=$!; kill -STOP $p; sleep 0.1; grep State /proc/$p/status; kill -CONT $p; kill -9 $p; wait $p 2>/dev/null; echo $?",
    "State:\tT (stopped)\n137\n",
  );
  await prints("{ timeout 1 sleep 100; echo $?; } 2>/dev/null", "143\n");
  await prints("yes | head -n 3", "y\ny\ny\n");
});

test("time passes", { skip }, async () => {
  await prints("date -u +%Y-%m-%d", "2026-01-01\n");
  const { stdout } = await guest.run(
    "a=$(date +%s); sleep 10; b=$(date +%s); echo $((b - a)); read u rest </proc/uptime; sleep 0.5; cat /proc/uptime >/dev/null",
  );
  assert.match(stdout, /^1[01]\n$/);
  await prints("date -u -d @1000000000 +%FT%TZ", "2001-09-09T01:46:40Z\n");
});

test("the loopback network, and a terminal", { skip }, async () => {
  await prints("(echo hello | nc -l -p 4000) & sleep 0.2; nc 127.0.0.1 4000 </dev/null", "hello\n");
  await prints("ls /dev/pts; (exec 3<>/dev/ptmx; ls /dev/pts)", "ptmx\n0\nptmx\n");
});

test("still no warning in the kernel's log, and reboot ends the domain", { skip }, async () => {
  const { stdout } = await guest.run("dmesg | grep -E 'WARNING|BUG|Oops|Call Trace|stalled|segfault|traps:'");
  assert.equal(stdout, "");
  guest.send("reboot -f\n");
  assert.equal((await guest.domain.wait()).reason, "reboot");
});
