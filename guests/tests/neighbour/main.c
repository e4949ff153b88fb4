#include "guest.h"

/* What the domain does beside its neighbours; `role=` on the command line. */
enum role { MEASURE, LOOP, EVENTS, XENSTORE, WATCHES, RINGS, FAULT, HYPERCALLS, TIMERS, PAGE_TABLES, MEMORY };

#define VCPUOP_get_runstate_info 4
#define WINDOW_NS 120000000ul
#define MILLISECOND 1000000ul

struct runstate {
    uint32_t state;
    uint64_t entry_time;
    uint64_t time[4]; /* running, runnable, blocked, offline */
};

static void work(uint64_t until)
{
    while (system_time() < until)
        for (volatile unsigned i = 0; i < 1000; i++)
            ;
}

/* The part of the processor that it gets while it works, how late it wakes up, and how long the store takes to answer. */
static void measure(void)
{
    char reply[64];
    uint64_t latest = 0, slowest = 0;
    struct runstate before, after;

    vcpu_op(VCPUOP_get_runstate_info, 0, &before);
    work(system_time() + WINDOW_NS);
    vcpu_op(VCPUOP_get_runstate_info, 0, &after);
    uint64_t running = after.time[0] - before.time[0], waiting = after.time[1] - before.time[1];

    for (unsigned i = 0; i < 10; i++) {
        uint64_t due = system_time() + MILLISECOND;
        wait_port(0, MILLISECOND);
        uint64_t late = system_time() - due;
        if ((int64_t)late > (int64_t)latest)
            latest = late;
    }
    for (unsigned i = 0; i < 10; i++) {
        uint64_t start = system_time();
        CHECK(xenstore(XS_READ, 0, "name", NULL, reply, sizeof reply) > 0, "xenstore does not answer");
        if (system_time() - start > slowest)
            slowest = system_time() - start;
    }
    print("share %lu %%, latest wake-up %lu us, slowest answer %lu us\n", running * 100 / (running + waiting), latest / 1000, slowest / 1000);
}

static uint32_t ipi(void)
{
    struct evtchn_bind_ipi bind = { .vcpu = 0 };
    event_channel_op(EVTCHNOP_bind_ipi, &bind);
    return bind.port;
}

static void flood_events(void)
{
    uint32_t port = ipi();
    for (;;) {
        evtchn_send(port);
        evtchn_send(start_info->console_evtchn);
        evtchn_send(start_info->store_evtchn);
        clear_port(port);
    }
}

/* Fills what it may fill, and goes on asking. */
static void flood_xenstore(void)
{
    char key[64], reply[64];
    for (unsigned i = 0;; i++)
        xenstore(i % 3 ? XS_WRITE : XS_TRANSACTION_START, 0, i % 3 ? format(key, sizeof key, "data/%u/%u", i % 10, i) : "",
                 i % 3 ? "a value that is of no use to anybody" : NULL, reply, sizeof reply);
}

/* Watches that fire at each write, whose events are never read. */
static void flood_watches(void)
{
    static char request[256];
    char reply[64], token[16];
    for (unsigned i = 0; i < 100; i++)
        xenstore(XS_WATCH, 0, "data", format(token, sizeof token, "%u", i), reply, sizeof reply);
    struct xsd_sockmsg header = { .type = XS_WRITE, .len = 8 };
    memcpy(request, &header, sizeof header);
    memcpy(request + sizeof header, "data/x\0y", 8);
    volatile struct xenstore_domain_interface *ring = xenstore_ring();
    for (;;) {
        uint32_t produced = ring->req_prod;
        if (produced - ring->req_cons <= XENSTORE_RING_SIZE - 24) {
            for (unsigned i = 0; i < 24; i++)
                ring->req[(produced + i) % XENSTORE_RING_SIZE] = request[i];
            ring->req_prod = produced + 24;
        }
        evtchn_send(start_info->store_evtchn);
    }
}

/* Indices of all kinds in both rings, reconnections, and garbage for messages. */
static void ruin_rings(void)
{
    volatile struct xenstore_domain_interface *store = xenstore_ring();
    volatile struct xencons_interface *console = mfn_to_va(start_info->console_mfn);
    for (uint32_t n = 1;; n = n * 1664525 + 1013904223) {
        store->req_prod = n & 1 ? n : store->req_cons + (n >> 20) % 1025;
        store->rsp_cons = n & 2 ? n >> 3 : store->rsp_prod;
        store->req_cons = n & 4 ? n >> 5 : store->req_cons;
        store->connection = n & 8 ? 1 : 0;
        store->req[(n >> 8) % XENSTORE_RING_SIZE] = n >> 16;
        console->out_prod = n & 16 ? n >> 1 : console->out_cons + (n >> 21);
        console->in_cons = n & 32 ? n >> 2 : console->in_cons;
        evtchn_send(start_info->store_evtchn);
        evtchn_send(start_info->console_evtchn);
    }
}

/* The longest hypercalls there are. */
static void long_hypercalls(void)
{
    static struct multicall_entry list[400];
    uint64_t *page = alloc_page(), self = own_domid();
    struct gnttab_map_grant_ref map = { .flags = GNTMAP_device_map, .dom = self };
    map.ref = grant(self, page, 0);
    for (unsigned i = 0; i < 2000; i++)
        grant_table_op(GNTTABOP_map_grant_ref, &map, 1);
    static struct gnttab_cache_flush flush[256];
    for (unsigned i = 0; i < 256; i++)
        flush[i] = (struct gnttab_cache_flush){ .dev_bus_addr = start_info->shared_info, .length = 64, .op = GNTTAB_CACHE_CLEAN };
    for (unsigned i = 0; i < 400; i++)
        list[i] = (struct multicall_entry){ .op = HYPERVISOR_grant_table_op, .args = { GNTTABOP_cache_flush, (uint64_t)flush, 256 } };
    for (;;)
        hypercall2(HYPERVISOR_multicall, (uint64_t)list, 400);
}

static void flood_timers(void)
{
    for (;;) {
        hypercall1(HYPERVISOR_set_timer_op, 1);
        hypercall1(HYPERVISOR_set_timer_op, system_time() + 1);
        struct vcpu_set_periodic_timer period = { .period_ns = MILLISECOND };
        vcpu_op(VCPUOP_set_periodic_timer, 0, &period);
        sched_op(SCHEDOP_yield, NULL);
    }
}

/* Pins and unpins a root, with all that is below it. */
static void churn_page_tables(void)
{
    init_user();
    for (;;) {
        mmuext_op(MMUEXT_NEW_USER_BASEPTR, 0);
        mmuext_op(MMUEXT_UNPIN_TABLE, user_root_mfn);
        mmuext_op(MMUEXT_PIN_L4_TABLE, user_root_mfn);
        mmuext_op(MMUEXT_TLB_FLUSH_LOCAL, 0);
    }
}

/* As much memory as it gets, and back. */
static void churn_memory(void)
{
    static uint64_t frames[512];
    for (;;) {
        struct xen_memory_reservation op = { .extent_start = (uint64_t)frames, .nr_extents = 512, .domid = DOMID_SELF };
        long got = memory_op(XENMEM_increase_reservation, &op);
        op.nr_extents = got;
        memory_op(XENMEM_decrease_reservation, &op);
    }
}

void test_main(void)
{
    init_events();
    switch ((enum role)option("role", MEASURE)) {
    case MEASURE:
        measure();
        return;
    case LOOP:
        for (;;)
            ;
    case EVENTS:
        flood_events();
        return;
    case XENSTORE:
        flood_xenstore();
        return;
    case WATCHES:
        flood_watches();
        return;
    case RINGS:
        ruin_rings();
        return;
    case FAULT:
        work(system_time() + WINDOW_NS / 2);
        *(volatile uint64_t *)0 = 0;
        return;
    case HYPERCALLS:
        long_hypercalls();
        return;
    case TIMERS:
        flood_timers();
        return;
    case PAGE_TABLES:
        churn_page_tables();
        return;
    case MEMORY:
        churn_memory();
        return;
    }
}
