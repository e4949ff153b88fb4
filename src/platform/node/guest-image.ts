/** Obtains the default guest: Debian's kernel and busybox, from the cache or else through apt. */
import { setTimeout as delay } from "node:timers/promises";
import { extractElf, readElf, readPvImage } from "../../toolstack/builder/index.ts";
import { defaultInitramfs, PackageError } from "../../toolstack/image/index.ts";
import { type AptPackage, downloadPackages, showKernelPackage, showPackage } from "./apt.ts";
import { ImageCache } from "./cache.ts";
import { extractPackage } from "./debian-package.ts";
import { defaultCacheDirectory } from "./xdg.ts";

/** What is being done, for a progress bar: `done` of `total` bytes where there is a total. */
export interface ImageProgress {
  readonly stage: "resolve" | "download" | "unpack" | "store";
  readonly message: string;
  readonly done: number;
  readonly total: number | undefined;
}

export interface GuestImageOptions {
  readonly onProgress?: (progress: ImageProgress) => void;
  /** $XDG_CACHE_HOME/typervisor if not given. */
  readonly cacheDirectory?: string;
  /** Ask apt for the current version even if some version is in the cache. */
  readonly update?: boolean;
}

export interface GuestImage {
  /** The kernel as an ELF file. */
  readonly kernel: Uint8Array;
  readonly ramdisk: Uint8Array;
  /** Package and version of the kernel: "linux-image-6.1.0-56-amd64 6.1.192-2". */
  readonly version: string;
  /** The kernel's symbols, where the package has them. */
  readonly systemMap: Uint8Array | undefined;
}

const KERNEL_FILE = "vmlinux";
const BUSYBOX_FILE = "busybox";
const SYSTEM_MAP_FILE = "System.map";
/** Debian's System.map is one line that says where to find the real one. */
const SYSTEM_MAP_MINIMUM = 4096;

const cacheKey = (kernel: AptPackage, busybox: AptPackage): string =>
  `${kernel.name} ${kernel.version} ${busybox.name} ${busybox.version}`;

async function readCached(cache: ImageCache, key: string): Promise<GuestImage | undefined> {
  const files = (await cache.read(key))?.files;
  const kernel = files?.get(KERNEL_FILE);
  const busybox = files?.get(BUSYBOX_FILE);
  if (!kernel || !busybox) return undefined;
  const version = key.split(" ").slice(0, 2).join(" ");
  return { kernel, ramdisk: defaultInitramfs(busybox), version, systemMap: files?.get(SYSTEM_MAP_FILE) };
}

function only(files: ReadonlyMap<string, Uint8Array>, what: string, pattern: RegExp): Uint8Array {
  for (const [path, data] of files) if (pattern.test(path)) return data;
  throw new PackageError(`package has no ${what}`);
}

async function unpack(kernelDeb: string, busyboxDeb: string): Promise<Map<string, Uint8Array>> {
  const boot = await extractPackage(kernelDeb, (path) => /^boot\/(vmlinuz|System\.map)-/.test(path), 2);
  const bin = await extractPackage(busyboxDeb, (path) => /^(usr\/)?bin\/busybox$/.test(path), 1);
  const kernel = extractElf(only(boot, "kernel", /^boot\/vmlinuz-/));
  // What cannot be booted is not worth keeping: fails here, with the reason.
  readPvImage(readElf(kernel));
  const files = new Map([
    [KERNEL_FILE, kernel],
    [BUSYBOX_FILE, only(bin, "busybox", /busybox$/)],
  ]);
  for (const [path, data] of boot) {
    if (path.startsWith("boot/System.map-") && data.length >= SYSTEM_MAP_MINIMUM) files.set(SYSTEM_MAP_FILE, data);
  }
  return files;
}

const READ_ATTEMPTS = 20;
const READ_PAUSE_MS = 50;

/** Gets kernel and ramdisk of the default guest. The first time this downloads about 70 MB. */
export async function obtainGuestImage(options: GuestImageOptions = {}): Promise<GuestImage> {
  const cache = new ImageCache(options.cacheDirectory ?? defaultCacheDirectory());
  const report = (stage: ImageProgress["stage"], message: string, done = 0, total?: number): void =>
    options.onProgress?.({ stage, message, done, total });

  if (!options.update) {
    for (const key of await cache.keys()) {
      const image = await readCached(cache, key);
      if (image) return image;
    }
  }
  report("resolve", "Looking up Debian's kernel");
  const [kernel, busybox] = await Promise.all([showKernelPackage(), showPackage("busybox-static")]);
  const key = cacheKey(kernel, busybox);
  const current = await readCached(cache, key);
  if (current) return current;

  const files = await cache.withTemporaryDirectory(async (directory) => {
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
  report("store", "Storing the kernel in the cache");
  await cache.write(key, files);
  // Another process that stores the same image at this moment may hide it for a while.
  for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
    const image = await readCached(cache, key);
    if (image) return image;
    await delay(READ_PAUSE_MS);
  }
  throw new PackageError(`cannot read back what was stored in the cache at ${cache.directory}`);
}
