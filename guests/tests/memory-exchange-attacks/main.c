#include "guest.h"

static uint64_t in_list[16], out_list[16];

static long exchange(const char *what, struct xen_memory_exchange op)
{
    long result = memory_op(XENMEM_exchange, &op);
    outcome(what, result);
    outcome("  done", op.nr_exchanged);
    return result;
}

/* A request for one page, by one that is mapped nowhere any more. */
static struct xen_memory_exchange one_page(void)
{
    volatile void *page = alloc_page();
    uint64_t mfn = va_to_mfn(page);
    if (update_va_mapping(page, 0))
        error("cannot unmap a page");
    in_list[0] = mfn;
    out_list[0] = va_to_pfn(page);
    return (struct xen_memory_exchange){
        .in = { .extent_start = (uint64_t)in_list, .nr_extents = 1, .domid = DOMID_SELF },
        .out = { .extent_start = (uint64_t)out_list, .nr_extents = 1, .domid = DOMID_SELF },
    };
}

/* The result of an accepted exchange is an ordinary page, and empty. */
static void check_result(const struct xen_memory_exchange *op)
{
    uint64_t *page = pfn_to_va(va_to_pfn((void *)op->out.extent_start) ? MACH2PHYS[out_list[0]] : 0);
    if (update_va_mapping(page, pte_of(out_list[0], RW))) {
        fail("the new page cannot be mapped");
        return;
    }
    uint64_t sum = 0;
    for (unsigned i = 0; i < 512; i++)
        sum |= page[i];
    CHECK(!sum, "the new page is not empty");
}

void test_main(void)
{
    struct xen_memory_exchange op = one_page(), bad;

    bad = op;
    bad.out.extent_start = 0xffff830000000000ul;
    exchange("results into the hypervisor's memory", bad);
    bad = op;
    bad.out.extent_start = 0x00007ffffffff000ul;
    bad.in.nr_extents = bad.out.nr_extents = 0x1000000000ul;
    bad.nr_exchanged = 0x0800000000ul;
    exchange("results far behind the start of the list", bad);
    bad = op;
    bad.out.extent_start = 0xffff7fffffffff00ul;
    exchange("results at a non-canonical address", bad);
    bad = op;
    bad.in.extent_start = 0xffff830000000000ul;
    exchange("frames from the hypervisor's memory", bad);
    bad = op;
    bad.nr_exchanged = 2;
    exchange("more done than there is", bad);
    bad = op;
    bad.nr_exchanged = 1;
    exchange("all done already", bad);
    bad = op;
    bad.in.nr_extents = bad.out.nr_extents = ~0ul;
    exchange("numbers that overflow", bad);
    bad = op;
    bad.in.extent_order = 63;
    bad.in.nr_extents = 2;
    bad.out.nr_extents = 0;
    exchange("an order that overflows", bad);
    bad = op;
    bad.out.extent_order = 64;
    exchange("an order of the word's width", bad);
    bad = op;
    bad.in.extent_order = 10;
    bad.out.nr_extents = 1024;
    exchange("a large order", bad);
    bad = op;
    bad.out.nr_extents = 2;
    exchange("two for one", bad);
    bad = op;
    bad.in.domid = bad.out.domid = 0;
    exchange("frames of domain 0", bad);
    bad = op;
    bad.out.domid = 0;
    exchange("for domain 0", bad);

    uint64_t mfn = in_list[0];
    in_list[0] = va_to_mfn((void *)start_info->pt_base);
    exchange("a page table", op);
    in_list[0] = va_to_mfn(&in_list);
    exchange("a page that is mapped", op);
    in_list[0] = start_info->shared_info >> PAGE_SHIFT;
    exchange("shared_info", op);
    in_list[0] = 1;
    exchange("a frame of the hypervisor", op);
    in_list[0] = 1ul << 40;
    exchange("a frame that is not there", op);
    in_list[0] = in_list[1] = mfn;
    bad = op;
    bad.in.nr_extents = 2;
    bad.out.nr_extents = 1;
    bad.out.extent_order = 1;
    exchange("the same frame twice for two in a row", bad);

    in_list[0] = mfn;
    if (exchange("one for one", op) == 0)
        check_result(&op);
    exchange("the same again", op);
}
