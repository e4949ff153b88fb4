/**
 * Channel 2 of the 8254 interval timer and its gate in port 0x61: what kernels calibrate their
 * clocks with, and all of the PIT that a PV guest has.
 */
import type { Domain } from "../domain.ts";

/** Input clock in Hz. */
const PIT_HZ = 1_193_182;
const CHANNEL_2 = 2;
const LATCH_COMMAND = 0;
const ACCESS_BOTH = 3;
const GATE = 1;
/** Port 0x61 bit 5: the output of channel 2. */
const OUTPUT = 1 << 5;

const pitOf = (domain: Domain): Pit => domain.record.emulate.pit;
type Pit = ReturnType<typeof import("./record.ts").pitRecord.at>;

/** Input clock ticks since counting began; the gate stops the count at where it began. */
function elapsed(domain: Domain, pit: Pit): number {
  if (pit.running === 0 || (pit.gate & GATE) === 0) return 0;
  const ns = domain.hypervisor.clock.now() - Number(pit.started);
  return Math.floor((ns * PIT_HZ) / 1e9);
}

/** The counting element now: it goes down from the initial count, and around or on by its mode. */
function counter(domain: Domain, pit: Pit): number {
  const count = pit.count === 0 ? 65536 : pit.count;
  const ticks = elapsed(domain, pit);
  switch (pit.mode) {
    case 2:
      return count - (ticks % count);
    case 3:
      return count - ((2 * ticks) % count);
    default:
      return (count - ticks) & 0xffff;
  }
}

/** The output pin: in mode 0 it rises when the count reaches 0. */
function output(domain: Domain, pit: Pit): boolean {
  const count = pit.count === 0 ? 65536 : pit.count;
  const ticks = elapsed(domain, pit);
  switch (pit.mode) {
    case 2:
      return ticks % count !== count - 1;
    case 3:
      return ticks % count < (count + 1) >> 1;
    case 4:
    case 5:
      return ticks !== count;
    default:
      return pit.running !== 0 && ticks >= count;
  }
}

function start(domain: Domain, pit: Pit): void {
  pit.running = 1;
  pit.started = BigInt(Math.floor(domain.hypervisor.clock.now()));
}

function control(domain: Domain, pit: Pit, value: number): void {
  if (value >>> 6 !== CHANNEL_2) return;
  const access = (value >>> 4) & 3;
  if (access === LATCH_COMMAND) {
    if (pit.latched !== 0) return;
    pit.latch = counter(domain, pit);
    pit.latched = pit.access === ACCESS_BOTH ? 2 : 1;
    return;
  }
  pit.access = access;
  // Modes 6 and 7 are other codes of 2 and 3.
  const mode = (value >>> 1) & 7;
  pit.mode = mode > 5 ? mode - 4 : mode;
  pit.write_high = pit.read_high = pit.latched = pit.running = 0;
}

function writeCount(domain: Domain, pit: Pit, value: number): void {
  if (pit.access === ACCESS_BOTH && pit.write_high === 0) {
    pit.write_low = value;
    pit.write_high = 1;
    return;
  }
  const count = pit.access === 1 ? value : pit.access === 2 ? value << 8 : pit.write_low | (value << 8);
  pit.write_high = 0;
  pit.count = count === 0 ? 65536 : count;
  start(domain, pit);
}

function readCount(domain: Domain, pit: Pit): number {
  const live = pit.latched === 0;
  const value = live ? counter(domain, pit) : pit.latch;
  if (!live) pit.latched--;
  const high = pit.access === 2 || (pit.access === ACCESS_BOTH && pit.read_high !== 0);
  if (pit.access === ACCESS_BOTH) pit.read_high ^= 1;
  return (high ? value >>> 8 : value) & 0xff;
}

/** Reads port 0x42, 0x43 or 0x61. */
export function readPit(domain: Domain, port: number): number {
  const pit = pitOf(domain);
  switch (port) {
    case 0x42:
      return readCount(domain, pit);
    case 0x61:
      return pit.gate | (output(domain, pit) ? OUTPUT : 0);
    default:
      return 0xff;
  }
}

/** Writes port 0x42, 0x43 or 0x61. */
export function writePit(domain: Domain, port: number, value: number): void {
  const pit = pitOf(domain);
  switch (port) {
    case 0x42:
      writeCount(domain, pit, value);
      break;
    case 0x43:
      control(domain, pit, value);
      break;
    case 0x61: {
      const rises = (pit.gate & GATE) === 0 && (value & GATE) !== 0;
      pit.gate = value & 3;
      // A rising gate starts the count anew in the modes that wait for it, and goes on in the others.
      if (rises && pit.running !== 0) start(domain, pit);
    }
  }
}
