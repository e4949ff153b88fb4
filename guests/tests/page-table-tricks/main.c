#include "guest.h"

static volatile uint64_t *root;

static uint64_t entry_at(uint64_t mfn, unsigned index) { return (mfn << PAGE_SHIFT) + index * 8; }

static void read_only(void *page)
{
    if (update_va_mapping(page, pte_of(va_to_mfn(page), RO)))
        error("cannot make a page read-only");
}

/* A change of flags alone must be checked like a new entry. */
static void flags_only(void)
{
    volatile void *page = alloc_page();
    for (int level = 4; level >= 2; level--) {
        volatile uint64_t *entry = entry_for(page, level);
        uint64_t at = entry_maddr(page, level), before = *entry;
        print("level %d, the same frame:\n", level);
        outcome("  with PSE", mmu_update(at, before | PTE_PSE));
        outcome("  with PAT of a superpage", mmu_update(at, before | PTE_PSE | 1ul << 12));
        outcome("  with G", mmu_update(at, before | 0x100));
        outcome("  with PCD", mmu_update(at, before | 0x10));
        outcome("  with reserved bit 51", mmu_update(at, before | 1ul << 51));
        outcome("  with PSE, accessed and dirty bits kept",
                mmu_update(at | MMU_PT_UPDATE_PRESERVE_AD, before | PTE_PSE));
        outcome("  without U", mmu_update(at, before & ~PTE_U));
        outcome("  as it was", mmu_update(at, before));
        CHECK_EQUAL("the entry afterwards", (*entry ^ before) & ~(PTE_A | PTE_D), 0);
    }
}

/* Tables that show themselves or others of their level: read-only, and not in chains. */
static void linear(void)
{
    uint64_t self = va_to_mfn(root), slot = entry_at(self, 8);
    uint64_t *second = alloc_page(), *third = alloc_page();

    outcome("a root in itself, writable", mmu_update(slot, pte_of(self, RW)));
    long made = mmu_update(slot, pte_of(self, RO));
    outcome("a root in itself, read-only", made);
    outcome("  then made writable", mmu_update(slot, pte_of(self, RW)));
    outcome("  then with PSE", mmu_update(slot, pte_of(self, RO | PTE_PSE)));
    outcome("  cleared", mmu_update(slot, 0));

    read_only(second);
    read_only(third);
    outcome("pinning a second root", mmuext_op(MMUEXT_PIN_L4_TABLE, va_to_mfn(second)));
    outcome("pinning a third", mmuext_op(MMUEXT_PIN_L4_TABLE, va_to_mfn(third)));
    outcome("the second in the first, writable", mmu_update(slot, pte_of(va_to_mfn(second), RW)));
    outcome("the second in the first, read-only", mmu_update(slot, pte_of(va_to_mfn(second), RO)));
    outcome("the third in the second", mmu_update(entry_at(va_to_mfn(second), 8), pte_of(va_to_mfn(third), RO)));
    outcome("the first in the second", mmu_update(entry_at(va_to_mfn(second), 9), pte_of(self, RO)));
    outcome("the second in the third", mmu_update(entry_at(va_to_mfn(third), 8), pte_of(va_to_mfn(second), RO)));
    outcome("unpinning the second", mmuext_op(MMUEXT_UNPIN_TABLE, va_to_mfn(second)));
    outcome("  writable while the first shows it", update_va_mapping(second, pte_of(va_to_mfn(second), RW)));
    outcome("  after it shows it no more", mmu_update(slot, 0) ?: update_va_mapping(second, pte_of(va_to_mfn(second), RW)));
    mmu_update(entry_at(va_to_mfn(third), 8), 0);
    outcome("unpinning the third", mmuext_op(MMUEXT_UNPIN_TABLE, va_to_mfn(third)));
    outcome("  writable then", update_va_mapping(third, pte_of(va_to_mfn(third), RW)));

    /* Below the root. */
    volatile uint64_t *l2 = table_for(second, 2), *l3 = table_for(second, 3);
    outcome("an L2 in itself, writable", mmu_update(entry_at(va_to_mfn(l2), 100), pte_of(va_to_mfn(l2), RW)));
    outcome("an L2 in itself, read-only", mmu_update(entry_at(va_to_mfn(l2), 100), pte_of(va_to_mfn(l2), RO)));
    outcome("an L3 in itself, read-only", mmu_update(entry_at(va_to_mfn(l3), 100), pte_of(va_to_mfn(l3), RO)));
    outcome("an L3 in an L2", mmu_update(entry_at(va_to_mfn(l2), 101), pte_of(va_to_mfn(l3), RO)));
    outcome("the root in an L2", mmu_update(entry_at(va_to_mfn(l2), 101), pte_of(self, RO)));
    mmu_update(entry_at(va_to_mfn(l2), 100), 0);
    mmu_update(entry_at(va_to_mfn(l3), 100), 0);
}

/* One page in two roles. */
static void confusion(void)
{
    uint64_t *page = alloc_page(), *window = alloc_page();
    uint64_t mfn = va_to_mfn(page);
    uint64_t l1 = va_to_mfn(table_for(page, 1)), l2 = va_to_mfn(table_for(page, 2)), l3 = va_to_mfn(table_for(page, 3));

    page[5] = pte_of(l1, RW);
    page[6] = pte_of(0, RW | PTE_PSE);
    outcome("pinning a writable page", mmuext_op(MMUEXT_PIN_L1_TABLE, mfn));
    read_only(page);
    for (int level = 1; level <= 4; level++) {
        print("level %d, ", level);
        outcome("a page with entries that must not be", mmuext_op(MMUEXT_PIN_L1_TABLE + level - 1, mfn));
    }
    if (update_va_mapping(page, pte_of(mfn, RW)))
        error("a page is lost");
    page[5] = page[6] = 0;
    page[7] = pte_of(mfn, RW);
    read_only(page);
    outcome("a table that maps itself writable", mmuext_op(MMUEXT_PIN_L1_TABLE, mfn));
    if (update_va_mapping(page, pte_of(mfn, RW)))
        error("a page is lost");
    page[7] = pte_of(mfn, RO);
    read_only(page);
    outcome("a table that maps itself read-only", mmuext_op(MMUEXT_PIN_L1_TABLE, mfn));
    outcome("  that entry made writable", mmu_update(entry_at(mfn, 7), pte_of(mfn, RW)));
    outcome("  another one, writable", mmu_update(entry_at(mfn, 8), pte_of(mfn, RW)));
    outcome("  a second virtual address, writable", update_va_mapping(window, pte_of(mfn, RW)));
    outcome("  as a GDT", hypercall2(HYPERVISOR_set_gdt, (uint64_t)&mfn, 512));
    outcome("  as a root", mmuext_op(MMUEXT_NEW_BASEPTR, mfn));
    outcome("  as a root for user mode", mmuext_op(MMUEXT_NEW_USER_BASEPTR, mfn));
    outcome("  cleared by CLEAR_PAGE", mmuext_op(MMUEXT_CLEAR_PAGE, mfn));
    struct mmuext_op copy = { .cmd = MMUEXT_COPY_PAGE, .arg1 = mfn, .arg2 = va_to_mfn(window) };
    outcome("  overwritten by COPY_PAGE", hypercall4(HYPERVISOR_mmuext_op, (uint64_t)&copy, 1, 0, DOMID_SELF));
    outcome("  pinned again as L2", mmuext_op(MMUEXT_PIN_L2_TABLE, mfn));
    CHECK_EQUAL("frame and rights of its entry", page[7] & ~(PTE_A | PTE_D | 0x100), pte_of(mfn, RO) & ~PTE_A);
    outcome("unpinned", mmuext_op(MMUEXT_UNPIN_TABLE, mfn));
    outcome("writable then", update_va_mapping(page, pte_of(mfn, RW)));

    outcome("unpinning an L1 in use", mmuext_op(MMUEXT_UNPIN_TABLE, l1));
    outcome("clearing an L1 in use", mmuext_op(MMUEXT_CLEAR_PAGE, l1));
    outcome("clearing an L2 in use", mmuext_op(MMUEXT_CLEAR_PAGE, l2));
    outcome("an L2 as a root", mmuext_op(MMUEXT_NEW_BASEPTR, l2));
    outcome("an L3 as a root", mmuext_op(MMUEXT_NEW_BASEPTR, l3));
    outcome("no root", mmuext_op(MMUEXT_NEW_BASEPTR, 0));
    outcome("a frame that is not there as a root", mmuext_op(MMUEXT_NEW_BASEPTR, 1ul << 40));
    outcome("shared_info as a page table", mmuext_op(MMUEXT_PIN_L1_TABLE, start_info->shared_info >> PAGE_SHIFT));
    outcome("the mark of a superpage", mmuext_op(MMUEXT_MARK_SUPER, mfn & ~511ul));
}

/* Others' frames, the hypervisor's, and the M2P table. */
static void foreign(void)
{
    volatile void *page = alloc_page();
    uint64_t mfn = va_to_mfn(page), at = entry_maddr(page, 1);
    struct mmu_update request = { .ptr = at, .val = pte_of(mfn, RW) };
    uint64_t m2p = PTE_MFN(root[256]);

    outcome("an update in the name of domain 0", hypercall4(HYPERVISOR_mmu_update, (uint64_t)&request, 1, 0, 0));
    outcome("of the hypervisor", hypercall4(HYPERVISOR_mmu_update, (uint64_t)&request, 1, 0, DOMID_XEN));
    outcome("of I/O", hypercall4(HYPERVISOR_mmu_update, (uint64_t)&request, 1, 0, DOMID_IO));
    outcome("of a domain that is not there", hypercall4(HYPERVISOR_mmu_update, (uint64_t)&request, 1, 0, 0x7fe0));
    outcome("on tables of domain 0", hypercall4(HYPERVISOR_mmu_update, (uint64_t)&request, 1, 0, 1ul << 16));
    outcome("update_va_mapping_otherdomain of domain 0",
            hypercall4(HYPERVISOR_update_va_mapping_otherdomain, (uint64_t)page, pte_of(mfn, RW), 0, 0));
    outcome("the M2P's table mapped", update_va_mapping(page, pte_of(m2p, RO)));
    outcome("the M2P's table pinned", mmuext_op(MMUEXT_PIN_L3_TABLE, m2p));
    outcome("an entry in the M2P's table", mmu_update(entry_at(m2p, 0), 0));
    outcome("frame 0 read-only", update_va_mapping(page, pte_of(0, RO)));
    outcome("the M2P through its linear address", update_va_mapping((void *)0xffff800000000000ul, pte_of(mfn, RW)));
    TRY("movq $0, (%[p])", , IN([p] "r"(MACH2PHYS)));
    trap_outcome("a write to the M2P");
    TRY("movq $0, (%[p])", , IN([p] "r"(0xffff820000000000ul)));
    trap_outcome("a write to slot 260");
    uint64_t value;
    TRY("movq (%[p]), %[v]", OUT([v] "=r"(value)), IN([p] "r"(0xffff830000000000ul)));
    trap_outcome("a read of slot 262");
    struct mmu_update m2p_update = { .ptr = (mfn << PAGE_SHIFT) | MMU_MACHPHYS_UPDATE, .val = 0x12345 };
    outcome("the M2P entry of an own frame", hypercall4(HYPERVISOR_mmu_update, (uint64_t)&m2p_update, 1, 0, DOMID_SELF));
    m2p_update.ptr = (m2p << PAGE_SHIFT) | MMU_MACHPHYS_UPDATE;
    outcome("the M2P entry of a foreign frame", hypercall4(HYPERVISOR_mmu_update, (uint64_t)&m2p_update, 1, 0, DOMID_SELF));
    m2p_update.ptr = (1ul << 51) | MMU_MACHPHYS_UPDATE;
    outcome("the M2P entry of a frame that is not there",
            hypercall4(HYPERVISOR_mmu_update, (uint64_t)&m2p_update, 1, 0, DOMID_SELF));
    m2p_update = (struct mmu_update){ .ptr = (mfn << PAGE_SHIFT) | MMU_MACHPHYS_UPDATE, .val = va_to_pfn(page) };
    hypercall4(HYPERVISOR_mmu_update, (uint64_t)&m2p_update, 1, 0, DOMID_SELF);
    outcome("an entry that is not aligned", mmu_update(at + 4, pte_of(mfn, RW)));
    outcome("an entry in a page that is no table", mmu_update(mfn << PAGE_SHIFT, pte_of(mfn, RW)));
    outcome("requests at a bad address", hypercall4(HYPERVISOR_mmu_update, 0xffff830000000000ul, 1, 0, DOMID_SELF));
    outcome("requests that run into the hypervisor's part",
            hypercall4(HYPERVISOR_mmu_update, 0x00007ffffffffff0ul, 0x7fffffff, 0, DOMID_SELF));
}

void test_main(void)
{
    root = (uint64_t *)start_info->pt_base;
    flags_only();
    linear();
    confusion();
    foreign();
}
