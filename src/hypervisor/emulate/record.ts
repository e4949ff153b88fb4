/** What emulated devices keep of each domain, in machine memory. */
import { struct, u8, u32, u64 } from "../../abi/struct.ts";

/** Channel 2 of the interval timer, and the port that gates it. */
export const pitRecord = struct("pit_channel", {
  /** Low two bits of port 0x61: gate and speaker data. */
  gate: u8,
  /** Counting mode 0..5. */
  mode: u8,
  /** Access: 1 low byte, 2 high byte, 3 low then high. */
  access: u8,
  /** The next write (read) is of the high byte. */
  write_high: u8,
  read_high: u8,
  /** Low byte of a count that is half written. */
  write_low: u8,
  /** Bytes of `latch` that are still to be read: 0 = reads are of the live counter. */
  latched: u8,
  /** A count has been loaded since the mode was set. */
  running: u8,
  latch: u32,
  /** Initial count, 1..65536. */
  count: u32,
  /** Nanoseconds of the machine's clock when counting began. */
  started: u64,
});

export const domainEmulate = struct("domain_emulate", {
  pit: pitRecord,
  /** Last write to the PCI address port 0xcf8. */
  pci_cf8: u32,
  /** Last write to the CMOS index port 0x70. */
  cmos_index: u32,
});
