/** public/arch-x86/xen.h, xen-x86_64.h and xen-x86_32.h: the x86 part of the guest interface. */
import { type ArrayView, array, bytes, type FieldType, onlyFor, struct, u8, u16, u32, u64, ulong } from "./struct.ts";

/** An array of `ulong` whose length depends on the guest's width. */
export function guestEntries(length64: number, length32: number): FieldType<ArrayView<bigint>> {
  const w64 = array(ulong, length64);
  const w32 = array(ulong, length32);
  return {
    size: (w) => (w === 64 ? w64 : w32).size(w),
    align: (w) => ulong.align(w),
    get: (b, a, w) => (w === 64 ? w64 : w32).get(b, a, w),
    set: (b, a, v, w) => (w === 64 ? w64 : w32).set(b, a, v, w),
  };
}

/** First selector of the GDT page that the hypervisor reserves, and its entry number. */
export const FIRST_RESERVED_GDT_BYTE = 0xe000;
export const FIRST_RESERVED_GDT_ENTRY = FIRST_RESERVED_GDT_BYTE / 8;
export const FIRST_RESERVED_GDT_PAGE = 14;

/** Flat selectors that are in every GDT. 64-bit guests have no ring-0/1 selectors: kernel and user are both CPL 3. */
export const FLAT_RING3_CS32 = 0xe023;
export const FLAT_RING3_CS64 = 0xe033;
export const FLAT_RING3_DS32 = 0xe02b;
export const FLAT_RING3_DS64 = 0;
export const FLAT_RING3_SS32 = 0xe02b;
export const FLAT_RING3_SS64 = 0xe02b;
export const FLAT_KERNEL_CS64 = FLAT_RING3_CS64;
export const FLAT_KERNEL_SS64 = FLAT_RING3_SS64;
export const FLAT_USER_CS64 = FLAT_RING3_CS64;
export const FLAT_USER_CS32 = FLAT_RING3_CS32;
export const FLAT_USER_SS = FLAT_RING3_SS64;
/** Of 32-bit guests. */
export const FLAT_COMPAT_RING1_CS = 0xe019;
export const FLAT_COMPAT_RING1_DS = 0xe021;
export const FLAT_COMPAT_RING1_SS = 0xe021;
export const FLAT_COMPAT_RING3_CS = 0xe02b;
export const FLAT_COMPAT_RING3_DS = 0xe033;
export const FLAT_COMPAT_RING3_SS = 0xe033;

/** The part of a 64-bit guest's address space that belongs to the hypervisor: L4 slots 256..271. */
export const HYPERVISOR_VIRT_START = 0xffff_8000_0000_0000n;
/** First address behind it. */
export const HYPERVISOR_VIRT_END = 0xffff_8800_0000_0000n;
export const ROOT_PAGETABLE_FIRST_XEN_SLOT = 256;
export const ROOT_PAGETABLE_LAST_XEN_SLOT = 271;
/** Machine-to-phys table: 8 bytes an entry, read-only. */
export const MACH2PHYS_VIRT_START = 0xffff_8000_0000_0000n;
export const MACH2PHYS_VIRT_END = 0xffff_8040_0000_0000n;
export const MACH2PHYS_COMPAT_VIRT_START = 0xf580_0000n;
export const INVALID_M2P_ENTRY = 0xffff_ffff_ffff_ffffn;

/** trap_info.flags: bits 0..1 are the least privileged ring that may use INT n. */
export const TI_DPL_MASK = 3;
/** trap_info.flags: mask events on entry. */
export const TI_MASK_EVENTS = 4;
export const trapInfo = struct("trap_info", {
  vector: u8,
  flags: u8,
  cs: u16,
  /** `address` in the header; 0 ends a table. */
  handler: ulong,
});

/** Frame that the iret hypercall of a 64-bit guest finds at RSP. */
export const iretContext = struct("iret_context", {
  rax: u64,
  r11: u64,
  rcx: u64,
  /** VGCF_in_syscall or 0. */
  flags: u64,
  rip: u64,
  cs: u64,
  rflags: u64,
  rsp: u64,
  ss: u64,
});
/** iret_context.flags: return as SYSRET does, RCX and R11 are not restored. */
export const VGCF_in_syscall = 1 << 8;

/** vcpu_guest_context.flags. */
export const VGCF_i387_valid = 1 << 0;
export const VGCF_in_kernel = 1 << 2;
export const VGCF_failsafe_disables_events = 1 << 3;
export const VGCF_syscall_disables_events = 1 << 4;
export const VGCF_online = 1 << 5;

/** cpu_user_regs of 64-bit guests. */
export const cpuUserRegs = struct("cpu_user_regs", {
  r15: u64,
  r14: u64,
  r13: u64,
  r12: u64,
  rbp: u64,
  rbx: u64,
  r11: u64,
  r10: u64,
  r9: u64,
  r8: u64,
  rax: u64,
  rcx: u64,
  rdx: u64,
  rsi: u64,
  rdi: u64,
  error_code: u32,
  entry_vector: u32,
  rip: u64,
  cs: u16,
  pad0: u16,
  saved_upcall_mask: u8,
  pad1: bytes(3),
  rflags: u64,
  rsp: u64,
  ss: u16,
  pad2: array(u16, 3),
  es: u16,
  pad3: array(u16, 3),
  ds: u16,
  pad4: array(u16, 3),
  fs: u16,
  pad5: array(u16, 3),
  gs: u16,
  pad6: array(u16, 3),
});

/** cpu_user_regs of 32-bit guests. */
export const cpuUserRegs32 = struct("cpu_user_regs_32", {
  ebx: u32,
  ecx: u32,
  edx: u32,
  esi: u32,
  edi: u32,
  ebp: u32,
  eax: u32,
  error_code: u16,
  entry_vector: u16,
  eip: u32,
  cs: u16,
  saved_upcall_mask: u8,
  pad0: u8,
  eflags: u32,
  esp: u32,
  ss: u16,
  pad1: u16,
  es: u16,
  pad2: u16,
  ds: u16,
  pad3: u16,
  fs: u16,
  pad4: u16,
  gs: u16,
  pad5: u16,
});

/** VCPUOP_initialise's argument for 64-bit guests. */
export const vcpuGuestContext = struct("vcpu_guest_context", {
  /** FXSAVE image, valid with VGCF_i387_valid. */
  fpu_ctxt: bytes(512),
  flags: ulong,
  user_regs: cpuUserRegs,
  trap_ctxt: array(trapInfo, 256),
  ldt_base: ulong,
  ldt_ents: ulong,
  gdt_frames: array(ulong, 16),
  gdt_ents: ulong,
  kernel_ss: ulong,
  kernel_sp: ulong,
  /** [1] is the user root and [3] the kernel root, as machine addresses. */
  ctrlreg: array(ulong, 8),
  debugreg: array(ulong, 8),
  event_callback_eip: ulong,
  failsafe_callback_eip: ulong,
  syscall_callback_eip: ulong,
  vm_assist: ulong,
  fs_base: u64,
  gs_base_kernel: u64,
  gs_base_user: u64,
});

/** VCPUOP_initialise's argument for 32-bit guests. */
export const vcpuGuestContext32 = struct("vcpu_guest_context_32", {
  fpu_ctxt: bytes(512),
  flags: ulong,
  user_regs: cpuUserRegs32,
  trap_ctxt: array(trapInfo, 256),
  ldt_base: ulong,
  ldt_ents: ulong,
  gdt_frames: array(ulong, 16),
  gdt_ents: ulong,
  kernel_ss: ulong,
  kernel_sp: ulong,
  ctrlreg: array(ulong, 8),
  debugreg: array(ulong, 8),
  event_callback_cs: ulong,
  event_callback_eip: ulong,
  failsafe_callback_cs: ulong,
  failsafe_callback_eip: ulong,
  vm_assist: ulong,
});

/** Written by the hypervisor on each page fault that it injects. */
export const archVcpuInfo = struct("arch_vcpu_info", {
  cr2: ulong,
  pad: guestEntries(1, 5),
});

/** Written by the guest for the tools: where its phys-to-machine table is. */
export const archSharedInfo = struct("arch_shared_info", {
  max_pfn: ulong,
  pfn_to_mfn_frame_list_list: ulong,
  /** Written by the hypervisor. */
  nmi_reason: ulong,
  p2m_cr3: ulong,
  p2m_vaddr: ulong,
  p2m_generation: ulong,
  /** In 64-bit guests it is `shared_info.wc_sec_hi`. */
  wc_sec_hi: onlyFor(32, u32),
});
