/** Sizes and offsets against the public headers of Xen 4.17 (interface version 0x00040e00), both widths. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { callbackRegister, callbackRegister32 } from "../../src/abi/callback.ts";
import { xenMemoryReservation } from "../../src/abi/memory.ts";
import type { StructDef, Width } from "../../src/abi/struct.ts";
import * as xen from "../../src/abi/xen.ts";

// biome-ignore lint/suspicious/noExplicitAny: any structure, whatever its fields
type AnyStruct = StructDef<any>;

/** "field@hex field@hex...": the offsets that must hold. Nested fields are spelled with their parent's structure. */
function check(def: AnyStruct, width: Width, size: number, fields: string): void {
  const layout = def.for(width);
  assert.equal(layout.size, size, `${def.structName}/${width}: size`);
  for (const field of fields.split(/\s+/)) {
    const [name = "", at = ""] = field.split("@");
    assert.equal(layout.offset[name], Number.parseInt(at, 16), `${def.structName}/${width}: ${name}`);
  }
}

const both = (def: AnyStruct, size: number, fields: string): void => {
  check(def, 64, size, fields);
  check(def, 32, size, fields);
};

test("start_info", () => {
  check(
    xen.startInfo,
    64,
    0x490,
    "magic@0 nr_pages@20 shared_info@28 flags@30 store_mfn@38 store_evtchn@40 console@48 pt_base@58 nr_pt_frames@60 mfn_list@68 mod_start@70 mod_len@78 cmd_line@80 first_p2m_pfn@480 nr_p2m_frames@488",
  );
  check(
    xen.startInfo,
    32,
    0x458,
    "magic@0 nr_pages@20 shared_info@24 flags@28 store_mfn@2c store_evtchn@30 console@34 pt_base@3c nr_pt_frames@40 mfn_list@44 mod_start@48 mod_len@4c cmd_line@50 first_p2m_pfn@450 nr_p2m_frames@454",
  );
  // console.domU.evtchn: 0x50 - 0x48 and 0x38 - 0x34.
  const u8 = new Uint8Array(0x490);
  const memory = { u8, dv: new DataView(u8.buffer) };
  xen.startInfo.for(64).at(memory, 0).console.domU.evtchn = 0x11;
  assert.equal(memory.u8[0x50], 0x11);
  xen.startInfo.for(32).at(memory, 0).console.domU.evtchn = 0x22;
  assert.equal(memory.u8[0x38], 0x22);
});

test("vcpu_info, vcpu_time_info", () => {
  check(
    xen.vcpuInfoStruct,
    64,
    0x40,
    "evtchn_upcall_pending@0 evtchn_upcall_mask@1 evtchn_pending_sel@8 arch@10 time@20",
  );
  check(
    xen.vcpuInfoStruct,
    32,
    0x40,
    "evtchn_upcall_pending@0 evtchn_upcall_mask@1 evtchn_pending_sel@4 arch@8 time@20",
  );
  both(xen.vcpuTimeInfo, 0x20, "version@0 tsc_timestamp@8 system_time@10 tsc_to_system_mul@18 tsc_shift@1c flags@1d");
  assert.equal(xen.archVcpuInfo.for(64).offset.cr2, 0);
});

test("shared_info", () => {
  check(
    xen.sharedInfoStruct,
    64,
    0xc40,
    "vcpu_info@0 evtchn_pending@800 evtchn_mask@a00 wc_version@c00 wc_sec@c04 wc_nsec@c08 wc_sec_hi@c0c arch@c10",
  );
  check(
    xen.sharedInfoStruct,
    32,
    0x928,
    "vcpu_info@0 evtchn_pending@800 evtchn_mask@880 wc_version@900 wc_sec@904 wc_nsec@908 arch@90c",
  );
  check(
    xen.archSharedInfo,
    64,
    0x30,
    "max_pfn@0 pfn_to_mfn_frame_list_list@8 nmi_reason@10 p2m_cr3@18 p2m_vaddr@20 p2m_generation@28",
  );
  check(
    xen.archSharedInfo,
    32,
    0x1c,
    "max_pfn@0 pfn_to_mfn_frame_list_list@4 nmi_reason@8 p2m_cr3@c p2m_vaddr@10 p2m_generation@14 wc_sec_hi@18",
  );
});

test("fields of one width only cannot be used in the other", () => {
  const buffer = new Uint8Array(0x1000);
  const memory = { u8: buffer, dv: new DataView(buffer.buffer) };
  xen.sharedInfoStruct.for(64).at(memory, 0).wc_sec_hi = 7;
  assert.equal(memory.dv.getUint32(0xc0c, true), 7);
  assert.throws(() => xen.sharedInfoStruct.for(32).at(memory, 0).wc_sec_hi, TypeError);
  xen.sharedInfoStruct.for(32).at(memory, 0).arch.wc_sec_hi = 9;
  assert.equal(memory.dv.getUint32(0x924, true), 9);
});

test("requests of hypercalls", () => {
  check(xen.trapInfo, 64, 0x10, "vector@0 flags@1 cs@2 handler@8");
  check(xen.trapInfo, 32, 0x8, "vector@0 flags@1 cs@2 handler@4");
  both(xen.mmuUpdateStruct, 0x10, "ptr@0 val@8");
  check(xen.mmuextOpStruct, 64, 0x18, "cmd@0 arg1@8 arg2@10");
  check(xen.mmuextOpStruct, 32, 0xc, "cmd@0 arg1@4 arg2@8");
  check(xen.multicallEntry, 64, 0x40, "op@0 result@8 args@10");
  check(xen.multicallEntry, 32, 0x20, "op@0 result@4 args@8");
  check(xenMemoryReservation, 64, 0x20, "extent_start@0 nr_extents@8 extent_order@10 mem_flags@14 domid@18");
  check(xenMemoryReservation, 32, 0x14, "extent_start@0 nr_extents@4 extent_order@8 mem_flags@c domid@10");
  check(callbackRegister, 64, 0x10, "type@0 flags@2 callback@8");
  check(callbackRegister32, 32, 0xc, "type@0 flags@2 cs@4 eip@8");
  assert.equal(xen.iretContext.sizeof, 9 * 8);
});

test("registers", () => {
  check(
    xen.cpuUserRegs,
    64,
    0xc8,
    "r15@0 rax@50 error_code@78 rip@80 cs@88 saved_upcall_mask@8c rflags@90 rsp@98 ss@a0 es@a8 ds@b0 fs@b8 gs@c0",
  );
  check(
    xen.cpuUserRegs32,
    32,
    0x44,
    "ebx@0 eax@18 error_code@1c eip@20 cs@24 saved_upcall_mask@26 eflags@28 esp@2c ss@30 es@34 ds@38 fs@3c gs@40",
  );
  check(
    xen.vcpuGuestContext,
    64,
    0x1430,
    "fpu_ctxt@0 flags@200 user_regs@208 trap_ctxt@2d0 ldt_base@12d0 ldt_ents@12d8 gdt_frames@12e0 gdt_ents@1360 kernel_ss@1368 kernel_sp@1370 ctrlreg@1378 debugreg@13b8 event_callback_eip@13f8 failsafe_callback_eip@1400 syscall_callback_eip@1408 vm_assist@1410 fs_base@1418 gs_base_kernel@1420 gs_base_user@1428",
  );
  check(
    xen.vcpuGuestContext32,
    32,
    0xaf0,
    "fpu_ctxt@0 flags@200 user_regs@204 trap_ctxt@248 ldt_base@a48 ldt_ents@a4c gdt_frames@a50 gdt_ents@a90 kernel_ss@a94 kernel_sp@a98 ctrlreg@a9c debugreg@abc event_callback_cs@adc event_callback_eip@ae0 failsafe_callback_cs@ae4 failsafe_callback_eip@ae8 vm_assist@aec",
  );
});
