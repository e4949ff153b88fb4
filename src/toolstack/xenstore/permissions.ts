/**
 * Who may read and write a node.
 *
 * On the wire a node's permissions are a list such as `n5 r0 b7`: the first
 * entry names the owner, who may do anything, and what everybody who is not
 * listed may do; each further entry is one domain's access. Domain 0 may do
 * anything.
 */
import { XenstoreError } from "./error.ts";

/** Letters of the wire format: none, read, write, both. */
export type AccessLetter = "n" | "r" | "w" | "b";

export interface Permissions {
  readonly owner: number;
  /** Access of domains that `others` does not list. */
  readonly everyone: AccessLetter;
  readonly others: readonly { readonly domid: number; readonly access: AccessLetter }[];
}

/** The client on whose behalf the store acts. */
export interface Caller {
  readonly domid: number;
  /** Domain whose rights this one has, too (a device model's guest, SET_TARGET). */
  readonly target?: number | undefined;
}

export const DOMAIN_0: Caller = { domid: 0 };

export function isPrivileged(caller: Caller): boolean {
  return caller.domid === 0;
}

export function ownerOnly(domid: number): Permissions {
  return { owner: domid, everyone: "n", others: [] };
}

function owns(caller: Caller, permissions: Permissions): boolean {
  return isPrivileged(caller) || permissions.owner === caller.domid || permissions.owner === caller.target;
}

function letterFor(permissions: Permissions, domid: number): AccessLetter {
  return permissions.others.find((entry) => entry.domid === domid)?.access ?? permissions.everyone;
}

/** Whether `caller` has the right; only the owner may change permissions. */
export function may(caller: Caller, right: "read" | "write" | "own", permissions: Permissions): boolean {
  if (owns(caller, permissions)) return true;
  if (right === "own") return false;
  const wanted = right === "read" ? "r" : "w";
  const grants = (domid: number): boolean => {
    const letter = letterFor(permissions, domid);
    return letter === "b" || letter === wanted;
  };
  return grants(caller.domid) || (caller.target !== undefined && grants(caller.target));
}

/** Permissions of a new node: its parent's, owned by the guest that makes it. */
export function inherit(parent: Permissions, caller: Caller): Permissions {
  return isPrivileged(caller) ? parent : { ...parent, owner: caller.domid };
}

/** The same permissions once domain `domid` is gone: an identifier used again must not inherit its rights. */
export function withoutDomain(permissions: Permissions, domid: number): Permissions {
  if (!permissions.others.some((entry) => entry.domid === domid)) return permissions;
  return { ...permissions, others: permissions.others.filter((entry) => entry.domid !== domid) };
}

const ENTRY = /^([nrwb])(\d{1,5})$/;

/** Reads the wire format, one string an entry. */
export function parsePermissions(entries: readonly string[]): Permissions {
  const parsed = entries.map((entry) => {
    const match = ENTRY.exec(entry);
    const domid = Number(match?.[2]);
    if (match === null || domid > 0x7fff) {
      throw new XenstoreError("EINVAL", `not a permission: ${JSON.stringify(entry.slice(0, 20))}`);
    }
    return { domid, access: match[1] as AccessLetter };
  });
  const [first, ...others] = parsed;
  if (first === undefined) throw new XenstoreError("EINVAL", "permissions without an owner");
  return { owner: first.domid, everyone: first.access, others };
}

/** The wire format, one string an entry. */
export function formatPermissions(permissions: Permissions): string[] {
  return [
    `${permissions.everyone}${permissions.owner}`,
    ...permissions.others.map(({ access, domid }) => `${access}${domid}`),
  ];
}
