/** Grants that the host domain has mapped: the same pins and references as a mapping in a real dom0. */
import { GNTST, type GrantStatus } from "../../abi/grant_table.ts";
import type { Hypervisor } from "../hypervisor.ts";
import { holdFrame, pin, releaseFrame, unpin } from "./pin.ts";
import { activeEntryOf } from "./table.ts";

const STATUS_NAMES = new Map<number, string>(Object.entries(GNTST).map(([name, status]) => [status, name]));

/** A grant operation of the host domain failed, as it would have for a real dom0. */
export class GrantError extends Error {
  readonly status: GrantStatus;

  constructor(status: GrantStatus, what: string) {
    super(`${what}: GNTST_${STATUS_NAMES.get(status) ?? status}`);
    this.status = status;
  }
}

export interface MapOptions {
  readonly readonly: boolean;
}

/** A granted frame, mapped. The guest may change it at any time: copy what you check. */
export interface GrantMapping {
  /** The frame. Of a read-only mapping it must not be written. Throws once it is unmapped. */
  readonly bytes: Uint8Array;
  /** Call after writing to `bytes` what the guest might execute (a page that it reads from disk). */
  written(): void;
  unmap(): void;
}

/** A grant that the host has mapped. */
export interface HostMapped {
  readonly domid: number;
  readonly ref: number;
  readonly readonly: boolean;
  readonly mfn: number;
}

/** What a mapping has done by the table that it is in. */
interface MappingOwner {
  written(mapping: Mapping): void;
  unmap(mapping: Mapping): void;
}

class Mapping implements GrantMapping, HostMapped {
  readonly domid: number;
  readonly ref: number;
  readonly readonly: boolean;
  readonly mfn: number;
  live = true;
  readonly #owner: MappingOwner;
  readonly #bytes: Uint8Array;

  constructor(owner: MappingOwner, { domid, ref, readonly, mfn }: HostMapped, bytes: Uint8Array) {
    this.#owner = owner;
    this.domid = domid;
    this.ref = ref;
    this.readonly = readonly;
    this.mfn = mfn;
    this.#bytes = bytes;
  }

  get bytes(): Uint8Array {
    if (!this.live) throw new Error(`map of grant ${this.ref} of domain ${this.domid} has ended`);
    return this.#bytes;
  }

  written(): void {
    if (this.live) this.#owner.written(this);
  }

  unmap(): void {
    if (this.live) this.#owner.unmap(this);
  }
}

export class HostMappings {
  readonly #hv: Hypervisor;
  readonly #domid: number;
  /** By the granter. */
  readonly #mapped = new Map<number, Set<Mapping>>();
  readonly #owner: MappingOwner = {
    written: ({ mfn }) => this.#hv.cpu.frameWritten(mfn),
    unmap: (mapping) => this.#unmap(mapping),
  };

  constructor(hv: Hypervisor, domid: number) {
    this.#hv = hv;
    this.#domid = domid;
  }

  get count(): number {
    let count = 0;
    for (const mappings of this.#mapped.values()) count += mappings.size;
    return count;
  }

  /** All that is mapped now. */
  *all(): Generator<HostMapped> {
    for (const mappings of this.#mapped.values()) yield* mappings;
  }

  map(domid: number, ref: number, { readonly }: MapOptions): GrantMapping {
    const hv = this.#hv;
    const what = `map of grant ${ref} of domain ${domid}`;
    const granter = hv.domains.get(domid);
    if (granter === undefined || granter.isDying) throw new GrantError(GNTST.bad_domain, what);
    const status = pin(granter, ref, { domid: this.#domid, readonly, mapping: true, kinds: ["host"] });
    if (status !== GNTST.okay) throw new GrantError(status, what);
    const { mfn } = activeEntryOf(granter, ref);
    if (!holdFrame(granter, mfn, readonly)) {
      unpin(granter, ref, "host", readonly);
      throw new GrantError(GNTST.general_error, what);
    }
    const mapping = new Mapping(this.#owner, { domid, ref, readonly, mfn }, hv.memory.frame(mfn));
    const mapped = this.#mapped.get(domid) ?? new Set();
    this.#mapped.set(domid, mapped.add(mapping));
    return mapping;
  }

  /** Ends all mappings of a domain's frames. */
  releaseAll(domid: number): void {
    for (const mapping of this.#mapped.get(domid) ?? []) this.#unmap(mapping);
  }

  #unmap(mapping: Mapping): void {
    mapping.live = false;
    const mapped = this.#mapped.get(mapping.domid);
    mapped?.delete(mapping);
    if (mapped?.size === 0) this.#mapped.delete(mapping.domid);
    const granter = this.#hv.domains.get(mapping.domid);
    if (granter === undefined) throw new Error(`domain ${mapping.domid} went away before its grants`);
    if (!mapping.readonly) this.#hv.cpu.frameWritten(mapping.mfn);
    releaseFrame(granter, mapping.mfn, mapping.readonly);
    unpin(granter, mapping.ref, "host", mapping.readonly);
  }
}
