/**
 * A PC in v86 whose first serial port is standard output. Plain JavaScript, so that no compiler is
 * loaded in the time that is measured.
 *
 *     node v86-child.mjs BUILD FIRMWARE KERNEL RAMDISK COMMAND-LINE MEBIBYTES
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [build, firmware, kernel, ramdisk, commandLine, mebibytes] = process.argv.slice(2);
const { V86 } = await import(pathToFileURL(join(build, "libv86.mjs")).href);

/** @param {string} path */
function image(path) {
  const data = readFileSync(path);
  return { buffer: data.buffer.slice(data.byteOffset, data.byteOffset + data.length) };
}

const machine = new V86({
  wasm_path: join(build, "v86.wasm"),
  memory_size: Number(mebibytes) << 20,
  vga_memory_size: 2 << 20,
  bios: image(join(firmware, "bios.bin")),
  vga_bios: image(join(firmware, "vgabios-stdvga.bin")),
  bzimage: image(kernel),
  initrd: image(ramdisk),
  cmdline: commandLine,
  disable_keyboard: true,
  disable_mouse: true,
  disable_speaker: true,
  autostart: true,
});
machine.add_listener("serial0-output-byte", (/** @type {number} */ byte) => {
  process.stdout.write(Uint8Array.of(byte));
});
