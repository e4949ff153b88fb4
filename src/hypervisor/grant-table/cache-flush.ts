/** GNTTABOP_cache_flush: the caches here are coherent, so it is only checked. */
import { EINVAL, EOPNOTSUPP, EPERM } from "../../abi/errno.ts";
import {
  GNTTAB_CACHE_CLEAN,
  GNTTAB_CACHE_INVAL,
  GNTTAB_CACHE_SOURCE_GREF,
  type gnttabCacheFlush,
} from "../../abi/grant_table.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import { mapsFrame, maptrackLimit } from "./maptrack.ts";

const KNOWN = (GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL | GNTTAB_CACHE_SOURCE_GREF) >>> 0;

/** How many handles are looked at in a step. */
const HANDLES_PER_STEP = 64;

/** One element. Returns 0 or a negative error number. */
export function cacheFlushOne(caller: Domain, op: ReturnType<typeof gnttabCacheFlush.at>): number {
  const { frames, domains } = caller.hypervisor;
  if (op.offset >= PAGE_SIZE || op.offset + op.length > PAGE_SIZE || (op.op & ~KNOWN) !== 0) return -EINVAL;
  const what = op.op & (GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL);
  if (op.length === 0 || what === 0) return 0;
  // Naming a frame by its grant is not implemented in Xen either.
  if ((op.op & GNTTAB_CACHE_SOURCE_GREF) !== 0) return -EOPNOTSUPP;
  const frame = op.dev_bus_addr / BigInt(PAGE_SIZE);
  if (frame >= BigInt(frames.count)) return -EINVAL;
  const mfn = Number(frame);
  // The hypervisor's own frames and free ones belong to no domain (XSA-232).
  if (frames.refCount(mfn) === 0 || !domains.has(frames.owner(mfn))) return -EPERM;
  if (frames.owner(mfn) !== caller.id && !hasMapped(caller, mfn)) return -EINVAL;
  // Throwing away what is in a cache, without writing it back, is not offered on x86.
  return what === GNTTAB_CACHE_INVAL ? -EOPNOTSUPP : 0;
}

/** Looks at all of the domain's mappings, of which there may be many: the next element may have to wait. */
function hasMapped(domain: Domain, mfn: number): boolean {
  domain.hypervisor.preempted(Math.ceil(maptrackLimit(domain) / HANDLES_PER_STEP));
  return mapsFrame(domain, mfn);
}
