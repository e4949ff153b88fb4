#include "guest.h"

static volatile struct evtchn_fifo_control_block *control;
static volatile uint32_t *words;

static uint32_t bind_ipi(uint32_t priority)
{
    struct evtchn_bind_ipi ipi = { .vcpu = 0 };
    if (event_channel_op(EVTCHNOP_bind_ipi, &ipi))
        error("cannot bind an IPI");
    struct evtchn_set_priority set = { .port = ipi.port, .priority = priority };
    CHECK_EQUAL("set_priority", event_channel_op(EVTCHNOP_set_priority, &set), 0);
    return ipi.port;
}

static void send(uint32_t port) { CHECK_EQUAL("send", evtchn_send(port), 0); }

/* Takes the first port of a queue, as Linux does. 0: it is empty. */
static uint32_t take(unsigned priority)
{
    uint32_t port = control->head[priority];
    if (!port)
        return 0;
    uint32_t old = __atomic_fetch_and(&words[port], ~(EVTCHN_FIFO_LINKED | EVTCHN_FIFO_LINK_MASK), __ATOMIC_SEQ_CST);
    control->head[priority] = old & EVTCHN_FIFO_LINK_MASK;
    __atomic_fetch_and(&words[port], ~EVTCHN_FIFO_PENDING, __ATOMIC_SEQ_CST);
    return port;
}

static void check_upcall(const char *what, bool expected)
{
    CHECK_EQUAL(what, vcpu0.evtchn_upcall_pending, expected);
    vcpu0.evtchn_upcall_pending = 0;
}

void test_main(void)
{
    struct evtchn_init_control init = { .vcpu = 0, .offset = 512 };
    char *page = alloc_page();
    struct evtchn_alloc_unbound early = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };

    control = (void *)(page + 512);
    words = alloc_page();
    init_events();
    vcpu0.evtchn_upcall_mask = 1;

    /* A port that is pending before the change stays so. */
    if (event_channel_op(EVTCHNOP_alloc_unbound, &early))
        error("cannot allocate a port");
    struct evtchn_bind_interdomain both = { .remote_dom = DOMID_SELF, .remote_port = early.port };
    CHECK_EQUAL("bind_interdomain", event_channel_op(EVTCHNOP_bind_interdomain, &both), 0);
    CHECK(port_pending(both.local_port), "a new channel is not pending");
    init.control_gfn = va_to_mfn(page);
    CHECK_EQUAL("init_control", event_channel_op(EVTCHNOP_init_control, &init), 0);
    CHECK_EQUAL("bits of a link", init.link_bits, 17);
    struct evtchn_expand_array expand = { .array_gfn = va_to_mfn(words) };
    vcpu0.evtchn_upcall_pending = 0;
    CHECK_EQUAL("expand_array", event_channel_op(EVTCHNOP_expand_array, &expand), 0);
    CHECK(words[both.local_port] & EVTCHN_FIFO_PENDING, "what was pending before is lost");
    while (take(EVTCHN_FIFO_PRIORITY_DEFAULT))
        ;
    control->ready = 0;
    vcpu0.evtchn_upcall_pending = 0;

    uint32_t low = bind_ipi(15), middle = bind_ipi(7), middle2 = bind_ipi(7), high = bind_ipi(0);

    /* In order within a queue; each queue has its bit. */
    send(low);
    check_upcall("upcall after the first event", true);
    send(middle2);
    send(middle);
    send(high);
    send(middle2);
    CHECK_EQUAL("ready queues", control->ready, 1u << 15 | 1u << 7 | 1u);
    CHECK_EQUAL("first of the middle queue", control->head[7], middle2);
    CHECK_EQUAL("its link", words[middle2] & EVTCHN_FIFO_LINK_MASK, middle);
    CHECK_EQUAL("its flags", words[middle2] & ~EVTCHN_FIFO_LINK_MASK, EVTCHN_FIFO_PENDING | EVTCHN_FIFO_LINKED);
    CHECK_EQUAL("the high queue", take(0), high);
    CHECK_EQUAL("the middle queue", take(7), middle2);
    CHECK_EQUAL("the middle queue's second", take(7), middle);
    CHECK_EQUAL("the middle queue's end", take(7), 0);
    CHECK_EQUAL("the low queue", take(15), low);
    control->ready = 0;
    vcpu0.evtchn_upcall_pending = 0;

    /* A masked port is pending, and on no queue until it is unmasked. */
    words[high] |= EVTCHN_FIFO_MASKED;
    send(high);
    check_upcall("upcall of a masked port", false);
    CHECK_EQUAL("its word", words[high], EVTCHN_FIFO_PENDING | EVTCHN_FIFO_MASKED);
    struct evtchn_port unmask = { .port = high };
    CHECK_EQUAL("unmask", event_channel_op(EVTCHNOP_unmask, &unmask), 0);
    check_upcall("upcall when it is unmasked", true);
    CHECK_EQUAL("the high queue then", take(0), high);
    control->ready = 0;

    /* A port that changes its priority while it is on a queue goes to the other one the next time. */
    struct evtchn_set_priority move = { .port = middle, .priority = 3 };
    send(middle);
    CHECK_EQUAL("set_priority", event_channel_op(EVTCHNOP_set_priority, &move), 0);
    CHECK_EQUAL("the old queue", take(7), middle);
    send(middle);
    CHECK_EQUAL("the old queue afterwards", take(7), 0);
    CHECK_EQUAL("the new queue", take(3), middle);
    control->ready = 0;
    vcpu0.evtchn_upcall_pending = 0;

    /* Closed while on a queue: no event, and the number is not used before it has been taken from there. */
    send(middle2);
    struct evtchn_port close = { .port = middle2 };
    CHECK_EQUAL("close", event_channel_op(EVTCHNOP_close, &close), 0);
    CHECK(!(words[middle2] & EVTCHN_FIFO_PENDING), "a closed port is pending");
    CHECK(bind_ipi(7) != middle2, "a port is given out while it is on a queue");
    CHECK_EQUAL("what stands on the queue", take(7), middle2);
    CHECK_EQUAL("the port that is given out then", bind_ipi(7), middle2);

    /* More ports than the 2-level ABI has words for one virtual CPU's selector, in a second page of the array. */
    volatile uint32_t *more = alloc_page();
    expand.array_gfn = va_to_mfn(more);
    CHECK_EQUAL("expand_array again", event_channel_op(EVTCHNOP_expand_array, &expand), 0);

    /* The upcall itself. */
    control->ready = 0;
    vcpu0.evtchn_upcall_pending = 0;
    send(high);
    enable_events();
    CHECK_EQUAL("upcalls", upcalls, 1);
    disable_events();
    CHECK_EQUAL("the high queue at the end", take(0), high);
}
