#include "guest.h"

#define FIRST_REF 8 /* entries below are reserved */
#define table grant_table
static uint16_t self;

static void set_up(void)
{
    struct gnttab_query_size query = { .dom = DOMID_SELF };
    CHECK_EQUAL("query_size", grant_table_op(GNTTABOP_query_size, &query, 1), 0);
    CHECK_EQUAL("its status", query.status, GNTST_okay);
    CHECK(query.max_nr_frames >= 1, "no room for a grant table");

    init_grants();
    self = own_domid();

    /* The domain builder has granted the console's and the xenstore's page. */
    CHECK_EQUAL("frame of entry 0 (console)", table[0].frame, start_info->console_mfn);
    CHECK_EQUAL("frame of entry 1 (xenstore)", table[1].frame, start_info->store_mfn);
    CHECK_EQUAL("kind of entry 0", table[0].flags & 3, GTF_permit_access);
    CHECK_EQUAL("domain of entry 0", table[0].domid, 0);
}

static void check_map(void)
{
    volatile uint64_t *page = alloc_page(), *window = alloc_page();
    struct gnttab_map_grant_ref map = { .host_addr = (uint64_t)window, .flags = GNTMAP_host_map, .ref = FIRST_REF, .dom = self };

    page[1] = 0xabcdef;
    grant_at(FIRST_REF, self, (void *)page, 0);
    CHECK_EQUAL("map_grant_ref", grant_table_op(GNTTABOP_map_grant_ref, &map, 1), 0);
    CHECK_EQUAL("its status", (int64_t)map.status, GNTST_okay);
    CHECK_EQUAL("content of a granted page", window[1], 0xabcdef);
    window[2] = 0x123456;
    CHECK_EQUAL("what was written through the mapping", page[2], 0x123456);
    CHECK_EQUAL("flags of the entry while mapped", table[FIRST_REF].flags & (GTF_reading | GTF_writing), GTF_reading | GTF_writing);

    struct gnttab_unmap_grant_ref unmap = { .host_addr = (uint64_t)window + PAGE_SIZE, .handle = map.handle };
    grant_table_op(GNTTABOP_unmap_grant_ref, &unmap, 1);
    CHECK(unmap.status != GNTST_okay, "unmap at another address is accepted");
    unmap.host_addr = (uint64_t)window;
    unmap.handle = map.handle + 1000;
    grant_table_op(GNTTABOP_unmap_grant_ref, &unmap, 1);
    CHECK_EQUAL("unmap with a bad handle", (int64_t)unmap.status, GNTST_bad_handle);
    unmap.handle = map.handle;
    CHECK_EQUAL("unmap_grant_ref", grant_table_op(GNTTABOP_unmap_grant_ref, &unmap, 1), 0);
    CHECK_EQUAL("its status", (int64_t)unmap.status, GNTST_okay);
    CHECK_EQUAL("flags of the entry after unmap", table[FIRST_REF].flags, GTF_permit_access);
    TRY("movb $0, (%[p])", , IN([p] "r"(window)));
    CHECK(trap_taken == 1 && last_trap.vector == 14, "the window is still mapped");
}

static void check_read_only(void)
{
    volatile uint64_t *page = alloc_page(), *window = alloc_page();
    struct gnttab_map_grant_ref map = { .host_addr = (uint64_t)window, .flags = GNTMAP_host_map, .ref = FIRST_REF + 1, .dom = self };

    grant_at(FIRST_REF + 1, self, (void *)page, GTF_readonly);
    grant_table_op(GNTTABOP_map_grant_ref, &map, 1);
    CHECK(map.status != GNTST_okay, "a writable mapping of a read-only grant is accepted");
    map.flags |= GNTMAP_readonly;
    grant_table_op(GNTTABOP_map_grant_ref, &map, 1);
    CHECK_EQUAL("a read-only mapping", (int64_t)map.status, GNTST_okay);
    CHECK_EQUAL("flags of the entry while mapped read-only", table[FIRST_REF + 1].flags & (GTF_reading | GTF_writing), GTF_reading);
    TRY("movb $0, (%[p])", , IN([p] "r"(window)));
    CHECK(trap_taken == 1 && last_trap.vector == 14 && last_trap.error_code == 3, "a read-only mapping is writable");
    struct gnttab_unmap_grant_ref unmap = { .host_addr = (uint64_t)window, .handle = map.handle };
    grant_table_op(GNTTABOP_unmap_grant_ref, &unmap, 1);
    CHECK_EQUAL("unmap", (int64_t)unmap.status, GNTST_okay);
    CHECK_EQUAL("second unmap", grant_table_op(GNTTABOP_unmap_grant_ref, &unmap, 1) == 0 && unmap.status == GNTST_okay, 0);

    /* Nothing granted, and out of range. */
    map.ref = FIRST_REF + 2;
    grant_table_op(GNTTABOP_map_grant_ref, &map, 1);
    CHECK(map.status != GNTST_okay, "an empty entry can be mapped");
    map.ref = 1 << 20;
    grant_table_op(GNTTABOP_map_grant_ref, &map, 1);
    CHECK_EQUAL("a reference out of range", (int64_t)map.status, GNTST_bad_gntref);
}

static void check_copy(void)
{
    char *from = alloc_page(), *to = alloc_page();
    struct gnttab_copy copy = { .len = 300, .flags = GNTCOPY_source_gref | GNTCOPY_dest_gref };

    for (unsigned i = 0; i < PAGE_SIZE; i++)
        from[i] = (char)(i * 7);
    grant_at(FIRST_REF + 3, self, from, GTF_readonly);
    grant_at(FIRST_REF + 4, self, to, 0);
    copy.source.u.ref = FIRST_REF + 3;
    copy.source.domid = self;
    copy.source.offset = 100;
    copy.dest.u.ref = FIRST_REF + 4;
    copy.dest.domid = self;
    copy.dest.offset = 1000;
    CHECK_EQUAL("copy", grant_table_op(GNTTABOP_copy, &copy, 1), 0);
    CHECK_EQUAL("its status", (int64_t)copy.status, GNTST_okay);
    unsigned wrong = 0;
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        wrong += to[i] != (i >= 1000 && i < 1300 ? from[i - 900] : 0);
    CHECK_EQUAL("wrong bytes after a copy", wrong, 0);
    CHECK_EQUAL("flags of the source's entry after a copy", table[FIRST_REF + 3].flags, GTF_permit_access | GTF_readonly);

    copy.dest.offset = PAGE_SIZE - 299;
    grant_table_op(GNTTABOP_copy, &copy, 1);
    CHECK_EQUAL("a copy across the end of a page", (int64_t)copy.status, GNTST_bad_copy_arg);
    copy.dest.offset = 0;
    copy.dest.u.ref = FIRST_REF + 3;
    grant_table_op(GNTTABOP_copy, &copy, 1);
    CHECK(copy.status != GNTST_okay, "a copy into a read-only grant is accepted");

    /* By frame number on our own side. */
    copy.flags = GNTCOPY_source_gref;
    copy.dest.u.gmfn = va_to_mfn(to);
    copy.dest.domid = DOMID_SELF;
    grant_table_op(GNTTABOP_copy, &copy, 1);
    CHECK_EQUAL("a copy into our own frame", (int64_t)copy.status, GNTST_okay);
    CHECK_EQUAL("its first byte", to[0], from[100]);
    copy.dest.u.gmfn = start_info->pt_base == 0 ? 0 : va_to_mfn((void *)start_info->pt_base);
    grant_table_op(GNTTABOP_copy, &copy, 1);
    CHECK(copy.status != GNTST_okay, "a copy into a page table is accepted");
}

void test_main(void)
{
    set_up();
    check_map();
    check_read_only();
    check_copy();
}
