#include "guest.h"

#define DESCRIPTOR(base, limit, access, flags)                                                            \
    (((uint64_t)(limit) & 0xffff) | (((uint64_t)(base) & 0xffffff) << 16) | ((uint64_t)(access) << 40) | \
     (((uint64_t)(limit) & 0xf0000) << 32) | ((uint64_t)(flags) << 52) | (((uint64_t)(base) & 0xff000000) << 32))
#define GATE(selector, offset, access) \
    (((uint64_t)(offset) & 0xffff) | ((uint64_t)(selector) << 16) | ((uint64_t)(access) << 40) | (((uint64_t)(offset) & 0xffff0000) << 32))

static uint64_t *gdt, *ldt;

static long set_gdt(uint64_t mfn, unsigned entries)
{
    return hypercall2(HYPERVISOR_set_gdt, (uint64_t)&mfn, entries);
}

static long set_ldt(const volatile void *page, unsigned entries)
{
    struct mmuext_op op = { .cmd = MMUEXT_SET_LDT, .arg1 = (uint64_t)page, .arg2 = entries };
    return hypercall4(HYPERVISOR_mmuext_op, (uint64_t)&op, 1, 0, DOMID_SELF);
}

static long put(unsigned n, uint64_t descriptor)
{
    return hypercall2(HYPERVISOR_update_descriptor, (va_to_mfn(gdt) << PAGE_SHIFT) + n * 8, descriptor);
}

/* What the table holds for a descriptor that is accepted: rights that it must not have are gone. */
static void try(const char *what, uint64_t descriptor)
{
    long result = put(8, descriptor);
    print("%s: %ld", what, result);
    if (!result)
        print(", stored as %#lx", gdt[8]);
    print("\n");
    put(8, 0);
}

static void types(void)
{
    static const char *system[] = { "reserved", "16-bit TSS, available", "LDT", "16-bit TSS, busy", "16-bit call gate",
                                    "task gate", "16-bit interrupt gate", "16-bit trap gate", "reserved 8", "TSS, available",
                                    "reserved 10", "TSS, busy", "call gate", "reserved 13", "interrupt gate", "trap gate" };
    for (unsigned type = 0; type < 16; type++)
        for (unsigned dpl = 0; dpl <= 3; dpl += 3) {
            char text[64];
            format(text, sizeof text, "%s of DPL %u", system[type], dpl);
            try(text, GATE(0xe008, 0x1000, 0x80 | dpl << 5 | type));
        }
    try("a call gate to the guest's own kernel code", GATE(0xe033, 0x1000, 0xec));
    try("a call gate to a segment of the guest's", GATE(0x2b, 0x1000, 0xec));
    try("a call gate to the null segment", GATE(0, 0x1000, 0xec));
    try("data of DPL 0", DESCRIPTOR(0, 0xfffff, 0x93, 0xc));
    try("code of DPL 0", DESCRIPTOR(0, 0xfffff, 0x9b, 0xa));
    try("conforming code of DPL 0", DESCRIPTOR(0, 0xfffff, 0x9f, 0xa));
    try("code of DPL 1", DESCRIPTOR(0, 0xfffff, 0xbb, 0xa));
    try("code of 32 and 64 bits at once", DESCRIPTOR(0, 0xfffff, 0xfb, 0xe));
    try("data that grow down", DESCRIPTOR(0, 0, 0xf7, 0xc));
    try("not present, of any kind", GATE(0xe008, 0x1000, 0x0c));
}

static void places(void)
{
    uint64_t *root = (uint64_t *)start_info->pt_base, m2p = PTE_MFN(root[256]);
    outcome("a descriptor in a page table", hypercall2(HYPERVISOR_update_descriptor, va_to_mfn(root) << PAGE_SHIFT, 0));
    outcome("in the M2P's table", hypercall2(HYPERVISOR_update_descriptor, m2p << PAGE_SHIFT, 0));
    outcome("in a frame of the hypervisor", hypercall2(HYPERVISOR_update_descriptor, 0x1000, 0));
    outcome("in a frame that is not there", hypercall2(HYPERVISOR_update_descriptor, 1ul << 51, 0));
    outcome("at an address that is not aligned", hypercall2(HYPERVISOR_update_descriptor, (va_to_mfn(gdt) << PAGE_SHIFT) + 4, 0));
    outcome("a GDT that is a page table", set_gdt(va_to_mfn(root), 512));
    outcome("a GDT of the hypervisor", set_gdt(1, 512));
    outcome("a GDT that is not there", set_gdt(1ul << 40, 512));
    outcome("a GDT of frame -1", set_gdt(~0ul, 512));
    outcome("a GDT of shared_info", set_gdt(start_info->shared_info >> PAGE_SHIFT, 512));
    outcome("a GDT with entries for the hypervisor's part", set_gdt(va_to_mfn(gdt), 0x1c01));
    outcome("a GDT of -1 entries", set_gdt(va_to_mfn(gdt), ~0u));
    outcome("an LDT of too many entries", set_ldt(ldt, 0x10000));
    outcome("an LDT in the hypervisor's part", set_ldt((void *)0xffff820000000000ul, 512));
    outcome("the GDT in use, writable", update_va_mapping(gdt, pte_of(va_to_mfn(gdt), RW)));
    outcome("  as a page table", mmuext_op(MMUEXT_PIN_L1_TABLE, va_to_mfn(gdt)));
}

static void fs(const char *what, unsigned selector)
{
    bool trapped = TRY("mov %w[s], %%fs", , IN([s] "r"(selector)));
    print("%s", what);
    if (trapped)
        trap_outcome("");
    else
        print(": loaded\n");
    __asm__ volatile("mov %w0, %%fs" : : "r"(0));
}

static void selectors(void)
{
    fs("FS of the hypervisor's code", 0xe008);
    fs("FS of the hypervisor's data", 0xe010);
    fs("FS of the hypervisor's data, RPL 3", 0xe013);
    fs("FS of the TSS", 0xe040);
    fs("FS behind the GDT's end", 0xfff8);
    fs("FS of the last entry of all", 0xffff);
    fs("FS of an LDT that there is none of", 0x0f);
    outcome("an LDT where there is no page", set_ldt((void *)0x10000, 512));
    fs("FS of it", 0x0f);
    outcome("an LDT in a writable page", set_ldt(ldt, 512));
    ldt[1] = DESCRIPTOR(0, 0xfffff, 0xf3, 0xc);
    fs("FS of it", 0x0f);
    outcome("  the page afterwards, writable again", update_va_mapping(ldt, pte_of(va_to_mfn(ldt), RW)));
    set_ldt(NULL, 0);
    outcome("  without the LDT", update_va_mapping(ldt, pte_of(va_to_mfn(ldt), RW)));
    static struct {
        uint32_t offset;
        uint16_t selector;
    } __attribute__((packed)) far = { 0x1000, 0xe008 };
    TRY("lcall *(%[p])", , IN([p] "r"(&far)));
    trap_outcome("a far call to the hypervisor's code");
    far.selector = 0xe040;
    TRY("lcall *(%[p])", , IN([p] "r"(&far)));
    trap_outcome("a far call to the TSS");
    TRY("ltr %w[s]", , IN([s] "r"(0xe040)));
    trap_outcome("LTR");
    TRY("lldt %w[s]", , IN([s] "r"(0xe040)));
    trap_outcome("LLDT");
    TRY("lgdt (%[p])", , IN([p] "r"(&far)));
    trap_outcome("LGDT");
    TRY("lidt (%[p])", , IN([p] "r"(&far)));
    trap_outcome("LIDT");
}

void test_main(void)
{
    gdt = alloc_page();
    ldt = alloc_page();
    if (update_va_mapping(gdt, pte_of(va_to_mfn(gdt), RO)) || set_gdt(va_to_mfn(gdt), 512))
        error("cannot set a GDT");
    types();
    places();
    selectors();
}
