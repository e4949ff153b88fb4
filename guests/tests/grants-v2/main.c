#include "guest.h"

static volatile union grant_entry_v2 *table;
static volatile uint16_t *status;
static uint16_t self;

static void set_version(uint32_t version)
{
    struct gnttab_set_version set = { .version = version };
    CHECK_EQUAL("set_version", grant_table_op(GNTTABOP_set_version, &set, 1), 0);
    CHECK_EQUAL("the version", set.version, version);
    struct gnttab_get_version get = { .dom = DOMID_SELF };
    CHECK_EQUAL("get_version", grant_table_op(GNTTABOP_get_version, &get, 1), 0);
    CHECK_EQUAL("the version that it says", get.version, version);
}

static void set_up(void)
{
    uint64_t frame;
    init_grants();
    grant_table[20].frame = 0x1234;
    set_version(2);
    table = (void *)grant_table;
    CHECK_EQUAL("an entry of version 1 afterwards", table[10].full_page.frame, 0);
    CHECK_EQUAL("frame of entry 0 (console)", table[0].full_page.frame, start_info->console_mfn);
    CHECK_EQUAL("frame of entry 1 (xenstore)", table[1].full_page.frame, start_info->store_mfn);
    CHECK_EQUAL("flags of entry 0", table[0].full_page.flags, GTF_permit_access);

    struct gnttab_get_status_frames op = { .nr_frames = 1, .dom = DOMID_SELF, .frame_list = (uint64_t)&frame };
    CHECK_EQUAL("get_status_frames", grant_table_op(GNTTABOP_get_status_frames, &op, 1), 0);
    CHECK_EQUAL("its status", (int64_t)op.status, GNTST_okay);
    status = alloc_page();
    if (update_va_mapping(status, pte_of(frame, RW)))
        error("cannot map a status frame");
}

static void grant_v2(uint32_t ref, void *page, uint16_t flags)
{
    table[ref].full_page.frame = va_to_mfn(page);
    table[ref].full_page.domid = self;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    table[ref].full_page.flags = GTF_permit_access | flags;
}

static void check_map(void)
{
    volatile uint64_t *page = alloc_page(), *window = alloc_page(), *other = alloc_page();
    uint32_t first, second;

    page[1] = 0xabcdef;
    grant_v2(8, (void *)page, 0);
    CHECK_EQUAL("map_grant_ref", map_grant(self, 8, window, GNTMAP_host_map, &first), 0);
    CHECK_EQUAL("content of a granted page", window[1], 0xabcdef);
    CHECK_EQUAL("status while mapped", status[8], GTF_reading | GTF_writing);
    CHECK_EQUAL("flags while mapped", table[8].full_page.flags, GTF_permit_access);
    CHECK_EQUAL("a second mapping, read-only", map_grant(self, 8, other, GNTMAP_host_map | GNTMAP_readonly, &second), 0);
    CHECK_EQUAL("unmap of the first", unmap_grant(window, first), 0);
    CHECK_EQUAL("status while mapped read-only", status[8], GTF_reading);

    /* Withdrawn while it is mapped: those who have it keep it, nobody else gets it. */
    table[8].full_page.flags = 0;
    CHECK_EQUAL("content after the withdrawal", other[1], 0xabcdef);
    CHECK_EQUAL("unmap of the second", unmap_grant(other, second), 0);
    CHECK_EQUAL("status at the end", status[8], 0);
    CHECK_EQUAL("map of what is withdrawn", map_grant(self, 8, window, GNTMAP_host_map, &first), GNTST_general_error);
    grant_v2(8, (void *)page, GTF_readonly);
    CHECK_EQUAL("map of a read-only grant for writing", map_grant(self, 8, window, GNTMAP_host_map, &first), GNTST_general_error);
    CHECK_EQUAL("reference 256", map_grant(self, 256, window, GNTMAP_host_map, &first), GNTST_bad_gntref);
}

static int copy_from(uint32_t ref, uint16_t offset, uint16_t length, void *to)
{
    struct gnttab_copy op = { .len = length, .flags = GNTCOPY_source_gref, .status = 99 };
    op.source.u.ref = ref;
    op.source.domid = self;
    op.source.offset = offset;
    op.dest.u.gmfn = va_to_mfn(to);
    op.dest.domid = DOMID_SELF;
    grant_table_op(GNTTABOP_copy, &op, 1);
    return op.status;
}

static void check_parts(void)
{
    char *page = alloc_page(), *to = alloc_page(), *window = alloc_page();
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        page[i] = (char)(i * 3);
    table[9].sub_page.frame = va_to_mfn(page);
    table[9].sub_page.domid = self;
    table[9].sub_page.page_off = 1000;
    table[9].sub_page.length = 200;
    table[9].sub_page.flags = GTF_permit_access | GTF_sub_page;
    CHECK_EQUAL("a copy of the part", copy_from(9, 1000, 200, to), GNTST_okay);
    CHECK_EQUAL("its last byte", to[199], page[1199]);
    CHECK_EQUAL("a copy from inside it", copy_from(9, 1100, 100, to), GNTST_okay);
    CHECK_EQUAL("a copy from in front of it", copy_from(9, 999, 10, to), GNTST_general_error);
    CHECK_EQUAL("a copy over its end", copy_from(9, 1100, 101, to), GNTST_general_error);
    CHECK_EQUAL("a mapping of the part", map_grant(self, 9, window, GNTMAP_host_map, NULL), GNTST_general_error);
    CHECK_EQUAL("status afterwards", status[9], 0);
}

static void check_exchange(void)
{
    struct gnttab_swap_grant_ref swap = { .ref_a = 8, .ref_b = 9 };
    uint64_t eight = table[8].full_page.frame, nine = table[9].full_page.frame;
    CHECK_EQUAL("swap_grant_ref", grant_table_op(GNTTABOP_swap_grant_ref, &swap, 1), 0);
    CHECK_EQUAL("its status", (int64_t)swap.status, GNTST_okay);
    CHECK_EQUAL("entry 8 afterwards", table[8].full_page.frame, nine);
    CHECK_EQUAL("entry 9 afterwards", table[9].full_page.frame, eight);
}

void test_main(void)
{
    struct gnttab_get_version get = { .dom = DOMID_SELF };
    self = own_domid();
    CHECK_EQUAL("get_version", grant_table_op(GNTTABOP_get_version, &get, 1), 0);
    CHECK_EQUAL("the version at first", get.version, 1);
    set_up();
    check_map();
    check_parts();
    check_exchange();
    if (update_va_mapping(status, 0))
        error("cannot unmap the status frame");
    set_version(1);
    CHECK_EQUAL("frame of entry 0 in version 1", grant_table[0].frame, start_info->console_mfn);
    CHECK_EQUAL("flags of entry 8 in version 1", grant_table[8].flags, 0);
}
