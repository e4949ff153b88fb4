/**
 * A platform from what every JavaScript host has: browsers, workers, Node, Deno.
 *
 * Yielding by `setTimeout(0)` would cost 4 ms each time in a browser, so it goes
 * through `setImmediate` where there is one and a MessageChannel elsewhere.
 */
import type { Platform } from "./types.ts";

interface Port {
  onmessage: (() => void) | null;
  postMessage(message: unknown): void;
}

/** The globals that are used here; the core is compiled without any host's types. */
interface Host {
  performance: { now(): number; timeOrigin: number };
  setTimeout(callback: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
  crypto: { getRandomValues(array: BigUint64Array): BigUint64Array };
  setImmediate?(callback: () => void): unknown;
  MessageChannel?: new () => { port1: Port; port2: Port };
}

/** Longest delay that `setTimeout` takes; it treats longer ones as none. */
const LONGEST_TIMEOUT = 0x7fffffff;

export function createDefaultPlatform(): Platform {
  const host = globalThis as unknown as Host;
  // In Node it is a getter, which takes as long as reading the clock; guests do that at each system call.
  const { performance } = host;
  const turn = turnTaker(host);
  const one = new BigUint64Array(1);
  return {
    now: () => performance.now() * 1e6,
    wallclock: () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e3)) * 1000n,
    random: () => host.crypto.getRandomValues(one)[0] as bigint,
    yield: () => new Promise(turn),
    after: (nanoseconds, callback) => {
      const timer = host.setTimeout(callback, Math.min(Math.max(nanoseconds / 1e6, 0), LONGEST_TIMEOUT));
      return () => host.clearTimeout(timer);
    },
  };
}

/** How to have a function called in the event loop's next turn. */
function turnTaker(host: Host): (callback: () => void) => void {
  const { setImmediate, MessageChannel } = host;
  if (setImmediate !== undefined) return (callback) => setImmediate(callback);
  if (MessageChannel === undefined) return (callback) => host.setTimeout(callback, 0);
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port1.onmessage = () => waiting.shift()?.();
  return (callback) => {
    waiting.push(callback);
    port2.postMessage(undefined);
  };
}
