/** xen_version: who is the hypervisor, and what does it offer. */
import { EINVAL, ENOSYS, EPERM } from "../../abi/errno.ts";
import {
  XEN_CAPABILITIES_INFO_LEN,
  XEN_CHANGESET_INFO_LEN,
  XEN_COMMANDLINE_LEN,
  XEN_EXTRAVERSION_LEN,
  XENVER,
  xenCompileInfo,
  xenFeatureInfo,
  xenPlatformParameters,
} from "../../abi/version.ts";
import {
  HYPERVISOR_VIRT_START,
  MACH2PHYS_COMPAT_VIRT_START,
  VMASST_TYPE_pae_extended_cr3,
  XENFEAT,
} from "../../abi/xen.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import { type Hypercall, HypercallError, type HypercallResult } from "../hypercall.ts";
import { copyToGuest, guestStruct, putGuestStruct } from "../mm/guest-access.ts";
import type { Vcpu } from "../vcpu.ts";
import { done, firstArgument } from "./operation.ts";

/** The version of Xen whose guest interface this is. */
export const XEN_MAJOR = 4;
export const XEN_MINOR = 17;
const EXTRAVERSION = ".0-typervisor";

/** XENVER_get_features, submap 0. */
export function features(domain: Domain): number {
  let map =
    (1 << XENFEAT.mmu_pt_update_preserve_ad) |
    (1 << XENFEAT.highmem_assist) |
    (1 << XENFEAT.gnttab_map_avail_bits) |
    (1 << XENFEAT.memory_op_vnode_supported) |
    (1 << XENFEAT.direct_mapped);
  if (domain.vmAssist(VMASST_TYPE_pae_extended_cr3)) map |= 1 << XENFEAT.pae_pgdir_above_4gb;
  if (domain.privileged) map |= 1 << XENFEAT.dom0;
  return map;
}

/** Writes a NUL-padded field of `length` bytes. */
function putString(vcpu: Vcpu, va: bigint, text: string, length: number): HypercallResult {
  const field = new Uint8Array(length);
  for (let i = 0; i < text.length && i < length - 1; i++) field[i] = text.charCodeAt(i);
  copyToGuest(vcpu, va, field);
  return 0;
}

function putCompileInfo(vcpu: Vcpu, va: bigint): HypercallResult {
  const u8 = new Uint8Array(xenCompileInfo.sizeof);
  const info = xenCompileInfo.at({ u8, dv: new DataView(u8.buffer) }, 0);
  info.compiler = "TypeScript";
  info.compile_by = "typervisor";
  copyToGuest(vcpu, va, u8);
  return 0;
}

export const xenVersion: Hypercall = {
  number: 17,
  name: "xen_version",
  arity: 2,
  operations: Object.fromEntries(Object.entries(XENVER).map(([name, number]) => [number, done(name)])),
  operationOf: firstArgument,
  handler(_hv, vcpu, args) {
    const va = args[1] ?? 0n;
    const domain = vcpu.domain;
    switch (firstArgument(args)) {
      case XENVER.version:
        // Also the guest's cheapest hypercall: made to have pending events delivered on return.
        return (XEN_MAJOR << 16) | XEN_MINOR;
      case XENVER.extraversion:
        return putString(vcpu, va, EXTRAVERSION, XEN_EXTRAVERSION_LEN);
      case XENVER.compile_info:
        return putCompileInfo(vcpu, va);
      case XENVER.capabilities:
        return putString(vcpu, va, "xen-3.0-x86_64 ", XEN_CAPABILITIES_INFO_LEN);
      case XENVER.changeset:
        return putString(vcpu, va, "unknown", XEN_CHANGESET_INFO_LEN);
      case XENVER.platform_parameters: {
        const info = guestStruct(vcpu, xenPlatformParameters, va);
        info.virt_start = domain.width === 64 ? HYPERVISOR_VIRT_START : MACH2PHYS_COMPAT_VIRT_START;
        putGuestStruct(vcpu, xenPlatformParameters, va, info);
        return 0;
      }
      case XENVER.get_features: {
        const info = guestStruct(vcpu, xenFeatureInfo, va);
        if (info.submap_idx !== 0) throw new HypercallError(EINVAL);
        info.submap = features(domain);
        putGuestStruct(vcpu, xenFeatureInfo, va, info);
        return 0;
      }
      case XENVER.pagesize:
        return va === 0n ? PAGE_SIZE : -EINVAL;
      case XENVER.guest_handle:
        copyToGuest(vcpu, va, domain.record.handle);
        return 0;
      case XENVER.commandline:
        // Of the hypervisor: not for unprivileged eyes.
        return putString(vcpu, va, domain.privileged ? "" : "<denied>", XEN_COMMANDLINE_LEN);
      case XENVER.build_id:
        return -EPERM;
      default:
        return -ENOSYS;
    }
  },
};
