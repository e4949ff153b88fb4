/** The domain builder: makes a runnable domain from a kernel image. */
export { type BuildOptions, type BuiltDomain, type BuiltRing, buildDomain, readKernel } from "./build.ts";
export { extractElf } from "./bzimage.ts";
export { readElf } from "./elf.ts";
export { BuildError, ImageError } from "./error.ts";
export { layOutDomain, minimumMemory } from "./layout.ts";
export { type PvImage, readPvImage } from "./notes.ts";
