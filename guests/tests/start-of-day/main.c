#include "guest.h"

static void check_registers(void)
{
    const struct initial_state *s = &initial_state;
    static const char *const names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                           "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };
    for (int i = 0; i < 16; i++)
        if (i != 4 && i != 6)
            CHECK_EQUAL(names[i], s->gpr[i], 0);
    CHECK_EQUAL("rflags", s->rflags, 0x202);
    CHECK_EQUAL("cs", s->cs, FLAT_CS64);
    CHECK_EQUAL("ss", s->ss, FLAT_SS64);
    CHECK_EQUAL("ds", s->ds, 0);
    CHECK_EQUAL("es", s->es, 0);
    CHECK_EQUAL("fs", s->fs, 0);
    CHECK_EQUAL("gs", s->gs, 0);
    CHECK_EQUAL("rsp within its page", s->gpr[4] & (PAGE_SIZE - 1), 0);
    CHECK_EQUAL("rsp: end of the page behind the page tables", s->gpr[4],
                start_info->pt_base + (start_info->nr_pt_frames + 1) * PAGE_SIZE);
}

static void check_start_info(void)
{
    static const char magic[] = "xen-3.0-x86_64";
    for (unsigned i = 0; i < sizeof magic; i++)
        if (start_info->magic[i] != magic[i]) {
            fail("start_info.magic differs");
            break;
        }
    CHECK_EQUAL("start_info within its page", (uint64_t)start_info & (PAGE_SIZE - 1), 0);
    CHECK_EQUAL("shared_info within its page", start_info->shared_info & (PAGE_SIZE - 1), 0);
    CHECK_EQUAL("privilege flags of an ordinary domain", start_info->flags & 3, 0);
    CHECK(start_info->store_mfn && start_info->store_evtchn, "no xenstore page or port");
    CHECK(start_info->console_mfn && start_info->console_evtchn, "no console page or port");

    /* Kernel, p2m list, start_info, xenstore, console, page tables, stack. */
    uint64_t store = (uint64_t)mfn_to_va(start_info->store_mfn), console = (uint64_t)mfn_to_va(start_info->console_mfn);
    CHECK((uint64_t)&shared_page < start_info->mfn_list, "p2m list not behind the kernel");
    CHECK(start_info->mfn_list + start_info->nr_pages * 8 <= (uint64_t)start_info, "start_info not behind the p2m list");
    CHECK((uint64_t)start_info < store && store < console && console < start_info->pt_base, "order of the special pages");
}

static void check_p2m(void)
{
    uint64_t wrong = 0;
    for (uint64_t pfn = 0; pfn < start_info->nr_pages; pfn++)
        if (MACH2PHYS[pfn_to_mfn(pfn)] != pfn)
            wrong++;
    CHECK_EQUAL("frames whose p2m and m2p entries disagree", wrong, 0);
}

static bool is_page_table(uint64_t va)
{
    return va >= start_info->pt_base && va < start_info->pt_base + start_info->nr_pt_frames * PAGE_SIZE;
}

static void check_page_tables(void)
{
    uint64_t va = VIRT_BASE, wrong_frame = 0, wrong_rights = 0;
    for (;; va += PAGE_SIZE) {
        volatile uint64_t *entry = va ? entry_for((void *)va, 1) : NULL;
        if (!entry || !(*entry & PTE_P))
            break;
        if (va == (uint64_t)&shared_page)
            continue; /* mapped by the common start-up code */
        if (PTE_MFN(*entry) != va_to_mfn((void *)va))
            wrong_frame++;
        if (!(*entry & PTE_RW) != is_page_table(va))
            wrong_rights++;
    }
    CHECK_EQUAL("boot mappings of another frame", wrong_frame, 0);
    CHECK_EQUAL("boot mappings with other rights (page tables read-only, the rest writable)", wrong_rights, 0);
    CHECK_EQUAL("end of the boot region modulo 4 MiB", va & 0x3fffff, 0);
    CHECK(va - initial_state.gpr[4] >= 512 * 1024, "less than 512 KiB behind the boot stack");

    volatile uint64_t *root = (uint64_t *)start_info->pt_base;
    CHECK(root[256] & PTE_P, "no hypervisor entry in slot 256 of the root table");
    uint64_t cr3;
    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    CHECK_EQUAL("cr3", cr3, va_to_mfn(root) << PAGE_SHIFT);
}

static void check_shared_info(void)
{
    for (int i = 0; i < 32; i++)
        CHECK_EQUAL("evtchn_upcall_mask", shared.vcpu_info[i].evtchn_upcall_mask, 1);
    uint64_t masked = 0;
    for (int i = 0; i < 64; i++)
        masked |= shared.evtchn_mask[i];
    CHECK_EQUAL("masked ports", masked, 0);
    CHECK_EQUAL("wc_version, lowest bit", shared.wc_version & 1, 0);
    CHECK(shared.wc_sec != 0, "no wall-clock time");
    CHECK_EQUAL("time version, lowest bit", vcpu0.time.version & 1, 0);
    CHECK(vcpu0.time.tsc_to_system_mul != 0, "no scale of the TSC");
}

void test_main(void)
{
    check_registers();
    check_start_info();
    check_p2m();
    check_page_tables();
    check_shared_info();
}
