/** Arguments that look as if a guest had meant them, most of the time. */
import { grantEntryV1, grantEntryV2 } from "../../src/abi/grant_table.ts";
import type { StructDef, struct } from "../../src/abi/struct.ts";
import { sharedFrame } from "../../src/hypervisor/grant-table/table.ts";
import { PAGE_SIZE } from "../../src/machine/memory.ts";
import { ARGUMENTS, DATA_PAGES, type FuzzMachine, PAGES } from "./machine.ts";

type AnyStruct = StructDef<Parameters<typeof struct>[1]>;

/** Addresses at which something begins or ends. */
const EDGES = [
  0n,
  0xfffn,
  0x7fff_ffff_f000n,
  0x7fff_ffff_fff8n,
  0x8000_0000_0000n,
  0xffff_7fff_ffff_fff8n,
  0xffff_8000_0000_0000n,
  0xffff_8200_0000_0000n,
  0xffff_87ff_ffff_fff8n,
  0xffff_8800_0000_0000n,
  0xffff_ffff_ffff_f000n,
  0xffff_ffff_ffff_fff8n,
  0xffff_ffff_ffff_ffffn,
];
const NUMBERS = [0, 1, 2, 3, 4, 7, 8, 16, 17, 31, 32, 63, 64, 255, 256, 511, 512, 513, 1024, 4095, 4096, 7168, 8192];

export class Arguments {
  readonly #machine: FuzzMachine;

  constructor(machine: FuzzMachine) {
    this.#machine = machine;
  }

  /** A linear address: mostly in one of the guest's pages. */
  address(): bigint {
    const { random, guest } = this.#machine;
    if (random.oneIn(12)) return random.oneIn(4) ? random.word() : random.pick(EDGES);
    const offset = random.pick([0, 0, 0, 8, 0x7f8, 0xff0, 0xff8, 0xffc, 0xfff, random.below(PAGE_SIZE)]);
    return guest.va(random.below(PAGES + 2), offset);
  }

  /** The address of a page. */
  page(): bigint {
    return this.address() & ~0xfffn;
  }

  frame(): number {
    const { random, guest, guests, hv } = this.#machine;
    switch (random.below(16)) {
      case 0:
        return random.below(hv.frames.count + 2);
      case 1:
        return random.pick(random.pick(guests).mfns);
      case 2:
        return Number(guest.domain.record.shared_info) / PAGE_SIZE;
      case 3:
        return sharedFrame(guest.domain, 0);
      case 4:
        return random.pick([0, 2 ** 31, 2 ** 32 - 1]);
      case 5:
      case 6:
      case 7:
        return guest.mfns[DATA_PAGES + random.below(PAGES - DATA_PAGES)]!;
      default:
        return guest.mfns[4 + random.below(DATA_PAGES - 4)]!;
    }
  }

  entry(): bigint {
    const { random } = this.#machine;
    if (random.oneIn(16)) return random.word();
    const flags = random.pick([0, 1, 1, 3, 3, 5, 7, 0x61, 0x63, 0x67, 0x67, 0x83, 0x101, 0x11, 0xe07]);
    const high = random.oneIn(8) ? random.pick([1n << 63n, 1n << 52n, 1n << 51n, 0xffn << 52n]) : 0n;
    return (BigInt(this.frame()) << 12n) | BigInt(flags) | high;
  }

  /** Machine address of a page-table entry. */
  pointer(): bigint {
    const { random } = this.#machine;
    const index = random.pick([0, 0, 1, 2, 3, 10, 24, 31, 255, 256, 260, 271, 272, 511, random.below(512)]);
    return BigInt(this.frame()) * 4096n + BigInt(index * 8) + BigInt(random.oneIn(20) ? random.below(8) : 0);
  }

  domid(): number {
    const { random, guests } = this.#machine;
    const guest = random.pick(guests).domain.id;
    return random.pick([0x7ff0, 0x7ff0, 0x7ff0, guest, guest, guest, 0, 0x7ff1, 0x7ff2, 0x7ff4]);
  }

  small(): number {
    const { random } = this.#machine;
    return random.oneIn(12) ? random.below(2 ** 32) : random.oneIn(2) ? random.below(4) : random.pick(NUMBERS);
  }

  any(): bigint {
    const { random } = this.#machine;
    return random.pick([
      () => this.address(),
      () => this.entry(),
      () => this.pointer(),
      () => BigInt(this.frame()),
      () => BigInt(this.small()),
      () => random.word(),
      () => BigInt(this.domid()),
    ])();
  }

  /** A value for a field, by what its name means in the public headers. */
  field(name: string): bigint {
    const { random } = this.#machine;
    if (/dom/.test(name)) return BigInt(this.domid());
    if (/host_addr|dev_bus_addr|new_addr/.test(name)) {
      return random.pick([() => this.page(), () => this.pointer(), () => 0n, () => BigInt(this.frame()) << 12n])();
    }
    if (/mfn|gfn|^frame$/.test(name)) return BigInt(this.frame());
    if (/addr|start|list|buffer|bitmap|ports|handler|callback/.test(name)) return this.address();
    if (/offset/.test(name)) return BigInt(random.pick([0, 0, 8, 64, 4032, 4033, 4095, 4096, this.small()]));
    if (/port/.test(name)) return BigInt(random.oneIn(10) ? this.small() : random.below(12));
    if (/vcpu/.test(name)) return BigInt(random.oneIn(10) ? this.small() : random.below(2));
    if (/virq/.test(name)) return BigInt(random.below(26));
    if (/ref|handle/.test(name)) return BigInt(random.oneIn(10) ? this.small() : random.below(12));
    if (/flags/.test(name)) return BigInt(random.below(0x80));
    if (/order/.test(name)) return BigInt(random.oneIn(4) ? random.below(12) : 0);
    if (/timeout|period/.test(name)) return BigInt(this.#machine.now + random.below(2_000_000) - 1_000_000);
    if (/version/.test(name)) return BigInt(1 + random.below(2));
    return BigInt(this.small());
  }

  /** Fills a structure in the argument page, and returns its address. */
  struct(def: AnyStruct, at = 0): bigint {
    const u8 = new Uint8Array(def.sizeof);
    this.#fill(def.at({ u8, dv: new DataView(u8.buffer) }, 0) as unknown as Record<string, unknown>);
    this.#machine.write(ARGUMENTS, at, u8);
    return this.#machine.guest.va(ARGUMENTS, at);
  }

  #fill(view: Record<string, unknown>): void {
    const { random } = this.#machine;
    for (const name in view) {
      const value = view[name];
      if (name === "address" || name === "bytes") continue;
      if (typeof value === "number") view[name] = Number(this.field(name) & 0xffff_ffffn);
      else if (typeof value === "bigint") view[name] = this.field(name);
      else if (value instanceof Uint8Array) for (let i = 0; i < value.length; i += 7) value[i] = random.below(256);
      else if (typeof value === "object" && value !== null && !("get" in value)) {
        this.#fill(value as Record<string, unknown>);
      }
    }
  }

  /** An array of `count` structures; they run on over the argument page's end if there are many. */
  array(def: AnyStruct, count: number): bigint {
    for (let i = 0; i < count && (i + 1) * def.sizeof <= PAGE_SIZE; i++) this.struct(def, i * def.sizeof);
    return this.#machine.guest.va(ARGUMENTS);
  }

  /** Puts 64-bit words into the argument page. */
  words(values: readonly bigint[], at = 0): bigint {
    this.#machine.writeWords(ARGUMENTS, at, values);
    return this.#machine.guest.va(ARGUMENTS, at);
  }

  /** The guest grants something to somebody, by an entry of the version that it has. */
  grant(): void {
    const { guest, hv, random } = this.#machine;
    const ref = random.below(12);
    const table = sharedFrame(guest.domain, 0) * PAGE_SIZE;
    if (guest.domain.record.grant.version === 2) {
      const entry = grantEntryV2.at(hv.memory, table + ref * grantEntryV2.sizeof);
      entry.hdr.domid = this.domid();
      if (random.oneIn(4)) {
        entry.transitive.trans_domid = this.domid();
        entry.transitive.gref = random.below(12);
      } else entry.full_page.frame = BigInt(this.frame());
      if (random.oneIn(4)) {
        entry.sub_page.page_off = random.below(4200);
        entry.sub_page.length = random.below(4200);
      }
      entry.hdr.flags = random.pick([1, 1, 1, 3, 3, 5, 0x101, 0x105, random.below(0x200)]);
      return;
    }
    const entry = grantEntryV1.at(hv.memory, table + ref * grantEntryV1.sizeof);
    entry.frame = this.frame();
    entry.domid = this.domid();
    entry.flags = random.pick([1, 1, 1, 5, 2, 3, 0x101, random.below(0x200)]);
  }
}
