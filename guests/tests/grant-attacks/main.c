#include "guest.h"

static uint16_t self;
static uint64_t *target; /* granted */
static volatile uint64_t *window;
static uint64_t window_entry; /* machine address of the window's L1 entry */

static struct gnttab_map_grant_ref request(uint32_t flags)
{
    return (struct gnttab_map_grant_ref){ .host_addr = (uint64_t)window, .flags = flags, .ref = 8, .dom = self };
}

static int map(const char *what, struct gnttab_map_grant_ref op, uint32_t *handle)
{
    op.status = 99;
    long result = grant_table_op(GNTTABOP_map_grant_ref, &op, 1);
    outcome(what, result ?: op.status);
    if (handle)
        *handle = op.handle;
    return result ?: op.status;
}

static void unmap(const char *what, uint64_t address, uint64_t bus, uint32_t handle)
{
    struct gnttab_unmap_grant_ref op = { .host_addr = address, .dev_bus_addr = bus, .handle = handle };
    long result = grant_table_op(GNTTABOP_unmap_grant_ref, &op, 1);
    outcome(what, result ?: op.status);
}

/* Nobody uses the grant, and the page is what it was. */
static void check_clean(const char *when)
{
    CHECK_EQUAL(when, grant_table[8].flags & (GTF_reading | GTF_writing), 0);
    TRY("movq $0, (%[p])", , IN([p] "r"(window)));
    CHECK(trap_taken == 1 && last_trap.vector == 14, "%s: the window is still mapped", when);
}

static void mapping(void)
{
    uint32_t handle, second;
    struct gnttab_map_grant_ref op;

    op = request(0);
    map("no kind of mapping", op, NULL);
    op = request(GNTMAP_host_map);
    op.dom = 0x7fe0;
    map("of a domain that is not there", op, NULL);
    op.dom = DOMID_SELF;
    map("of DOMID_SELF", op, NULL);
    op.dom = DOMID_XEN;
    map("of the hypervisor", op, NULL);
    op = request(GNTMAP_host_map);
    op.ref = 0xffffffff;
    map("reference -1", op, NULL);
    op.ref = 9;
    map("an empty entry", op, NULL);
    op.ref = 0;
    map("an entry for domain 0", op, NULL);
    op = request(GNTMAP_host_map);
    op.host_addr = 0xffff830000000000ul;
    map("into the hypervisor's addresses", op, NULL);
    op.host_addr = 0x0000800000000000ul;
    map("at a non-canonical address", op, NULL);
    op.host_addr = 0x10000;
    map("where there is no page table", op, NULL);
    op = request(GNTMAP_host_map | GNTMAP_contains_pte);
    op.host_addr = window_entry + 4;
    map("into an entry that is not aligned", op, NULL);
    op.host_addr = va_to_mfn(target) << PAGE_SHIFT;
    map("into an entry in a page that is no table", op, NULL);
    op.host_addr = entry_maddr((void *)window, 2);
    map("into an entry of an L2", op, NULL);
    op.host_addr = PTE_MFN(((uint64_t *)start_info->pt_base)[256]) << PAGE_SHIFT;
    map("into an entry of the M2P's table", op, NULL);
    op.host_addr = 1ul << 52;
    map("into an entry that is not there", op, NULL);

    /* Frames that are not the granter's to give. */
    uint32_t frame = grant_table[8].frame;
    op = request(GNTMAP_host_map);
    grant_table[8].frame = 1;
    map("a frame of the hypervisor", op, NULL);
    grant_table[8].frame = 0xfffffff;
    map("a frame that is not there", op, NULL);
    grant_table[8].frame = va_to_mfn((void *)start_info->pt_base);
    map("a page table, for writing", op, NULL);
    grant_table[8].frame = frame;

    /* Two mappings, and what the entry says while one is left. */
    if (map("a mapping", request(GNTMAP_host_map), &handle))
        return;
    window[0] = 1;
    CHECK_EQUAL("the granted page", target[0], 1);
    unmap("  unmapped elsewhere", (uint64_t)window + PAGE_SIZE, 0, handle);
    unmap("  unmapped as a device's", 0, va_to_mfn(target) << PAGE_SHIFT, handle);
    unmap("  unmapped with a wrong bus address", (uint64_t)window, 0x1000, handle);
    op = request(GNTMAP_host_map);
    map("  a second one in its place", op, &second);
    unmap("  the second unmapped", (uint64_t)window, 0, second);
    unmap("  the first unmapped, which is gone", (uint64_t)window, 0, handle);
    outcome("  as often as it is tried", 0);
    unmap("  again", (uint64_t)window, 0, handle);
    unmap("  a handle that was never given", (uint64_t)window, 0, 0x7fffffff);
    unmap("  handle -1", (uint64_t)window, 0, 0xffffffff);
}

/* Entries changed behind the grant table's back. */
static void entries(void)
{
    uint32_t handle;
    struct gnttab_map_grant_ref op = request(GNTMAP_host_map | GNTMAP_readonly);

    grant_at(8, self, target, GTF_readonly);
    map("a read-only grant, for writing", request(GNTMAP_host_map), NULL);
    if (map("a read-only mapping", op, &handle))
        return;
    TRY("movq $0, (%[p])", , IN([p] "r"(window)));
    trap_outcome("  written to");
    unmap("  unmapped", (uint64_t)window, 0, handle);

    grant_at(8, self, target, 0);
    if (map("a mapping", request(GNTMAP_host_map), &handle))
        return;
    outcome("  overwritten with nothing", update_va_mapping(window, 0));
    unmap("  unmapped", (uint64_t)window, 0, handle);
    struct gnttab_unmap_and_replace replace = { .host_addr = (uint64_t)window, .handle = handle };
    replace.new_addr = 0xffff830000000000ul;
    grant_table_op(GNTTABOP_unmap_and_replace, &replace, 1);
    outcome("  replaced by the hypervisor's", replace.status);
    replace.new_addr = start_info->pt_base;
    grant_table_op(GNTTABOP_unmap_and_replace, &replace, 1);
    outcome("  replaced by a page table's", replace.status);
    outcome("  mapped again by hand", update_va_mapping(window, pte_of(va_to_mfn(target), RW)));
    unmap("  unmapped then", (uint64_t)window, 0, handle);
    check_clean("after it");

    /* By the entry's address, and by another way. */
    op = request(GNTMAP_host_map | GNTMAP_contains_pte);
    op.host_addr = window_entry;
    if (map("a mapping by its entry", op, &handle))
        return;
    replace = (struct gnttab_unmap_and_replace){ .host_addr = window_entry, .handle = handle, .new_addr = (uint64_t)target };
    grant_table_op(GNTTABOP_unmap_and_replace, &replace, 1);
    outcome("  replaced", replace.status);
    unmap("  unmapped by its linear address", (uint64_t)window, 0, handle);
    unmap("  unmapped by its entry", window_entry, 0, handle);
    check_clean("after that");

    /* A device's mapping only. */
    uint64_t bus = va_to_mfn(target) << PAGE_SHIFT;
    if (map("a device's mapping", request(GNTMAP_device_map), &handle))
        return;
    unmap("  unmapped as a host's", (uint64_t)window, 0, handle);
    unmap("  unmapped", 0, bus, handle);
    unmap("  unmapped again", 0, bus, handle);
    check_clean("after a device's mapping");
}

static int copy(struct gnttab_copy op)
{
    op.status = 99;
    long result = grant_table_op(GNTTABOP_copy, &op, 1);
    return result ?: op.status;
}

static void copies(void)
{
    struct gnttab_copy op = { .len = 8, .flags = GNTCOPY_source_gref }, bad;
    op.source.u.ref = 8;
    op.source.domid = self;
    op.dest.u.gmfn = va_to_mfn(alloc_page());
    op.dest.domid = DOMID_SELF;

    outcome("a copy", copy(op));
    bad = op;
    bad.source.offset = 4090;
    outcome("a copy from across the end of the page", copy(bad));
    bad = op;
    bad.len = 0xffff;
    bad.dest.offset = 1;
    outcome("a copy whose end overflows", copy(bad));
    bad = op;
    bad.source.u.ref = 0xffffffff;
    outcome("from reference -1", copy(bad));
    bad = op;
    bad.dest.u.gmfn = 1;
    outcome("to a frame of the hypervisor", copy(bad));
    bad.dest.u.gmfn = 1ul << 40;
    outcome("to a frame that is not there", copy(bad));
    bad.dest.u.gmfn = va_to_mfn((void *)start_info->pt_base);
    outcome("to a page table", copy(bad));
    bad = op;
    bad.flags = 0;
    bad.source.u.gmfn = va_to_mfn(target);
    bad.source.domid = 0;
    outcome("from a frame of domain 0", copy(bad));
    bad.source.domid = DOMID_SELF;
    bad.dest.domid = 0;
    outcome("to a frame of domain 0", copy(bad));
    struct gnttab_copy *hole = (void *)0xffff830000000000ul;
    outcome("requests in the hypervisor's memory", grant_table_op(GNTTABOP_copy, hole, 1));
    outcome("too many requests", grant_table_op(GNTTABOP_copy, &op, -1));
    outcome("many requests that run out of the domain's part", grant_table_op(GNTTABOP_copy, (void *)0x7fffffffff00ul, 1 << 24));
}

static void version(void)
{
    struct gnttab_set_version set = { .version = 3 };
    outcome("version 3", grant_table_op(GNTTABOP_set_version, &set, 1));
    outcome("  the version that it says", set.version);
    uint32_t handle;
    map("a mapping", request(GNTMAP_host_map), &handle);
    set.version = 2;
    outcome("version 2 while a grant is mapped", grant_table_op(GNTTABOP_set_version, &set, 1));
    unmap("  unmapped", (uint64_t)window, 0, handle);
    struct gnttab_get_status_frames status = { .nr_frames = 1, .dom = DOMID_SELF, .frame_list = (uint64_t)target };
    grant_table_op(GNTTABOP_get_status_frames, &status, 1);
    outcome("status frames of version 1", status.status);
    set.version = 2;
    long result = grant_table_op(GNTTABOP_set_version, &set, 1);
    outcome("version 2", result);
    if (result)
        return;
    status.nr_frames = 0x10000;
    grant_table_op(GNTTABOP_get_status_frames, &status, 1);
    outcome("too many status frames", status.status);
    status.nr_frames = 1;
    grant_table_op(GNTTABOP_get_status_frames, &status, 1);
    outcome("one status frame", status.status);
    volatile void *page = alloc_page();
    outcome("  mapped", update_va_mapping(page, pte_of(target[0], RW)));
    /* A page of the hypervisor's that it takes back must not stay mapped (XSA-255, XSA-379). */
    set.version = 1;
    outcome("version 1 while it is mapped", grant_table_op(GNTTABOP_set_version, &set, 1));
    outcome("  unmapped", update_va_mapping(page, 0));
    set.version = 1;
    outcome("version 1", grant_table_op(GNTTABOP_set_version, &set, 1));
    outcome("  the status frame mapped again", update_va_mapping(page, pte_of(target[0], RW)));
}

/* Transitive grants that lead nowhere, or back, and parts of pages. */
static void version2(void)
{
    struct gnttab_set_version set = { .version = 2 };
    if (grant_table_op(GNTTABOP_set_version, &set, 1))
        return;
    volatile union grant_entry_v2 *table = (void *)grant_table;
    struct gnttab_copy op = { .len = 8, .flags = GNTCOPY_source_gref };
    op.source.u.ref = 8;
    op.source.domid = self;
    op.dest.u.gmfn = va_to_mfn(alloc_page());
    op.dest.domid = DOMID_SELF;

    table[8].transitive.domid = self;
    table[8].transitive.trans_domid = self;
    table[8].transitive.gref = 8;
    table[8].transitive.flags = GTF_transitive;
    outcome("a grant that leads to itself", copy(op));
    table[8].transitive.trans_domid = 0x7fe0;
    outcome("a grant that leads to nobody", copy(op));
    table[8].transitive.trans_domid = 0;
    outcome("a grant that leads to domain 0", copy(op));
    map("  mapped", request(GNTMAP_host_map), NULL);
    table[8].sub_page.flags = GTF_permit_access | GTF_sub_page;
    table[8].sub_page.frame = va_to_mfn(target);
    table[8].sub_page.page_off = 4000;
    table[8].sub_page.length = 500;
    op.source.offset = 4000;
    outcome("a part that runs out of its page", copy(op));
    op.source.offset = 3999;
    outcome("  from in front of it", copy(op));
    op.source.offset = 4000;
    op.len = 200;
    outcome("  from across the page's end", copy(op));
    map("  mapped", request(GNTMAP_host_map), NULL);
    table[8].full_page.flags = GTF_permit_access;
    table[8].full_page.frame = ~0ul;
    op.len = 8;
    op.source.offset = 0;
    outcome("a frame of 64 bits that is not there", copy(op));
    table[8].full_page.frame = 1ul << 32 | va_to_mfn(target);
    outcome("a frame whose low half is ours", copy(op));
    set.version = 1;
    outcome("back to version 1", grant_table_op(GNTTABOP_set_version, &set, 1));
}

static void others(void)
{
    struct gnttab_transfer give = { .mfn = va_to_mfn(target), .domid = self, .ref = 8 };
    grant_table_op(GNTTABOP_transfer, &give, 1);
    outcome("a mapped page given away", give.status);
    give.mfn = 1;
    grant_table_op(GNTTABOP_transfer, &give, 1);
    outcome("a frame of the hypervisor given away", give.status);
    give.mfn = va_to_mfn((void *)start_info->pt_base);
    grant_table_op(GNTTABOP_transfer, &give, 1);
    outcome("a page table given away", give.status);
    give.mfn = start_info->shared_info >> PAGE_SHIFT;
    grant_table_op(GNTTABOP_transfer, &give, 1);
    outcome("shared_info given away", give.status);
    struct gnttab_swap_grant_ref swap = { .ref_a = 8, .ref_b = 0xffffffff };
    grant_table_op(GNTTABOP_swap_grant_ref, &swap, 1);
    outcome("an entry exchanged for one that is not there", swap.status);
    struct gnttab_setup_table setup = { .dom = 0, .nr_frames = 1, .frame_list = (uint64_t)target };
    grant_table_op(GNTTABOP_setup_table, &setup, 1);
    outcome("the table of domain 0", setup.status);
    setup.dom = DOMID_SELF;
    setup.nr_frames = 0x100000;
    grant_table_op(GNTTABOP_setup_table, &setup, 1);
    outcome("a table that is too large", setup.status);
    struct gnttab_cache_flush flush = { .dev_bus_addr = 0x1000, .length = 64, .op = GNTTAB_CACHE_CLEAN };
    outcome("a cache flush of the hypervisor's memory", grant_table_op(GNTTABOP_cache_flush, &flush, 1));
    flush.dev_bus_addr = 1ul << 52;
    outcome("of memory that is not there", grant_table_op(GNTTABOP_cache_flush, &flush, 1));
    flush.offset = 4095;
    outcome("across a page", grant_table_op(GNTTABOP_cache_flush, &flush, 1));
    flush = (struct gnttab_cache_flush){ .dev_bus_addr = va_to_mfn(target) << PAGE_SHIFT, .length = 64, .op = GNTTAB_CACHE_INVAL };
    outcome("of contents that are to be lost", grant_table_op(GNTTABOP_cache_flush, &flush, 1));
}

void test_main(void)
{
    self = own_domid();
    target = alloc_page();
    window = alloc_page();
    window_entry = entry_maddr((void *)window, 1);
    grant_at(8, self, target, 0);
    print("-- mappings\n");
    mapping();
    print("-- entries\n");
    entries();
    print("-- copies\n");
    copies();
    print("-- other operations\n");
    others();
    print("-- versions\n");
    version();
    version2();
}
