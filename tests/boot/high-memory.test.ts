/** Debian's kernel in frames above 2 GiB, where a signed 32-bit address would be negative. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { framesOf } from "../../src/hypervisor/mm/domain-frames.ts";
import { createMachine } from "../../src/index.ts";
import { GuestShell, noGuest } from "./guest-shell.ts";

const skip = await noGuest();
let guest: GuestShell;
before(async () => {
  // Domains' memory is taken from the top.
  if (skip) return;
  const machine = await createMachine({ memory: "3900M" });
  guest = await GuestShell.boot({ memory: "192M", maxMemory: "256M", machine });
});
after(() => guest?.machine.destroy());

test("it boots there, and its programs run", { skip, timeout: 240_000 }, async () => {
  const lowest = Math.min(...framesOf(guest.domain.hypervisorDomain));
  assert.ok(lowest * 4096 > 2 ** 31, `frame ${lowest}`);
  // Page-crossing instructions, self-modifying kernel code, string instructions, pipes and processes.
  const script = `
    dd if=/dev/urandom of=/tmp/r bs=64k count=64 2>/dev/null
    a=$(md5sum < /tmp/r); b=$(gzip < /tmp/r | gunzip | md5sum); [ "$a" = "$b" ] && echo same
    i=0; while [ $i -lt 50 ]; do (true) | cat; i=$((i+1)); done; echo $i
    sort /etc/passwd | wc -l; dmesg | grep -E 'BUG:|Oops|WARNING:'
  `;
  const { stdout } = await guest.run(script);
  assert.match(stdout, /^same\n50\n\d+\n$/);
});

test("it balloons there", { skip, timeout: 120_000 }, async () => {
  for (const size of [256, 160]) {
    guest.domain.setMemoryTarget(`${size}M`);
    for (let tries = 0; tries < 100 && guest.domain.memory.current !== size << 20; tries++)
      await guest.run("sleep 0.2");
    assert.equal(guest.domain.memory.current, size << 20);
  }
});
