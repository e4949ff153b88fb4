/**
 * Paths of the store: which names are good, and what relative ones mean.
 *
 * A path is `/` or a sequence of `/name` with names of letters, digits and `-_@`.
 * A path without the leading slash is relative to the client's own directory,
 * /local/domain/<id>. Watches may also name the special events @introduceDomain
 * and @releaseDomain.
 */
import { XENSTORE_ABS_PATH_MAX, XENSTORE_REL_PATH_MAX } from "../../abi/io/xs_wire.ts";
import { XenstoreError } from "./error.ts";

const ABSOLUTE = /^(\/|(\/[-_@A-Za-z0-9]+)+)$/;
const SPECIAL = /^@[-_A-Za-z0-9]+$/;
const DOMAIN_PREFIX = /^\/local\/domain\/\d{1,5}\//;

/** Home directory of a domain, the base of its relative paths. */
export function domainPath(domid: number): string {
  return `/local/domain/${domid}`;
}

/** The absolute path that client `domid` means by `path`. @throws XenstoreError EINVAL if it is not a good path */
export function resolvePath(domid: number, path: string): string {
  const absolute = path.startsWith("/") ? path : `${domainPath(domid)}/${path}`;
  const own = DOMAIN_PREFIX.exec(absolute)?.[0].length ?? 0;
  if (
    path.startsWith("@") ||
    absolute.length > XENSTORE_ABS_PATH_MAX ||
    absolute.length - own > XENSTORE_REL_PATH_MAX ||
    !ABSOLUTE.test(absolute)
  ) {
    throw new XenstoreError("EINVAL", `not a path: ${JSON.stringify(path.slice(0, 80))}`);
  }
  return absolute;
}

export function isSpecial(path: string): boolean {
  return SPECIAL.test(path);
}

/** The names along an absolute path. */
export function components(path: string): string[] {
  return path === "/" ? [] : path.slice(1).split("/");
}

export function parentPath(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}
