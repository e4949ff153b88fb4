/* The domain's own grant table (version 1), and mappings of others' grants. */
#include "guest.h"

#define FIRST_REF 8 /* those below are the domain builder's */

volatile struct grant_entry_v1 *grant_table;
static uint32_t next_ref = FIRST_REF;

void init_grants(void)
{
    uint64_t frame = 0;
    struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = 1, .frame_list = (uint64_t)&frame };
    if (grant_table_op(GNTTABOP_setup_table, &setup, 1) || setup.status)
        error("cannot set up the grant table");
    grant_table = alloc_page();
    if (update_va_mapping(grant_table, pte_of(frame, RW)))
        error("cannot map the grant table");
}

void grant_at(uint32_t ref, uint16_t domid, const volatile void *page, uint16_t flags)
{
    if (!grant_table)
        init_grants();
    grant_table[ref].domid = domid;
    grant_table[ref].frame = va_to_mfn(page);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    grant_table[ref].flags = GTF_permit_access | flags;
}

uint32_t grant(uint16_t domid, const volatile void *page, uint16_t flags)
{
    grant_at(next_ref, domid, page, flags);
    return next_ref++;
}

int map_grant(uint16_t domid, uint32_t ref, volatile void *window, uint32_t flags, uint32_t *handle)
{
    struct gnttab_map_grant_ref map = { .host_addr = (uint64_t)window, .flags = flags, .ref = ref, .dom = domid };
    long result = grant_table_op(GNTTABOP_map_grant_ref, &map, 1);
    if (result)
        return (int)result;
    if (handle)
        *handle = map.handle;
    return map.status;
}

int unmap_grant(volatile void *window, uint32_t handle)
{
    struct gnttab_unmap_grant_ref unmap = { .host_addr = (uint64_t)window, .handle = handle };
    long result = grant_table_op(GNTTABOP_unmap_grant_ref, &unmap, 1);
    return result ? (int)result : unmap.status;
}
