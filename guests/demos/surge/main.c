/*
 * A server whose sessions need memory. Under a surge it asks the hypervisor for more, by populate_physmap, and goes on
 * serving; when the surge is over it gives the memory back, by decrease_reservation. Each request is one character:
 *
 *     +  opens a session      "200 sessions pages", or "503 ..." if there is no memory for it
 *     -  closes one           "200 sessions pages"
 *     .  uses all sessions    "200 ..." if their memory holds what was put there, else "500 ..."
 */
#include "demo.h"

#define VIRT_BASE 0xffffffff80000000ul
#define SESSION_PAGES 16
/* Where memory for sessions is mapped: behind the boot region, under the same L2 table. */
#define ARENA 0xffffffff90000000ul
#define MAX_SESSIONS 4096
#define RW (PTE_P | PTE_RW | PTE_U | PTE_A | PTE_D)

static unsigned sessions;
static uint64_t next_pfn;

static uint64_t *page_of(unsigned session, unsigned page)
{
    return (uint64_t *)(ARENA + ((uint64_t)session * SESSION_PAGES + page) * PAGE_SIZE);
}

static bool reserve(long command, uint64_t *frame)
{
    struct xen_memory_reservation reservation = { .extent_start = (uint64_t)frame, .nr_extents = 1, .domid = DOMID_SELF };
    return memory_op(command, &reservation) == 1;
}

/* A frame that is ours from now on, with a PFN behind all that we had. 0: there is none for us. */
static uint64_t new_frame(void)
{
    uint64_t frame = next_pfn;
    if (!reserve(XENMEM_populate_physmap, &frame))
        return 0;
    next_pfn++;
    return frame;
}

/* Where the boot region maps a frame. */
static const volatile void *frame_to_va(uint64_t mfn)
{
    return (void *)(VIRT_BASE + (MACH2PHYS[mfn] << PAGE_SHIFT));
}

/* The L1 table for `va` is there, or a new frame becomes it. */
static bool make_table(const void *va)
{
    uint64_t address = (uint64_t)va;
    const volatile uint64_t *l4 = (uint64_t *)start_info->pt_base;
    const volatile uint64_t *l3 = frame_to_va(PTE_MFN(l4[(address >> 39) & 511]));
    uint64_t l2_mfn = PTE_MFN(l3[(address >> 30) & 511]);
    unsigned index = (address >> 21) & 511;
    if (((const volatile uint64_t *)frame_to_va(l2_mfn))[index] & PTE_P)
        return true;
    uint64_t frame = new_frame();
    /* A new frame is zero: an empty table. */
    return frame && mmu_update((l2_mfn << PAGE_SHIFT) + index * 8, (frame << PAGE_SHIFT) | RW) == 0;
}

static void release_page(uint64_t *page)
{
    uint64_t frame = page[1];
    update_va_mapping(page, 0);
    reserve(XENMEM_decrease_reservation, &frame);
}

static bool open_session(void)
{
    for (unsigned i = 0; i < SESSION_PAGES; i++) {
        uint64_t *page = page_of(sessions, i);
        uint64_t frame = make_table(page) ? new_frame() : 0;
        if (!frame || update_va_mapping(page, (frame << PAGE_SHIFT) | RW) != 0) {
            while (i--)
                release_page(page_of(sessions, i));
            return false;
        }
        page[0] = sessions;
        page[1] = frame;
        page[511] = ~frame;
    }
    sessions++;
    return true;
}

static void close_session(void)
{
    sessions--;
    for (unsigned i = 0; i < SESSION_PAGES; i++)
        release_page(page_of(sessions, i));
}

static bool use_sessions(void)
{
    for (unsigned session = 0; session < sessions; session++) {
        for (unsigned i = 0; i < SESSION_PAGES; i++) {
            const uint64_t *page = page_of(session, i);
            if (page[0] != session || page[511] != ~page[1])
                return false;
        }
    }
    return true;
}

_Noreturn void demo_main(void)
{
    uint16_t self = DOMID_SELF;
    next_pfn = start_info->nr_pages;
    for (;;) {
        const char *status = "200 ";
        switch (hear()) {
        case '+':
            if (sessions == MAX_SESSIONS || !open_session())
                status = "503 ";
            break;
        case '-':
            if (sessions)
                close_session();
            break;
        case '.':
            if (!use_sessions())
                status = "500 ";
            break;
        default:
            continue;
        }
        add_text(status);
        add_number(sessions);
        add_text(" ");
        add_number((uint64_t)memory_op(XENMEM_current_reservation, &self));
        add_text("\n");
        say();
    }
}
