/** The symbols of a domain's kernel, from the kernel in the domain's memory: no copy of the image is kept for them. */
import type { Domain } from "../hypervisor/domain.ts";
import { PAGE_SIZE } from "../machine/memory.ts";
import type { LoadedKernel } from "./builder/build.ts";
import { readKallsyms } from "./kallsyms.ts";
import type { SymbolTable } from "./symbols.ts";

/**
 * Reads them, which takes a fraction of a second for a large kernel.
 * @returns undefined if the kernel has none, or none that are understood
 */
export function kernelSymbols(domain: Domain, { frames }: LoadedKernel): SymbolTable | undefined {
  const { memory, frames: table } = domain.hypervisor;
  const image = new Uint8Array(frames.length * PAGE_SIZE);
  frames.forEach((mfn, i) => {
    // The guest may have given a frame back.
    if (table.owner(mfn) === domain.id) image.set(memory.frame(mfn), i * PAGE_SIZE);
  });
  return readKallsyms(image);
}
