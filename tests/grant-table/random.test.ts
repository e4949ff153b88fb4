import assert from "node:assert/strict";
import { test } from "node:test";
import * as abi from "../../src/abi/grant_table.ts";
import { GrantError, type GrantMapping } from "../../src/hypervisor/grant-table/host-mapping.ts";
import { checkGrants, heldByGrantsAndEvents } from "../../src/hypervisor/grant-table/invariants.ts";
import { grantTableOp } from "../../src/hypervisor/grant-table/op.ts";
import { sharedEntryAddress } from "../../src/hypervisor/grant-table/table.ts";
import { HostDomain } from "../../src/hypervisor/host-domain.ts";
import { checkInvariants } from "../../src/hypervisor/mm/invariants.ts";
import { updateL1Entry } from "../../src/hypervisor/mm/update-entry.ts";
import { type TestGuest, TestMachine } from "../event-channel/machine.ts";
import { copy, DEVICE, grantFrame, HOST, MAP_RO, map, OP, RO, setVersion, unmap } from "./grants.ts";

/** Small numbers of everything, so that accidents happen. */
const REFS = 6;
const PAGES = 8;

/** Three guests and the host do what they like; after each few steps all accounts must balance. */
function play(seed: number, steps: number): void {
  let state = seed;
  const random = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % n;
  };
  const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
  const machine = new TestMachine();
  const host = new HostDomain(machine.hv);
  const guests = [machine.guest(1), machine.guest(2), machine.guest(3)];
  const mapped: { guest: TestGuest; handle: number; address: bigint; bus: bigint }[] = [];
  let hostMapped: GrantMapping[] = [];
  let succeeded = 0;
  const dom = (): number => random(4);
  const flags = (): number =>
    pick([HOST, DEVICE, HOST | DEVICE, HOST | MAP_RO, DEVICE | MAP_RO, HOST | DEVICE | MAP_RO, 0]);
  const ref = (): number => 8 + random(REFS);
  const address = (guest: TestGuest): bigint => (random(12) === 0 ? 0x7000_0000_0000n : guest.va(random(PAGES)));

  const actions: ((guest: TestGuest) => void)[] = [
    (guest) => {
      const entry = ref();
      const mfn = random(10) === 0 ? pick([guest.l1, 3, 2 ** 31, guests[0]!.data[0]!]) : guest.data[random(PAGES)]!;
      const grantFlags = pick([1, 1, 1, 1 | RO, 0, 2, 3, 0x101]);
      if (guest.domain.record.grant.version === 1)
        grantFrame(guest, entry, dom(), mfn, grantFlags | (random(3) === 0 ? 0x18 : 0));
      else {
        const v2 = abi.grantEntryV2.at(machine.hv.memory, sharedEntryAddress(guest.domain, entry));
        v2.full_page.frame = BigInt(mfn);
        v2.hdr.domid = dom();
        v2.hdr.flags = grantFlags;
        if (grantFlags === 3) {
          v2.transitive.trans_domid = dom();
          v2.transitive.gref = ref();
        }
      }
    },
    (guest) => {
      const at = address(guest);
      const result = map(guest, dom(), ref(), at, flags());
      if (result.result === 0 && result.status === 0) {
        succeeded++;
        mapped.push({ guest, handle: result.handle, address: at, bus: result.bus });
      }
    },
    () => {
      if (mapped.length === 0) return;
      const { guest, handle, address: at, bus } = pick(mapped);
      unmap(guest, handle, pick([at, at, 0n, guest.va(1)]), pick([bus, 0n, bus + 4096n]));
    },
    () => {
      if (mapped.length === 0) return;
      const { guest, handle, address: at } = pick(mapped);
      guest.argument(abi.gnttabUnmapAndReplace, (v) => {
        v.host_addr = at;
        v.new_addr = pick([0n, address(guest), guest.va(30)]);
        v.handle = handle;
      });
      guest.call(grantTableOp, [OP.unmap_and_replace, undefined, 1]);
    },
    (guest) => {
      const side = () =>
        random(2) === 0
          ? { dom: dom(), ref: ref(), offset: random(4096) }
          : { mfn: pick([...guest.data.slice(0, PAGES), guest.l1]), offset: random(4096) };
      copy(guest, side(), side(), random(5000));
    },
    (guest) => {
      // The guest changes its own mappings, granted ones among them.
      const at = guest.l1 * 4096 + random(PAGES) * 8;
      const lo = pick([
        0,
        ((guest.data[random(PAGES)]! << 12) | 0x67) >>> 0,
        ((guest.data[random(PAGES)]! << 12) | 0x65) >>> 0,
      ]);
      updateL1Entry(guest.domain, guest.domain.id, at, lo, 0, false);
    },
    () => {
      try {
        hostMapped.push(host.mapGrant(1 + random(3), ref(), { readonly: random(2) === 0 }));
        succeeded++;
      } catch (error) {
        if (!(error instanceof GrantError)) throw error;
      }
    },
    () => {
      if (hostMapped.length > 4) {
        for (const mapping of hostMapped) mapping.unmap();
        hostMapped = [];
      }
    },
    (guest) => void (random(10) === 0 && setVersion(guest, 1 + random(2))),
    (guest) => {
      guest.argument(abi.gnttabSwapGrantRef, (v) => {
        v.ref_a = ref();
        v.ref_b = ref();
      });
      guest.call(grantTableOp, [OP.swap_grant_ref, undefined, 1]);
    },
    (guest) => {
      guest.argument(abi.gnttabTransfer, (v) => {
        v.mfn = BigInt(guest.data[random(PAGES)]!);
        v.domid = 1 + random(3);
        v.ref = ref();
      });
      if (random(20) === 0) guest.call(grantTableOp, [OP.transfer, undefined, 1]);
    },
  ];
  for (let step = 0; step < steps; step++) {
    pick(actions)(pick(guests));
    if (step % 100 !== 99) continue;
    const problems = checkInvariants(machine.hv, { ...heldByGrantsAndEvents(machine.hv), skipFreeFrames: true });
    assert.deepEqual(problems, [], `seed ${seed}, step ${step}`);
    assert.deepEqual(
      checkGrants(machine.hv).filter((p) => !p.endsWith("in secret")),
      [],
      `seed ${seed}, step ${step}`,
    );
  }
  assert.ok(succeeded > steps / 100, `only ${succeeded} mappings succeeded`);
}

for (const seed of [1, 2, 3]) {
  test(`random grants keep all accounts, seed ${seed}`, () => play(seed, 1500));
}
