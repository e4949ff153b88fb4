/**
 * How much memory a domain has and should have: what `xl mem-set`, `xl mem-max` and `xl list` do and show.
 *
 * A domain is told its target by xenstore (`memory/target`, KiB) and goes there by itself, with its balloon
 * driver and hypercalls. The hypervisor only knows a maximum, that it must not exceed. As libxl, we keep that
 * maximum at the target, so that a domain cannot take back what it was asked to give.
 */
import type { Domain as HypervisorDomain } from "../hypervisor/domain.ts";
import { MAXMEM_SLACK } from "../hypervisor/domain-lifecycle.ts";
import { PAGE_SIZE } from "../machine/memory.ts";
import { formatSize, toBytes } from "./size.ts";
import { domainPath } from "./xenstore/path.ts";
import type { StoreAccess } from "./xenstore/xenstore.ts";

/** Amounts in bytes. */
export interface DomainMemoryInfo {
  /** What it has now: `Mem` of `xl list`. */
  readonly current: number;
  /** What it was asked to have: memory/target. */
  readonly target: number;
  /** The most that the hypervisor lets it have: what was set, and 1 MiB that libxl grants on top. */
  readonly maximum: number;
  /** The most that it was made for (`maxmem`): memory/static-max. */
  readonly staticMaximum: number;
  /** What is promised to it on top of `current`. */
  readonly outstandingClaim: number;
}

export class MemoryControl {
  readonly #xenstore: StoreAccess;
  readonly #domain: HypervisorDomain;

  constructor(xenstore: StoreAccess, domain: HypervisorDomain) {
    this.#xenstore = xenstore;
    this.#domain = domain;
  }

  info(): DomainMemoryInfo {
    const { tot_pages, max_pages, outstanding_pages } = this.#domain.record.mm;
    return {
      current: tot_pages * PAGE_SIZE,
      target: this.#read("target"),
      maximum: max_pages * PAGE_SIZE,
      staticMaximum: this.#read("static-max"),
      outstandingClaim: outstanding_pages * PAGE_SIZE,
    };
  }

  /** Asks the guest to have `size`, and lets it have no more. @throws RangeError */
  setTarget(size: number | string): void {
    const bytes = toBytes(size);
    const limit = this.#read("static-max");
    if (bytes > limit) {
      throw new RangeError(
        `${formatSize(bytes)} is more than domain ${this.#domain.id} was made for: at most ${formatSize(limit)} (maxmem)`,
      );
    }
    this.#domain.record.mm.max_pages = bytes / PAGE_SIZE + MAXMEM_SLACK;
    this.#xenstore.write(this.#path("target"), String(bytes / 1024));
  }

  /** Lets the domain have `size` of its own accord. @throws RangeError */
  setMaximum(size: number | string): void {
    const bytes = toBytes(size);
    const target = this.#read("target");
    if (bytes < target) {
      throw new RangeError(
        `${formatSize(bytes)} is less than the memory target of domain ${this.#domain.id}, which is ${formatSize(target)}`,
      );
    }
    this.#domain.record.mm.max_pages = bytes / PAGE_SIZE + MAXMEM_SLACK;
  }

  #path(key: string): string {
    return `${domainPath(this.#domain.id)}/memory/${key}`;
  }

  /** A key of memory/, in bytes. */
  #read(key: string): number {
    return Number(this.#xenstore.read(this.#path(key)) ?? 0) * 1024;
  }
}
