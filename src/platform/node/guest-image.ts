/** Obtains the default guest: Debian's kernel and busybox, from the cache or else through apt. */
import { setTimeout as delay } from "node:timers/promises";
import { PackageError } from "../../toolstack/image/error.ts";
import { defaultInitramfs } from "../../toolstack/image/initramfs.ts";
import { ImageCache } from "./cache.ts";
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

async function readCached(cache: ImageCache, key: string): Promise<GuestImage | undefined> {
  const files = (await cache.read(key))?.files;
  const kernel = files?.get(KERNEL_FILE);
  const busybox = files?.get(BUSYBOX_FILE);
  if (!kernel || !busybox) return undefined;
  const version = key.split(" ").slice(0, 2).join(" ");
  return { kernel, ramdisk: defaultInitramfs(busybox), version, systemMap: files?.get(SYSTEM_MAP_FILE) };
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
  // Needed once: not worth loading on every start.
  const { fetchGuest, findGuest } = await import("./fetch-guest.ts");
  const { kernel, busybox } = await findGuest();
  const key = `${kernel.name} ${kernel.version} ${busybox.name} ${busybox.version}`;
  const current = await readCached(cache, key);
  if (current) return current;

  const guest = await fetchGuest({ kernel, busybox }, cache, report);
  const files = new Map([
    [KERNEL_FILE, guest.kernel],
    [BUSYBOX_FILE, guest.busybox],
  ]);
  if (guest.systemMap !== undefined) files.set(SYSTEM_MAP_FILE, guest.systemMap);
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
