#include "guest.h"

void test_main(void)
{
    uint16_t self = DOMID_SELF;
    long pages = memory_op(XENMEM_current_reservation, &self);
    long maximum = memory_op(XENMEM_maximum_reservation, &self);
    CHECK(pages >= (long)start_info->nr_pages, "current_reservation is less than nr_pages");
    CHECK(maximum >= pages, "maximum_reservation is less than the current one");

    struct xen_machphys_mapping mapping;
    CHECK_EQUAL("machphys_mapping", memory_op(XENMEM_machphys_mapping, &mapping), 0);
    CHECK_EQUAL("start of the M2P table", mapping.v_start, (uint64_t)MACH2PHYS);
    CHECK(mapping.max_mfn >= pfn_to_mfn(0), "max_mfn is below a frame that we have");

    struct { uint64_t start, size; uint32_t type; } __attribute__((packed)) map[8];
    struct xen_memory_map memory_map = { .nr_entries = 8, .buffer = (uint64_t)map };
    CHECK_EQUAL("memory_map", memory_op(XENMEM_memory_map, &memory_map), 0);
    CHECK(memory_map.nr_entries >= 1 && map[0].start == 0 && map[0].type == 1, "the memory map does not begin with RAM");

    /* A page is given back: first with a mapping left, then without. */
    uint64_t *page = alloc_page();
    uint64_t pfn = va_to_pfn(page), mfn = pfn_to_mfn(pfn), extent = mfn;
    struct xen_memory_reservation reservation = { .extent_start = (uint64_t)&extent, .nr_extents = 1, .domid = DOMID_SELF };
    CHECK_EQUAL("unmapping a page", update_va_mapping(page, 0), 0);
    CHECK_EQUAL("decrease_reservation", memory_op(XENMEM_decrease_reservation, &reservation), 1);
    CHECK_EQUAL("current_reservation afterwards", memory_op(XENMEM_current_reservation, &self), pages - 1);
    CHECK(update_va_mapping(page, pte_of(mfn, RW)) != 0, "a frame that was given back can be mapped");
    CHECK_EQUAL("decrease_reservation of the same frame", memory_op(XENMEM_decrease_reservation, &reservation), 0);

    extent = pfn;
    CHECK_EQUAL("populate_physmap", memory_op(XENMEM_populate_physmap, &reservation), 1);
    CHECK_EQUAL("M2P entry of the new frame", MACH2PHYS[extent], pfn);
    ((uint64_t *)start_info->mfn_list)[pfn] = extent;
    CHECK_EQUAL("mapping the new frame", update_va_mapping(page, pte_of(extent, RW)), 0);
    uint64_t content = 0;
    for (unsigned i = 0; i < 512; i++)
        content |= page[i];
    CHECK_EQUAL("content of a new frame", content, 0);
    CHECK_EQUAL("current_reservation at the end", memory_op(XENMEM_current_reservation, &self), pages);

    /* More than the domain may have. */
    unsigned got = 0;
    for (; got < 4096; got++) {
        extent = start_info->nr_pages + got;
        if (memory_op(XENMEM_populate_physmap, &reservation) != 1)
            break;
    }
    CHECK(pages + got <= maximum, "the domain got more than its maximum");
    CHECK(got < 4096, "there is no limit");

    CHECK_EQUAL("an unknown operation", memory_op(50, &self), -ENOSYS);
    CHECK_EQUAL("a bad pointer", memory_op(XENMEM_machphys_mapping, (void *)0x10000), -EFAULT);
    reservation.domid = 0;
    CHECK(memory_op(XENMEM_populate_physmap, &reservation) <= 0, "memory can be allocated for another domain");
}
