/**
 * A platform whose clock is the processor time of this process: what else the host does is not seen, so that
 * shares of the processor can be compared on a busy host. While the machine sleeps, time passes as usual.
 */
import { createDefaultPlatform } from "../../src/platform/default.ts";
import type { Platform } from "../../src/platform/types.ts";

export function processorTimePlatform(): Platform {
  const real = createDefaultPlatform();
  let slept = 0;
  const used = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) * 1000;
  };
  return {
    ...real,
    now: () => used() + slept,
    after(nanoseconds, callback) {
      const began = real.now();
      const usedBefore = used();
      return real.after(nanoseconds, () => {
        slept += Math.max(0, real.now() - began - (used() - usedBefore));
        callback();
      });
    },
  };
}
