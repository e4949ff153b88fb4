#include "guest.h"

static volatile uint64_t *root;

/* A mapping that must be refused; the entry must not have changed. */
static void refuse(const char *what, volatile void *va, uint64_t pte)
{
    volatile uint64_t *entry = entry_for(va, 1);
    uint64_t before = *entry;
    CHECK(update_va_mapping(va, pte) != 0, "%s: accepted by update_va_mapping", what);
    CHECK_EQUAL(what, *entry & ~(PTE_A | PTE_D), before & ~(PTE_A | PTE_D));
    CHECK(mmu_update(entry_maddr(va, 1), pte) != 0, "%s: accepted by mmu_update", what);
}

static void refuse_entry(const char *what, const volatile void *va, int level, uint64_t value)
{
    volatile uint64_t *entry = entry_for(va, level);
    uint64_t before = *entry;
    CHECK(mmu_update(entry_maddr(va, level), value) != 0, "%s: accepted", what);
    CHECK_EQUAL(what, *entry & ~(PTE_A | PTE_D), before & ~(PTE_A | PTE_D));
}

static void check_mappings(void)
{
    volatile uint64_t *page = alloc_page();
    uint64_t mfn = va_to_mfn(page), max_mfn = memory_op(XENMEM_maximum_ram_page, NULL);

    for (int level = 4; level >= 1; level--)
        refuse("writable mapping of a page table", page, pte_of(va_to_mfn(table_for(page, level)), RW));
    CHECK_EQUAL("read-only mapping of a page table", update_va_mapping(page, pte_of(va_to_mfn(root), RO)), 0);
    update_va_mapping(page, pte_of(mfn, RW));

    refuse("PAT bit", page, pte_of(mfn, RW | PTE_PSE));
    refuse("uncached mapping", page, pte_of(mfn, RW | 0x10));
    refuse("reserved address bit", page, pte_of(mfn, RW) | 1ul << 51);
    refuse("frame beyond the machine's memory", page, pte_of(max_mfn + 1000, RW));
    refuse("frame of the hypervisor", page, pte_of(1, RW));
    refuse("frame of the M2P table", page, pte_of(PTE_MFN(root[256]), RW));
    CHECK_EQUAL("non-present entry of any content", update_va_mapping(page, 0xdeadbeef000ul), 0);
    CHECK_EQUAL("its content", *entry_for(page, 1), 0xdeadbeef000ul);
    CHECK_EQUAL("the page again", update_va_mapping(page, pte_of(mfn, RW)), 0);

    refuse_entry("superpage", page, 2, pte_of(mfn & ~511ul, RW | PTE_PSE));
    refuse_entry("superpage of 1 GiB", page, 3, pte_of(0, RW | PTE_PSE));
    refuse_entry("L1 table as an L2", page, 3, pte_of(va_to_mfn(table_for(page, 1)), RW));
    refuse_entry("L4 table as an L1", page, 2, pte_of(va_to_mfn(root), RW));
    CHECK(update_va_mapping((void *)(1ul << 47), 0) != 0, "update_va_mapping of a non-canonical address is accepted");
    CHECK(update_va_mapping((void *)0xffff800000000000ul, 0) != 0, "update_va_mapping of the M2P table is accepted");
}

static void check_root(void)
{
    uint64_t before = root[256];
    for (int slot = 256; slot < 272; slot++)
        CHECK(mmu_update((va_to_mfn(root) << PAGE_SHIFT) + slot * 8, 0) != 0, "slot %d of the root can be cleared", slot);
    CHECK_EQUAL("slot 256 afterwards", root[256], before);

    /* A root that contains itself: never writable. Read-only is allowed by some configurations. */
    uint64_t slot = (va_to_mfn(root) << PAGE_SHIFT) + 8 * 8;
    CHECK(mmu_update(slot, pte_of(va_to_mfn(root), RW)) != 0, "writable linear page table is accepted");
    if (mmu_update(slot, pte_of(va_to_mfn(root), RO)) == 0) {
        CHECK(mmu_update(slot, pte_of(va_to_mfn(root), RW)) != 0, "read-only linear page table can be made writable");
        CHECK_EQUAL("clearing the slot", mmu_update(slot, 0), 0);
    }
    CHECK(mmuext_op(MMUEXT_NEW_BASEPTR, va_to_mfn(alloc_page())) != 0, "a writable page is accepted as a root");
}

static void check_types(void)
{
    uint64_t *page = alloc_page();
    uint64_t mfn = va_to_mfn(page);

    CHECK(mmuext_op(MMUEXT_PIN_L1_TABLE, mfn) != 0, "a writable page can be pinned");
    CHECK_EQUAL("making it read-only", update_va_mapping(page, pte_of(mfn, RO)), 0);
    CHECK_EQUAL("pinning it then", mmuext_op(MMUEXT_PIN_L1_TABLE, mfn), 0);
    CHECK(update_va_mapping(page, pte_of(mfn, RW)) != 0, "a pinned page can be mapped writable");
    CHECK(mmuext_op(MMUEXT_PIN_L2_TABLE, mfn) != 0, "an L1 table can be pinned as an L2, too");
    CHECK(mmuext_op(MMUEXT_PIN_L1_TABLE, mfn) != 0, "a page can be pinned twice");
    CHECK_EQUAL("unpinning", mmuext_op(MMUEXT_UNPIN_TABLE, mfn), 0);
    CHECK(mmuext_op(MMUEXT_UNPIN_TABLE, mfn) != 0, "a page can be unpinned twice");
    CHECK_EQUAL("writable mapping after unpinning", update_va_mapping(page, pte_of(mfn, RW)), 0);

    /* An entry of the new table maps a page table writable. */
    page[3] = pte_of(va_to_mfn(root), RW);
    CHECK_EQUAL("making it read-only again", update_va_mapping(page, pte_of(mfn, RO)), 0);
    CHECK(mmuext_op(MMUEXT_PIN_L1_TABLE, mfn) != 0, "a table that maps a page table writable can be pinned");
    CHECK_EQUAL("and back", update_va_mapping(page, pte_of(mfn, RW)), 0);
    page[3] = 0;
    CHECK(mmuext_op(MMUEXT_PIN_L4_TABLE, memory_op(XENMEM_maximum_ram_page, NULL) + 1000) != 0, "a frame that is not there can be pinned");
    CHECK(mmuext_op(MMUEXT_UNPIN_TABLE, va_to_mfn(alloc_page())) != 0, "a page that is not pinned can be unpinned");
}

static void check_writes(void)
{
    volatile uint64_t *page = alloc_page();
    uint64_t mfn = va_to_mfn(page);
    volatile uint64_t *entry = entry_for(page, 1);

    TRY("movq $0, (%[p])", , IN([p] "r"(entry)));
    check_trap("direct write to an L1 entry", 14, 3, try_rip);
    TRY("movq $0, (%[p])", , IN([p] "r"(&root[300])));
    check_trap("direct write to the root", 14, 3, try_rip);

    CHECK_EQUAL("vm_assist(writable_pagetables)", vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables), 0);
    TRY("movq %[v], (%[p])", , IN([p] "r"(entry), [v] "r"(pte_of(mfn, RO))));
    CHECK_EQUAL("traps of an emulated write", trap_taken, 0);
    CHECK_EQUAL("the frame after an emulated write", PTE_MFN(*entry), mfn);
    CHECK_EQUAL("rights after an emulated write", *entry & (PTE_P | PTE_RW), PTE_P);

    uint64_t value = pte_of(mfn, RW);
    TRY("xchg %[v], (%[p])", OUT([v] "+r"(value)), IN([p] "r"(entry)));
    CHECK_EQUAL("traps of an emulated exchange", trap_taken, 0);
    CHECK_EQUAL("frame that it returns", PTE_MFN(value), mfn);
    CHECK_EQUAL("rights that it returns", value & (PTE_P | PTE_RW), PTE_P);
    TRY("lock btrq $1, (%[p])", , IN([p] "r"(entry)));
    CHECK_EQUAL("traps of an emulated bit operation", trap_taken, 0);
    CHECK_EQUAL("RW afterwards", *entry & PTE_RW, 0);

    uint64_t old = *entry, found = old;
    TRY("lock cmpxchg %[n], (%[p])", OUT("+a"(found)), IN([n] "r"(pte_of(mfn, RW)), [p] "r"(entry)));
    CHECK_EQUAL("traps of an emulated cmpxchg", trap_taken, 0);
    CHECK_EQUAL("RW after cmpxchg", *entry & PTE_RW, PTE_RW);

    value = *entry;
    TRY("movq %[v], (%[p])", , IN([p] "r"(entry), [v] "r"(pte_of(va_to_mfn(root), RW))));
    CHECK_EQUAL("frame after a forbidden write", PTE_MFN(*entry), PTE_MFN(value));
    TRY("movq $0, (%[p])", , IN([p] "r"(&root[300])));
    check_trap("direct write to the root, with the assist", 14, 3, try_rip);
    vm_assist(VMASST_CMD_disable, VMASST_TYPE_writable_pagetables);
}

void test_main(void)
{
    root = (uint64_t *)start_info->pt_base;
    check_mappings();
    check_root();
    check_types();
    check_writes();
}
