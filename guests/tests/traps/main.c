#include "guest.h"

#define UNMAPPED ((volatile uint64_t *)0x10000)
#define NON_CANONICAL ((volatile uint64_t *)0x0000800000000000ul)

static void check_page_faults(void)
{
    uint64_t *page = alloc_page();
    uint64_t value;

    TRY("mov (%[p]), %[v]", OUT([v] "=&r"(value)), IN([p] "r"(UNMAPPED)));
    check_trap("read of an unmapped page", 14, 0, try_rip);
    CHECK_EQUAL("cr2 after a read", vcpu0.cr2, (uint64_t)UNMAPPED);
    __asm__ volatile("mov %%cr2, %0" : "=r"(value));
    CHECK_EQUAL("cr2 by mov", value, (uint64_t)UNMAPPED);

    TRY("movq $1, 8(%[p])", , IN([p] "r"(UNMAPPED)));
    check_trap("write to an unmapped page", 14, 2, try_rip);
    CHECK_EQUAL("cr2 after a write", vcpu0.cr2, (uint64_t)UNMAPPED + 8);

    if (update_va_mapping(page, pte_of(va_to_mfn(page), RO)))
        error("cannot make a page read-only");
    TRY("movq $1, 16(%[p])", , IN([p] "r"(page)));
    check_trap("write to a read-only page", 14, 3, try_rip);
    CHECK_EQUAL("cr2 after a write to a read-only page", vcpu0.cr2, (uint64_t)page + 16);
    update_va_mapping(page, pte_of(va_to_mfn(page), RW));

    /* A frame of the hypervisor that no guest may touch: between the M2P table and the end of the hole. */
    TRY("mov (%[p]), %[v]", OUT([v] "=&r"(value)), IN([p] "r"(0xffff87fffffff000ul)));
    CHECK(trap_taken == 1 && last_trap.vector == 14 && !(last_trap.error_code & ~1ul), "read inside the hypervisor's hole is not refused");
}

static void check_faults(void)
{
    uint64_t value;

    TRY("div %[z]", , IN([z] "r"(0ul), "a"(1ul), "d"(0ul)));
    check_trap("division by zero", 0, 0, try_rip);
    TRY("ud2", , );
    check_trap("ud2", 6, 0, try_rip);
    TRY("mov (%[p]), %[v]", OUT([v] "=&r"(value)), IN([p] "r"(NON_CANONICAL)));
    check_trap("read of a non-canonical address", 13, 0, try_rip);
    TRY("mov %w[s], %%ds", , IN([s] "r"(0x1234)));
    check_trap("load of a selector beyond the LDT", 13, 0x1234, try_rip);
    TRY("mov %w[s], %%ds", , IN([s] "r"(0xd000)));
    check_trap("load of a selector that is not present in the GDT", 13, 0xd000, try_rip);
    TRY("hlt", , );
    check_trap("hlt", 13, 0, try_rip);
}

static void check_traps(void)
{
    TRY("int3", , );
    check_trap("int3", 3, 0, try_next);

    /* int n: a descriptor privilege level of 1 is enough for the kernel. */
    TRY("int $0x40", , );
    check_trap("int 0x40", 0x40, 0, try_next);
    TRY("int $0x41", , );
    check_trap("int 0x41, without a handler", 13, 0x41 * 8 + 2, try_rip);
    TRY("int $0x0d", , );
    check_trap("int 13, whose handler is for the hypervisor only", 13, 13 * 8 + 2, try_rip);

    TRY("pushfq; orq $0x100, (%%rsp); popfq; nop", , );
    CHECK(trap_taken == 1 && last_trap.vector == 1, "single step does not trap");
    CHECK_EQUAL("rip after a single step", last_trap.rip, try_next);
}

/* Registers, stack and masks of one frame. */
static void check_frame(bool masked_before, bool masks)
{
    uint64_t rsp;

    init_traps(masks ? TI_MASK_EVENTS : 0);
    vcpu0.evtchn_upcall_mask = masked_before;
    uint64_t rcx, rax;
    TRY("mov %%rsp, %[rsp]\n mov %%r11, %[save]\n mov $0xc0ffee, %[rcx]\n mov $0x11facade, %%r11d\n ud2\n 1: mov %[save], %%r11\n nop",
        OUT([rsp] "=&b"(rsp), [rcx] "=&c"(rcx), [save] "=&a"(rax)), );
    uint8_t mask_after = vcpu0.evtchn_upcall_mask;
    vcpu0.evtchn_upcall_mask = 1;

    CHECK_EQUAL("rcx in the frame", last_trap.rcx, 0xc0ffee);
    CHECK_EQUAL("r11 in the frame", last_trap.r11, 0x11facade);
    CHECK_EQUAL("rsp in the frame", last_trap.rsp, rsp);
    CHECK_EQUAL("address of the frame", entry_rsp, (rsp & ~15ul) - 7 * 8);
    CHECK_EQUAL("saved mask", (last_trap.cs >> 32) & 0xff, masked_before);
    CHECK_EQUAL("IF in the frame", (last_trap.rflags >> 9) & 1, !masked_before);
    CHECK_EQUAL("IOPL in the frame", (last_trap.rflags >> 12) & 3, 0);
    CHECK_EQUAL("mask in the handler", mask_in_handler, masked_before || masks);
    CHECK_EQUAL("mask after iret", mask_after, masked_before);
}

void test_main(void)
{
    init_events();
    check_faults();
    check_page_faults();
    check_traps();
    for (int i = 0; i < 4; i++)
        check_frame(i & 1, i & 2);
}
