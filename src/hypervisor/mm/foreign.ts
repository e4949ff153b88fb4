/** Domain numbers in hypercalls: who may act on whose memory. */
import { EPERM, ESRCH } from "../../abi/errno.ts";
import { DOMID_IO, DOMID_SELF, DOMID_XEN } from "../../abi/xen.ts";
import type { Domain } from "../domain.ts";
import { HypercallError } from "../hypercall.ts";

/** `domain` may act on `target`. */
export function mayControl(domain: Domain, target: Domain): boolean {
  return domain === target || domain.privileged;
}

/** The domain `domid` as `caller` may give it: DOMID_SELF, its own id, or another one if it is privileged. */
export function targetDomain(caller: Domain, domid: number): Domain {
  const target = domid === DOMID_SELF ? caller : caller.hypervisor.domains.get(domid);
  if (target === undefined) {
    throw new HypercallError(domid === caller.hypervisor.hostDomain?.id ? EPERM : ESRCH);
  }
  if (!mayControl(caller, target)) throw new HypercallError(EPERM);
  return target;
}

/**
 * Owner id of the frames that an update may map (`foreigndom`). Naming oneself by number is an error,
 * as in Xen. DOMID_IO owns no frames; those of DOMID_XEN are the hypervisor's heap, which it shares with nobody.
 */
export function frameOwner(caller: Domain, domid: number): number {
  if (domid === DOMID_SELF) return caller.id;
  if (domid === DOMID_IO) return DOMID_IO;
  if (domid === caller.id) throw new HypercallError(ESRCH);
  if (domid === DOMID_XEN) throw new HypercallError(EPERM);
  return targetDomain(caller, domid).id;
}
