/** public/version.h: xen_version. */
import { cstring, struct, u32, ulong } from "./struct.ts";

export const XENVER = {
  version: 0,
  extraversion: 1,
  compile_info: 2,
  capabilities: 3,
  changeset: 4,
  platform_parameters: 5,
  get_features: 6,
  pagesize: 7,
  guest_handle: 8,
  commandline: 9,
  build_id: 10,
} as const;

export const XEN_EXTRAVERSION_LEN = 16;
export const XEN_CAPABILITIES_INFO_LEN = 1024;
export const XEN_CHANGESET_INFO_LEN = 64;
export const XEN_COMMANDLINE_LEN = 1024;

export const xenCompileInfo = struct("xen_compile_info", {
  compiler: cstring(64),
  compile_by: cstring(16),
  compile_domain: cstring(32),
  compile_date: cstring(32),
});
export const xenPlatformParameters = struct("xen_platform_parameters", { virt_start: ulong });
export const xenFeatureInfo = struct("xen_feature_info", { submap_idx: u32, submap: u32 });
