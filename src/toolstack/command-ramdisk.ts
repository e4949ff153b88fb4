/** A ramdisk that has the default guest run one command. */
import { commandArchive, type GuestCommand } from "./image/command.ts";

/** Appends the archive that names the command to a ramdisk; see docs/console-protocol.md. */
export function commandRamdisk(base: Uint8Array, command: GuestCommand): Uint8Array {
  const archive = commandArchive(command);
  // The kernel looks for a further archive at multiples of 4 bytes, whatever the first is compressed with.
  const start = Math.ceil(base.length / 4) * 4;
  const both = new Uint8Array(start + archive.length);
  both.set(base);
  both.set(archive, start);
  return both;
}
