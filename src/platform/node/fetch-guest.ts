/** Fetches the default guest: Debian's kernel and busybox, through apt. */
import { extractElf, readElf, readPvImage } from "../../toolstack/builder/index.ts";
import { PackageError } from "../../toolstack/image/index.ts";
import { type AptPackage, downloadPackages, showKernelPackage, showPackage } from "./apt.ts";
import type { ImageCache } from "./cache.ts";
import { extractPackage } from "./debian-package.ts";
import type { ImageProgress } from "./guest-image.ts";

export interface GuestPackages {
  readonly kernel: AptPackage;
  readonly busybox: AptPackage;
}

/** What is kept of the packages. */
export interface GuestFiles {
  /** The kernel as an ELF file. */
  readonly kernel: Uint8Array;
  readonly busybox: Uint8Array;
  readonly systemMap: Uint8Array | undefined;
}

export type Report = (stage: ImageProgress["stage"], message: string, done?: number, total?: number) => void;

/** Debian's System.map is one line that says where to find the real one. */
const SYSTEM_MAP_MINIMUM = 4096;

/** Asks apt which versions are current. */
export async function findGuest(): Promise<GuestPackages> {
  const [kernel, busybox] = await Promise.all([showKernelPackage(), showPackage("busybox-static")]);
  return { kernel, busybox };
}

/** Downloads and unpacks them, by way of the cache's file system. */
export async function fetchGuest(packages: GuestPackages, cache: ImageCache, report: Report): Promise<GuestFiles> {
  const { kernel, busybox } = packages;
  return await cache.withTemporaryDirectory(async (directory) => {
    const total = kernel.size + busybox.size || undefined;
    const what = `Downloading ${kernel.name} ${kernel.version}`;
    report("download", what, 0, total);
    const [kernelDeb = "", busyboxDeb = ""] = await downloadPackages([kernel, busybox], directory, (done) =>
      report("download", what, done, total),
    );
    report("download", what, total, total);
    report("unpack", "Unpacking the kernel");
    return unpack(kernelDeb, busyboxDeb);
  });
}

function only(files: ReadonlyMap<string, Uint8Array>, what: string, pattern: RegExp): Uint8Array {
  for (const [path, data] of files) if (pattern.test(path)) return data;
  throw new PackageError(`package has no ${what}`);
}

async function unpack(kernelDeb: string, busyboxDeb: string): Promise<GuestFiles> {
  const boot = await extractPackage(kernelDeb, (path) => /^boot\/(vmlinuz|System\.map)-/.test(path), 2);
  const bin = await extractPackage(busyboxDeb, (path) => /^(usr\/)?bin\/busybox$/.test(path), 1);
  const kernel = extractElf(only(boot, "kernel", /^boot\/vmlinuz-/));
  // What cannot be booted is not worth keeping: fails here, with the reason.
  readPvImage(readElf(kernel));
  const systemMap = [...boot].find(([path]) => path.startsWith("boot/System.map-"))?.[1];
  return {
    kernel,
    busybox: only(bin, "busybox", /busybox$/),
    systemMap: systemMap !== undefined && systemMap.length >= SYSTEM_MAP_MINIMUM ? systemMap : undefined,
  };
}
