/** What a machine needs from the program that it runs in. */
export interface Platform {
  /** Nanoseconds of a clock that never goes back, from any starting point. */
  now(): number;
  /** The time of day: nanoseconds of UTC since 1970. */
  wallclock(): bigint;
  /** 64 random bits, fit for cryptography. */
  random(): bigint;
  /** Lets the host's event loop take one turn: input arrives, timers fire, others run. */
  yield(): Promise<void>;
  /** Calls `callback` after some nanoseconds (or later). Returns how to cancel it. */
  after(nanoseconds: number, callback: () => void): () => void;
}
