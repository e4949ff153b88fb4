/** How much of the host's time compilation may take, and how hot code must be for it. */

/** Of the host's time, this much may be spent on compilation: 125 milliseconds a second. */
const SHARE = 1 / 8;
/** Milliseconds that can be saved up. */
const SAVINGS = 120;
/** When nothing is left, code must be so many times as hot as when nothing has been spent, as a power of two. */
const DEAREST = 4;

/**
 * A purse that fills with time. While it is full, whatever is hot enough to be worth compiling is compiled. The emptier it is, the
 * hotter must code be: a boot, whose heat is spread widely and soon over, has its hottest code compiled and no more, and a program
 * that runs for long gets all it needs. Records that are refused ask again, the hottest of them soonest.
 */
export class CompileBudget {
  #left = SAVINGS;
  #at: number;

  /** @param now host time in milliseconds; always the same if there is no clock: then nothing is ever spent */
  constructor(now: number) {
    this.#at = now;
  }

  /** By how much the heat must exceed what is asked for when nothing has been spent; infinite if all has been. */
  price(now: number): number {
    this.#left = Math.min(SAVINGS, this.#left + (now - this.#at) * SHARE);
    this.#at = now;
    return this.#left <= 0 ? Number.POSITIVE_INFINITY : 2 ** (DEAREST * (1 - this.#left / SAVINGS));
  }

  /** So many milliseconds have been spent. */
  spend(milliseconds: number): void {
    this.#left -= milliseconds;
  }
}
