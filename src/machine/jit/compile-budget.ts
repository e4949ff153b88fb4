/** How much of the host's time compilation may take, and how hot code must be for it. */

/** Of the host's time, this much may be spent on compilation: 125 milliseconds a second. */
const SHARE = 1 / 8;
/** Milliseconds that are there at first. */
const SAVINGS = 120;
/** When nothing is left, code must be so many times as hot as at first, as a power of two. */
const DEAREST = 4;
/** Milliseconds that can be saved up beyond that: in a second without compilation. */
const IDLE_SAVINGS = 125;
/** When all of them are there, code need not be as hot as at first, by this power of two. */
const CHEAPEST = 0.5;

/**
 * A purse that fills with time. The emptier it is, the hotter must code be: a boot, whose heat is spread widely and soon over, has its
 * hottest code compiled and no more. While it is full, whatever is hot enough to be worth compiling is compiled, and when that has been done,
 * so that it gets fuller, what is not as hot is, too: a program that runs for long gets all it needs, but not before its branches are known.
 * Records that are refused ask again, the hottest of them soonest.
 */
export class CompileBudget {
  #left = SAVINGS;
  #at: number;

  /** @param now host time in milliseconds; always the same if there is no clock: then nothing is ever spent */
  constructor(now: number) {
    this.#at = now;
  }

  /** By what the heat asked for at first is multiplied; infinite if all has been spent. */
  price(now: number): number {
    this.#left = Math.min(SAVINGS + IDLE_SAVINGS, this.#left + (now - this.#at) * SHARE);
    this.#at = now;
    if (this.#left <= 0) return Number.POSITIVE_INFINITY;
    if (this.#left <= SAVINGS) return 2 ** (DEAREST * (1 - this.#left / SAVINGS));
    return 2 ** ((-CHEAPEST * (this.#left - SAVINGS)) / IDLE_SAVINGS);
  }

  /** So many milliseconds have been spent. */
  spend(milliseconds: number): void {
    this.#left -= milliseconds;
  }
}
