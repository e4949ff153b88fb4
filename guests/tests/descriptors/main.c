#include "guest.h"

/* A descriptor from base, limit (in bytes), access byte and flags (G, D/B, L, AVL). */
#define DESCRIPTOR(base, limit, access, flags)                                                            \
    (((uint64_t)(limit) & 0xffff) | (((uint64_t)(base) & 0xffffff) << 16) | ((uint64_t)(access) << 40) | \
     (((uint64_t)(limit) & 0xf0000) << 32) | ((uint64_t)(flags) << 52) | (((uint64_t)(base) & 0xff000000) << 32))
#define DATA3 0xf3 /* present, DPL 3, writable, accessed */
#define DATA0 0x93
#define CODE3 0xfb
#define NOT_PRESENT3 0x73
#define LDT_TYPE 0x82

#define GDT(n) ((n) * 8 + 3)
#define LDT(n) ((n) * 8 + 7)
#define WINDOW 0x10000 /* where segments of the test begin: bases have 32 bits */

static uint64_t *gdt, *ldt;

static long set_gdt(void *page, unsigned entries)
{
    uint64_t frame = va_to_mfn(page);
    return hypercall2(HYPERVISOR_set_gdt, (uint64_t)&frame, entries);
}

static long set_ldt(void *page, unsigned entries)
{
    struct mmuext_op op = { .cmd = MMUEXT_SET_LDT, .arg1 = (uint64_t)page, .arg2 = entries };
    return hypercall4(HYPERVISOR_mmuext_op, (uint64_t)&op, 1, 0, DOMID_SELF);
}

static long update_descriptor(uint64_t *table, unsigned n, uint64_t descriptor)
{
    uint64_t at = (va_to_mfn(table) << PAGE_SHIFT) + n * 8;
    return hypercall2(HYPERVISOR_update_descriptor, at, descriptor);
}

static void make_read_only(void *page)
{
    if (update_va_mapping(page, pte_of(va_to_mfn(page), RO)))
        error("cannot make a page read-only");
}

/* Whether the selector has limit and access byte as given; LAR and LSL clear ZF otherwise. */
static void check_segment(const char *what, unsigned selector, uint64_t limit, unsigned access)
{
    uint64_t seen_limit = 0, rights = 0;
    uint8_t valid;
    __asm__("lsl %k[s], %k[l]\n setz %b[v]" : [l] "+r"(seen_limit), [v] "=&q"(valid) : [s] "r"(selector) : "cc");
    CHECK_EQUAL(what, valid, 1);
    __asm__("lar %k[s], %k[r]" : [r] "+r"(rights) : [s] "r"(selector) : "cc");
    CHECK_EQUAL("its limit", seen_limit, limit);
    CHECK_EQUAL("its access byte", (rights >> 8) & 0xff, access);
}

/* Loads FS and reads its first word. */
static void check_base(const char *what, unsigned selector, uint64_t *expected)
{
    uint64_t value = 0;
    bool trapped = TRY("mov %w[s], %%fs", , IN([s] "r"(selector)));
    CHECK(!trapped, "%s: trap %lu with error code %#lx", what, last_trap.vector, last_trap.error_code);
    if (trapped)
        return;
    trapped = TRY("mov %%fs:0, %[v]", OUT([v] "=&r"(value)), );
    CHECK(!trapped, "%s: trap %lu on access", what, last_trap.vector);
    CHECK_EQUAL(what, value, *expected);
    __asm__ volatile("mov %w0, %%fs" : : "r"(0));
}

static void check_fault(const char *what, unsigned selector, unsigned vector)
{
    TRY("mov %w[s], %%fs", , IN([s] "r"(selector)));
    check_trap(what, vector, selector & ~3u, try_rip);
}

static void check_gdt(void)
{
    gdt = alloc_page();
    uint64_t *bad = alloc_page();
    gdt[4] = DESCRIPTOR(WINDOW, 0xfff, DATA3, 0x4);
    gdt[5] = DESCRIPTOR(0, 0xfffff, CODE3, 0xa);
    gdt[6] = DESCRIPTOR(0, 0xfff, NOT_PRESENT3, 0x4);
    gdt[7] = DESCRIPTOR(WINDOW + 64, 0x1ff, DATA0, 0x4);
    bad[3] = DESCRIPTOR(0, 0xfff, LDT_TYPE, 0);

    CHECK(set_gdt(gdt, 512) != 0, "a writable page is accepted as a GDT");
    make_read_only(gdt);
    make_read_only(bad);
    CHECK_EQUAL("set_gdt", set_gdt(gdt, 512), 0);
    CHECK_EQUAL("set_gdt of a page with an LDT's descriptor", set_gdt(bad, 512), -EINVAL);
    CHECK_EQUAL("set_gdt with too many entries", set_gdt(gdt, 14 * 512 + 1), -EINVAL);

    CHECK(update_va_mapping(gdt, pte_of(va_to_mfn(gdt), RW)) != 0, "a GDT can be mapped writable");
    TRY("movq $0, 32(%[p])", , IN([p] "r"(gdt)));
    CHECK(trap_taken == 1 && last_trap.vector == 14, "a GDT can be written");

    check_segment("a data segment of the GDT", GDT(4), 0xfff, DATA3);
    check_segment("a code segment of the GDT", GDT(5), 0xffffffff, CODE3);
    check_segment("a segment of privilege level 0", GDT(7), 0x1ff, DATA3);
    check_fault("a segment that is not present", GDT(6), 11);
    check_fault("an empty entry", GDT(9), 13);
    check_fault("a selector beyond the frames that were given", GDT(600), 13);
}

/* Maps a page at WINDOW. */
static void map_low(uint64_t *page)
{
    uint64_t *l3 = alloc_page(), *l2 = alloc_page(), *l1 = alloc_page();
    l1[WINDOW >> PAGE_SHIFT] = pte_of(va_to_mfn(page), RW);
    l2[0] = pte_of(va_to_mfn(l1), RW);
    l3[0] = pte_of(va_to_mfn(l2), RW);
    make_read_only(l1);
    make_read_only(l2);
    make_read_only(l3);
    uint64_t *root = (uint64_t *)start_info->pt_base;
    if (mmu_update((va_to_mfn(root) << PAGE_SHIFT) | MMU_NORMAL_PT_UPDATE, pte_of(va_to_mfn(l3), RW)))
        error("cannot map a page at a low address");
}

static void check_update(uint64_t *page)
{
    check_base("first word of a segment of the GDT", GDT(4), page);
    check_base("first word of a segment of privilege level 0", GDT(7), page + 8);
    CHECK_EQUAL("update_descriptor", update_descriptor(gdt, 4, DESCRIPTOR(WINDOW + 16, 0x7ff, DATA3, 0x4)), 0);
    CHECK_EQUAL("what it has written", gdt[4], DESCRIPTOR(WINDOW + 16, 0x7ff, DATA3, 0x4));
    check_segment("the updated segment", GDT(4), 0x7ff, DATA3);
    check_base("first word of the updated segment", GDT(4), page + 2);
    CHECK_EQUAL("update_descriptor to an LDT's", update_descriptor(gdt, 4, DESCRIPTOR(0, 0xfff, LDT_TYPE, 0)), -EINVAL);
    CHECK_EQUAL("update_descriptor in a page table",
                update_descriptor((uint64_t *)start_info->pt_base, 0, DESCRIPTOR(0, 0xfff, DATA3, 4)), -EINVAL);
    CHECK_EQUAL("the entry after refused updates", gdt[4], DESCRIPTOR(WINDOW + 16, 0x7ff, DATA3, 0x4));

    /* A far return to a code segment of the table, and back. */
    uint64_t cs = 0;
    TRY("pushq %[own]\n lea 2f(%%rip), %[cs]\n pushq %[cs]\n lretq\n"
        "2: mov %%cs, %k[cs]\n pushq $0xe033\n lea 3f(%%rip), %[own]\n pushq %[own]\n lretq\n 3: nop",
        OUT([cs] "=&r"(cs)), IN([own] "r"((uint64_t)GDT(5))));
    CHECK_EQUAL("traps on the way through a code segment of the GDT", trap_taken, 0);
    CHECK_EQUAL("cs there", cs, GDT(5));
}

static void check_ldt(uint64_t *page)
{
    ldt = alloc_page();
    ldt[1] = DESCRIPTOR(WINDOW + 8, 0x2ff, DATA3, 0x4);
    ldt[511] = DESCRIPTOR(WINDOW, 0x3ff, DATA3, 0x4);
    make_read_only(ldt);

    check_fault("a selector of the LDT without one", LDT(1), 13);
    CHECK_EQUAL("SET_LDT at an address inside a page", set_ldt((char *)ldt + 8, 512), -EINVAL);
    CHECK_EQUAL("SET_LDT with too many entries", set_ldt(ldt, 8193), -EINVAL);
    CHECK_EQUAL("SET_LDT", set_ldt(ldt, 512), 0);
    check_base("first word of a segment of the LDT", LDT(1), page + 1);
    check_segment("a segment of the LDT", LDT(1), 0x2ff, DATA3);
    check_base("first word of the last segment of the LDT", LDT(511), page);
    check_fault("an empty entry of the LDT", LDT(2), 13);
    check_fault("a selector beyond the LDT", LDT(512), 13);
    CHECK(update_va_mapping(ldt, pte_of(va_to_mfn(ldt), RW)) != 0, "an LDT in use can be mapped writable");

    CHECK_EQUAL("SET_LDT to none", set_ldt(NULL, 0), 0);
    check_fault("a selector of the LDT after it is gone", LDT(1), 13);
    CHECK_EQUAL("a writable mapping of what was an LDT", update_va_mapping(ldt, pte_of(va_to_mfn(ldt), RW)), 0);
}

void test_main(void)
{
    uint64_t *page = alloc_page();
    for (unsigned i = 0; i < 512; i++)
        page[i] = 0xabc000 + i;
    map_low(page);
    check_gdt();
    check_update(page);
    check_ldt(page);
}
