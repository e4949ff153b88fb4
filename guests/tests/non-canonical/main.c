#include "guest.h"

/* User code whose last instruction ends where canonical addresses do. */
#define LAST_PAGE 0x00007ffffffff000ul
#define NON_CANONICAL 0x0000800000000000ul
#define HYPERVISORS 0xffff830000000000ul

__asm__(".text\n"
        "edge_user: mov $0x55, %eax; syscall\n");
void edge_user(void);

static bool stop(struct trap_frame *frame)
{
    (void)frame;
    return true;
}

/* Maps a page as the last one of the lower half, in both roots. */
static void map_last(void *page, uint64_t user_root)
{
    uint64_t *l3 = alloc_page(), *l2 = alloc_page(), *l1 = alloc_page();
    l1[511] = pte_of(va_to_mfn(page), RW);
    l2[511] = pte_of(va_to_mfn(l1), RW);
    l3[511] = pte_of(va_to_mfn(l2), RW);
    for (unsigned i = 0; i < 3; i++)
        if (update_va_mapping((void *[]){ l1, l2, l3 }[i], pte_of(va_to_mfn((void *[]){ l1, l2, l3 }[i]), RO)))
            error("cannot make a page read-only");
    uint64_t roots[] = { va_to_mfn((void *)start_info->pt_base), user_root };
    for (unsigned i = 0; i < 2; i++)
        if (mmu_update((roots[i] << PAGE_SHIFT) + 255 * 8, pte_of(va_to_mfn(l3), RW)))
            error("cannot map the last page of the lower half");
}

/* SYSCALL as the last instruction of the lower half: RCX is not canonical (XSA-7). */
static void syscall_at_the_edge(void)
{
    uint8_t *page = alloc_page();
    map_last(page, user_root_mfn);
    page[4094] = 0x0f;
    page[4095] = 0x05;
    run_user((void (*)(void))(LAST_PAGE + 4094), 0, 0x202);
    vcpu0.evtchn_upcall_mask = 1;
    print("a system call at the end of the lower half: vector %lu, rip %#lx, rcx %#lx\n", last_trap.vector, last_trap.rip, last_trap.rcx);
    /* And back to where it wants to go on. */
    run_user((void (*)(void))NON_CANONICAL, VGCF_in_syscall, 0x202);
    vcpu0.evtchn_upcall_mask = 1;
    print("a return from it: vector %lu, error code %#lx, rip %#lx, user %lu\n", last_trap.vector, last_trap.error_code, last_trap.rip, last_trap.cs & 3);
    run_user((void (*)(void))NON_CANONICAL, 0, 0x202);
    vcpu0.evtchn_upcall_mask = 1;
    print("an iret to there: vector %lu, error code %#lx, rip %#lx, user %lu\n", last_trap.vector, last_trap.error_code, last_trap.rip, last_trap.cs & 3);
    run_user((void (*)(void))HYPERVISORS, 0, 0x202);
    vcpu0.evtchn_upcall_mask = 1;
    print("an iret into the hypervisor: vector %lu, error code %#lx, user %lu\n", last_trap.vector, last_trap.error_code, last_trap.cs & 3);
    run_user(edge_user, 0, 0x202);
    vcpu0.evtchn_upcall_mask = 1;
    CHECK_EQUAL("an ordinary system call afterwards", last_trap.rax, 0x55);
}

static void registrations(uint64_t address, const char *what)
{
    struct trap_info table[2] = { { .vector = 0x50, .cs = FLAT_CS64, .address = address } };
    print("-- %s\n", what);
    outcome("a trap handler", hypercall1(HYPERVISOR_set_trap_table, (uint64_t)table));
    for (unsigned type = 0; type <= 7; type++) {
        if (type == 4)
            continue; /* NMIs, which have rules of their own */
        print("callback %u", type);
        outcome("", callback_register(type, 0, (void (*)(void))address));
    }
    outcome("set_callbacks", hypercall3(HYPERVISOR_set_callbacks, address, address, address));
    outcome("a kernel stack", hypercall2(HYPERVISOR_stack_switch, FLAT_SS64, address));
    outcome("FS base", hypercall2(HYPERVISOR_set_segment_base, SEGBASE_FS, address));
    outcome("GS base", hypercall2(HYPERVISOR_set_segment_base, SEGBASE_GS_KERNEL, address));
    outcome("GS base of user mode", hypercall2(HYPERVISOR_set_segment_base, SEGBASE_GS_USER, address));
    outcome("INVLPG", mmuext_op(MMUEXT_INVLPG_LOCAL, address));
    outcome("update_va_mapping", update_va_mapping((void *)address, 0));
    struct mmuext_op ldt = { .cmd = MMUEXT_SET_LDT, .arg1 = address & ~0xffful, .arg2 = 1 };
    outcome("an LDT", hypercall4(HYPERVISOR_mmuext_op, (uint64_t)&ldt, 1, 0, DOMID_SELF));
    ldt.arg2 = 0;
    hypercall4(HYPERVISOR_mmuext_op, (uint64_t)&ldt, 1, 0, DOMID_SELF);
    outcome("a GDT's frames", hypercall2(HYPERVISOR_set_gdt, address, 512));
    outcome("a breakpoint", hypercall2(HYPERVISOR_set_debugreg, 0, address));
    outcome("runstate", vcpu_op(VCPUOP_register_runstate_memory_area, 0, &address));
    outcome("xen_version", xen_version(XENVER_version + 1, (void *)address));
    outcome("an event channel", event_channel_op(EVTCHNOP_status, (void *)address));
    TRY("wrmsr", , IN([a] "c"(0xc0000100), "a"((uint32_t)address), "d"((uint32_t)(address >> 32))));
    trap_outcome("FS base by WRMSR");
    TRY("wrmsr", , IN([a] "c"(0xc0000102), "a"((uint32_t)address), "d"((uint32_t)(address >> 32))));
    trap_outcome("GS base of user mode by WRMSR");
    init_events();
    callback_register(2, 0, syscall_entry);
    hypercall2(HYPERVISOR_stack_switch, FLAT_SS64, kernel_stack_top);
    hypercall2(HYPERVISOR_set_segment_base, SEGBASE_FS, 0);
    hypercall2(HYPERVISOR_set_segment_base, SEGBASE_GS_KERNEL, 0);
    hypercall2(HYPERVISOR_set_segment_base, SEGBASE_GS_USER, 0);
    hypercall2(HYPERVISOR_set_debugreg, 0, 0);
}

void test_main(void)
{
    init_events();
    init_user();
    user_hook = stop;
    syscall_at_the_edge();
    registrations(NON_CANONICAL, "not canonical");
    registrations(HYPERVISORS, "the hypervisor's");
    run_user(edge_user, 0, 0x202);
    vcpu0.evtchn_upcall_mask = 1;
    CHECK_EQUAL("an ordinary system call in the end", last_trap.rax, 0x55);
}
