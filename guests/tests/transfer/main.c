#include "guest.h"

/* Entries of the taker's table. */
enum { MAILBOX = 8, TAKES, TAKES_FROM_OTHERS, TAKES_MORE, EMPTY };

/* In the page that the taker has granted: how far each has come. */
struct mailbox {
    volatile uint64_t entries_made, given, taken, done;
    volatile uint64_t mfn;
};

#define CONTENT 0x600d600d600d600d

static uint16_t self, peer;

static void wait_for(volatile uint64_t *word)
{
    while (!*word)
        sleep_ns(200000);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static long pages(void)
{
    uint16_t domain = DOMID_SELF;
    return memory_op(XENMEM_current_reservation, &domain);
}

static int give_frame(uint64_t mfn, uint16_t domid, uint32_t ref)
{
    struct gnttab_transfer op = { .mfn = mfn, .domid = domid, .ref = ref, .status = 99 };
    if (grant_table_op(GNTTABOP_transfer, &op, 1))
        error("transfer failed");
    return op.status;
}

/* A page that is mapped nowhere any more. */
static uint64_t loose_frame(void)
{
    uint64_t *page = alloc_page();
    page[7] = CONTENT;
    if (update_va_mapping(page, 0))
        error("a page cannot be unmapped");
    return va_to_mfn(page);
}

static void giver(void)
{
    struct mailbox *mailbox = alloc_page();
    uint32_t handle;
    while (map_grant(peer, MAILBOX, mailbox, GNTMAP_host_map, &handle) != GNTST_okay)
        sleep_ns(200000);
    wait_for(&mailbox->entries_made);

    uint64_t *mapped = alloc_page();
    CHECK_EQUAL("a mapped page given away", (int64_t)give_frame(va_to_mfn(mapped), peer, TAKES), GNTST_bad_page);
    CHECK_EQUAL("a page table given away", (int64_t)give_frame(va_to_mfn((void *)start_info->pt_base), peer, TAKES), GNTST_bad_page);
    CHECK_EQUAL("shared_info given away", (int64_t)give_frame(start_info->shared_info >> PAGE_SHIFT, peer, TAKES), GNTST_bad_page);
    CHECK_EQUAL("the taker's own page given away", (int64_t)give_frame(mailbox->mfn, peer, TAKES), GNTST_bad_page);
    CHECK_EQUAL("a frame that there is not", (int64_t)give_frame(1ul << 40, peer, TAKES), GNTST_bad_page);
    CHECK_EQUAL("given to nobody", (int64_t)give_frame(loose_frame(), peer + 100, TAKES), GNTST_bad_domain);
    CHECK_EQUAL("given to who takes from others", (int64_t)give_frame(loose_frame(), peer, TAKES_FROM_OTHERS), GNTST_general_error);
    CHECK_EQUAL("given by a grant", (int64_t)give_frame(loose_frame(), peer, MAILBOX), GNTST_general_error);
    CHECK_EQUAL("given by an empty entry", (int64_t)give_frame(loose_frame(), peer, EMPTY), GNTST_general_error);
    CHECK_EQUAL("given by an entry that there is not", (int64_t)give_frame(loose_frame(), peer, 1 << 20), GNTST_general_error);

    /* Two at a time: one is good. */
    uint64_t mfn = loose_frame();
    long before = pages();
    struct gnttab_transfer ops[2] = {
        { .mfn = mfn, .domid = peer, .ref = TAKES, .status = 99 },
        { .mfn = mfn, .domid = peer, .ref = TAKES_MORE, .status = 99 },
    };
    CHECK_EQUAL("transfer", grant_table_op(GNTTABOP_transfer, ops, 2), 0);
    CHECK_EQUAL("a frame given away", (int64_t)ops[0].status, GNTST_okay);
    CHECK_EQUAL("the same frame given away again", (int64_t)ops[1].status, GNTST_bad_page);
    CHECK_EQUAL("pages that are left", pages(), before - 1);
    uint64_t *window = alloc_page();
    CHECK(update_va_mapping(window, pte_of(mfn, RW)) != 0, "a frame that was given away can be mapped");
    CHECK(update_va_mapping(window, pte_of(mfn, RO)) != 0, "a frame that was given away can be read");
    CHECK(mmuext_op(MMUEXT_PIN_L1_TABLE, mfn) != 0, "a frame that was given away becomes a page table");
    CHECK_EQUAL("a frame for an entry that has one", (int64_t)give_frame(loose_frame(), peer, TAKES), GNTST_general_error);
    mailbox->mfn = mfn;
    mailbox->given = 1;
    wait_for(&mailbox->taken);
    CHECK_EQUAL("the second frame", (int64_t)give_frame(loose_frame(), peer, TAKES_MORE), GNTST_okay);
    mailbox->done = 1;
    CHECK_EQUAL("unmap", (int64_t)unmap_grant(mailbox, handle), GNTST_okay);
}

static void accept(uint32_t ref, uint16_t from)
{
    grant_table[ref].frame = 0;
    grant_table[ref].domid = from;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    grant_table[ref].flags = GTF_accept_transfer;
}

#define ALL_DONE (GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed)

static void taker(void)
{
    struct mailbox *mailbox = alloc_page();
    mailbox->mfn = va_to_mfn(alloc_page());
    long before = pages();
    init_grants();
    accept(TAKES, peer);
    accept(TAKES_FROM_OTHERS, peer + 5);
    accept(TAKES_MORE, peer);
    mailbox->entries_made = 1;
    grant_at(MAILBOX, peer, mailbox, 0);
    wait_for(&mailbox->given);
    CHECK_EQUAL("flags of the entry", grant_table[TAKES].flags, ALL_DONE);
    CHECK_EQUAL("its frame", grant_table[TAKES].frame, mailbox->mfn);
    CHECK_EQUAL("flags of the entry for somebody else", grant_table[TAKES_FROM_OTHERS].flags, GTF_accept_transfer);
    CHECK_EQUAL("flags of the entry for a second frame", grant_table[TAKES_MORE].flags, GTF_accept_transfer);
    CHECK_EQUAL("pages", pages(), before + 1);

    /* It is a page like all others now, in place of one that goes. */
    uint64_t *page = alloc_page(), mfn = grant_table[TAKES].frame, old = va_to_mfn(page);
    CHECK_EQUAL("mapping it", update_va_mapping(page, pte_of(mfn, RW)), 0);
    CHECK_EQUAL("what the giver has left in it", page[7], CONTENT);
    CHECK_EQUAL("an M2P update", mmu_update(mfn << PAGE_SHIFT | MMU_MACHPHYS_UPDATE, va_to_pfn(page)), 0);
    ((uint64_t *)start_info->mfn_list)[va_to_pfn(page)] = mfn;
    CHECK_EQUAL("M2P entry", MACH2PHYS[mfn], va_to_pfn(page));
    struct xen_memory_reservation back = { .extent_start = (uint64_t)&old, .nr_extents = 1, .domid = DOMID_SELF };
    CHECK_EQUAL("giving one back", memory_op(XENMEM_decrease_reservation, &back), 1);
    CHECK_EQUAL("pages after that", pages(), before);
    memset(page, 0, PAGE_SIZE);
    CHECK(update_va_mapping(page, pte_of(mfn, RO)) == 0 && mmuext_op(MMUEXT_PIN_L1_TABLE, mfn) == 0, "it cannot be a page table");
    mailbox->taken = 1;
    wait_for(&mailbox->done);
    CHECK_EQUAL("flags of the second entry", grant_table[TAKES_MORE].flags, ALL_DONE);
    CHECK(grant_table[TAKES_MORE].frame != mfn, "both frames are the same");
    CHECK_EQUAL("pages at the end", pages(), before + 1);
    /* The giver unmaps the mailbox meanwhile. */
    sleep_ns(50000000);
}

void test_main(void)
{
    self = own_domid();
    peer = option("peer", 0);
    CHECK(self != peer, "alone");
    option("giver", 0) ? giver() : taker();
}
