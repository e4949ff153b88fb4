/**
 * The samples of a profile: one row each, in columns. Every sample stands for the same time.
 *
 * Their number is bounded. When there are too many, every second one is dropped and the others
 * stand for twice the time, so that a profile can go on for as long as it likes.
 */

/** `domain` of samples that are no domain's: DOMID_IDLE. */
export const NO_DOMAIN = 0x7fff;

/** Domains have lower numbers. */
export const NO_DOMID = 0x8000;

/** Where a guest was, or which part of it the hypervisor worked for. */
export interface Place {
  /** Linear address, in halves. */
  low: number;
  high: number;
  /** Frame of the page-table root: tells processes apart. */
  root: number;
  /** Guest user mode; else guest kernel mode. */
  user: boolean;
  domain: number;
  vcpu: number;
}

export interface Sample extends Place {
  /** Number of the activity. */
  readonly activity: number;
}

const FIRST_ROOM = 4096;
const USER = 1;

export class SampleLog {
  /** Time that each sample stands for, in nanoseconds. */
  interval: number;
  readonly #limit: number;
  #length = 0;
  #low = new Uint32Array(FIRST_ROOM);
  #high = new Uint32Array(FIRST_ROOM);
  #root = new Uint32Array(FIRST_ROOM);
  #domain = new Uint16Array(FIRST_ROOM);
  #vcpu = new Uint16Array(FIRST_ROOM);
  #activity = new Uint16Array(FIRST_ROOM);
  #flags = new Uint8Array(FIRST_ROOM);

  /** @param limit samples that are kept at most, an even number */
  constructor(interval: number, limit = 1 << 19) {
    this.interval = interval;
    this.#limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  push(place: Place, activity: number): void {
    const at = this.#length;
    if (at === this.#low.length) this.#grow();
    this.#low[at] = place.low;
    this.#high[at] = place.high;
    this.#root[at] = place.root;
    this.#domain[at] = place.domain;
    this.#vcpu[at] = place.vcpu;
    this.#activity[at] = activity;
    this.#flags[at] = place.user ? USER : 0;
    this.#length = at + 1;
    if (this.#length >= this.#limit) this.#thin();
  }

  /** Gives a domain's samples another number: a new domain may get the one that it had. */
  renumber(from: number, to: number): void {
    for (let i = 0; i < this.#length; i++) if (this.#domain[i] === from) this.#domain[i] = to;
  }

  /** In the order in which they were taken. */
  *[Symbol.iterator](): Generator<Sample> {
    for (let i = 0; i < this.#length; i++) {
      yield {
        low: this.#low[i]!,
        high: this.#high[i]!,
        root: this.#root[i]!,
        user: (this.#flags[i]! & USER) !== 0,
        domain: this.#domain[i]!,
        vcpu: this.#vcpu[i]!,
        activity: this.#activity[i]!,
      };
    }
  }

  #grow(): void {
    const grown = <T extends Uint32Array | Uint16Array | Uint8Array>(column: T, larger: T): T => {
      larger.set(column);
      return larger;
    };
    const room = this.#low.length * 2;
    this.#low = grown(this.#low, new Uint32Array(room));
    this.#high = grown(this.#high, new Uint32Array(room));
    this.#root = grown(this.#root, new Uint32Array(room));
    this.#domain = grown(this.#domain, new Uint16Array(room));
    this.#vcpu = grown(this.#vcpu, new Uint16Array(room));
    this.#activity = grown(this.#activity, new Uint16Array(room));
    this.#flags = grown(this.#flags, new Uint8Array(room));
  }

  #thin(): void {
    const columns = [this.#low, this.#high, this.#root, this.#domain, this.#vcpu, this.#activity, this.#flags];
    for (const column of columns) {
      for (let i = 0; i * 2 < this.#length; i++) column[i] = column[i * 2]!;
    }
    this.#length = Math.ceil(this.#length / 2);
    this.interval *= 2;
  }
}
