/** public/elfnote.h: how a kernel image tells the domain builder what it is and what it needs. */

/** Name of the notes' owner, with its terminating NUL. */
export const XEN_ELFNOTE_OWNER = "Xen";

/** Types of the notes. Those marked (string) hold text, the others a number of 4 or 8 bytes. */
export const XEN_ELFNOTE = {
  /** Free text (string). */
  INFO: 0,
  /** Virtual address of the entry point. */
  ENTRY: 1,
  /** Virtual address of the page to fill with hypercall stubs. */
  HYPERCALL_PAGE: 2,
  /** Virtual address of PFN 0. */
  VIRT_BASE: 3,
  /** Subtracted from p_paddr. */
  PADDR_OFFSET: 4,
  /** "xen-3.0" (string). */
  XEN_VERSION: 5,
  GUEST_OS: 6,
  GUEST_VERSION: 7,
  /** "generic" (string). */
  LOADER: 8,
  /** "yes", "no", "bimodal", "yes[extended-cr3]" (string). */
  PAE_MODE: 9,
  /** "a|b|!c": supported, and with "!" required (string). */
  FEATURES: 10,
  /** "yes": load the symbol table behind the image (string). */
  BSD_SYMTAB: 11,
  /** Lowest virtual address that the hypervisor may use. */
  HV_START_LOW: 12,
  /** Pairs of mask and value: which PTEs hold a valid MFN. */
  L1_MFN_VALID: 13,
  /** 1: the guest understands a cancelled suspend. */
  SUSPEND_CANCEL: 14,
  /** Virtual address for the p2m list. */
  INIT_P2M: 15,
  /** 1: the ramdisk need not be mapped. */
  MOD_START_PFN: 16,
  /** Bit mask of XENFEAT_*. */
  SUPPORTED_FEATURES: 17,
  /** Physical address of the PVH entry point. */
  PHYS32_ENTRY: 18,
} as const;

/** Feature names of the FEATURES note, at their XENFEAT_* numbers (public/features.h). */
export const XENFEAT_NAMES: readonly string[] = [
  "writable_page_tables",
  "writable_descriptor_tables",
  "auto_translated_physmap",
  "supervisor_mode_kernel",
  "pae_pgdir_above_4gb",
  "mmu_pt_update_preserve_ad",
  "highmem_assist",
  "gnttab_map_avail_bits",
  "hvm_callback_vector",
  "hvm_safe_pvclock",
  "hvm_pirqs",
  "dom0",
  "grant_map_identity",
  "memory_op_vnode_supported",
  "ARM_SMCCC_supported",
  "linux_rsdp_unrestricted",
  "not_direct_mapped",
  "direct_mapped",
];
