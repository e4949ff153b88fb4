#include "guest.h"

static uint32_t alloc(uint16_t dom, uint16_t remote, long *result)
{
    struct evtchn_alloc_unbound op = { .dom = dom, .remote_dom = remote };
    *result = event_channel_op(EVTCHNOP_alloc_unbound, &op);
    return op.port;
}

static long close_port(uint32_t port)
{
    struct evtchn_port op = { .port = port };
    return event_channel_op(EVTCHNOP_close, &op);
}

static long bind_interdomain(uint16_t domid, uint32_t remote, uint32_t *port)
{
    struct evtchn_bind_interdomain op = { .remote_dom = domid, .remote_port = remote };
    long result = event_channel_op(EVTCHNOP_bind_interdomain, &op);
    if (port)
        *port = op.local_port;
    return result;
}

static long bind_virq(uint32_t virq, uint32_t vcpu)
{
    struct evtchn_bind_virq op = { .virq = virq, .vcpu = vcpu };
    return event_channel_op(EVTCHNOP_bind_virq, &op);
}

static long bind_vcpu(uint32_t port, uint32_t vcpu)
{
    struct evtchn_bind_vcpu op = { .port = port, .vcpu = vcpu };
    return event_channel_op(EVTCHNOP_bind_vcpu, &op);
}

static void ports(void)
{
    long result;
    uint32_t port, other;

    alloc(0, DOMID_SELF, &result);
    outcome("a port of domain 0", result);
    alloc(0x7fe0, DOMID_SELF, &result);
    outcome("a port of a domain that is not there", result);
    outcome("binding port 0 of domain 0", bind_interdomain(0, 0, NULL));
    outcome("binding port -1 of domain 0", bind_interdomain(0, ~0u, NULL));
    outcome("binding a port of a domain that is not there", bind_interdomain(0x7fe0, 1, NULL));
    outcome("binding the console's port again", bind_interdomain(DOMID_SELF, start_info->console_evtchn, NULL));
    port = alloc(DOMID_SELF, 0, &result);
    outcome("binding a port that waits for another domain", bind_interdomain(DOMID_SELF, port, NULL));
    outcome("closing it", close_port(port));
    outcome("closing it again", close_port(port));
    outcome("sending on it", evtchn_send(port));
    outcome("binding it", bind_interdomain(DOMID_SELF, port, NULL));
    struct evtchn_port op = { .port = port };
    outcome("unmasking it", event_channel_op(EVTCHNOP_unmask, &op));
    outcome("moving it", bind_vcpu(port, 0));
    outcome("port 0: closing", close_port(0));
    outcome("port 0: sending", evtchn_send(0));
    op.port = 0;
    outcome("port 0: unmasking", event_channel_op(EVTCHNOP_unmask, &op));
    op.port = ~0u;
    outcome("port -1: closing", close_port(~0u));
    outcome("port -1: sending", evtchn_send(~0u));
    outcome("port -1: unmasking", event_channel_op(EVTCHNOP_unmask, &op));
    outcome("port -1: moving", bind_vcpu(~0u, 0));
    outcome("port 4096: sending", evtchn_send(4096));
    outcome("port 131071: sending", evtchn_send(131071));
    struct evtchn_status status = { .dom = 0, .port = 1 };
    outcome("the state of a port of domain 0", event_channel_op(EVTCHNOP_status, &status));

    /* Both ends in this domain: what one end is after the other has closed, and is used anew. */
    port = alloc(DOMID_SELF, DOMID_SELF, &result);
    outcome("a channel to oneself", bind_interdomain(DOMID_SELF, port, &other));
    clear_port(other);
    outcome("  one end closed", close_port(port));
    outcome("  the other: sending", evtchn_send(other));
    status = (struct evtchn_status){ .dom = DOMID_SELF, .port = other };
    event_channel_op(EVTCHNOP_status, &status);
    outcome("  its state", status.status);
    uint32_t reused = alloc(DOMID_SELF, DOMID_SELF, &result);
    outcome("  the number of the closed one is used again", reused == port);
    clear_port(reused);
    evtchn_send(other);
    outcome("  an event on the old channel arrives there", port_pending(reused));
    outcome("  both closed", close_port(reused) | close_port(other));

    outcome("virtual interrupt 24, which there is none of", bind_virq(24, 0));
    outcome("virtual interrupt -1", bind_virq(~0u, 0));
    outcome("for a virtual CPU that is not there", bind_virq(VIRQ_DEBUG, 1000));
    outcome("a global one on another virtual CPU", bind_virq(VIRQ_CONSOLE, 1));
    outcome("a debug interrupt", bind_virq(VIRQ_DEBUG, 0));
    outcome("  twice", bind_virq(VIRQ_DEBUG, 0));
    struct evtchn_bind_ipi ipi = { .vcpu = 1000 };
    outcome("an IPI to a virtual CPU that is not there", event_channel_op(EVTCHNOP_bind_ipi, &ipi));
    uint32_t pirq[3] = { 1, 0, 0 };
    outcome("a physical interrupt", event_channel_op(EVTCHNOP_bind_pirq, pirq));
    struct evtchn_reset reset = { .dom = 0 };
    outcome("a reset of domain 0", event_channel_op(EVTCHNOP_reset, &reset));
    outcome("operation 100", event_channel_op(100, &reset));
    struct sched_poll poll = { .ports = (uint32_t *)0xffff830000000000ul, .nr_ports = 1 };
    outcome("polling ports in the hypervisor's memory", sched_op(SCHEDOP_poll, &poll));
    poll.nr_ports = ~0u;
    outcome("polling too many ports", sched_op(SCHEDOP_poll, &poll));
    uint32_t bad = ~0u;
    poll = (struct sched_poll){ .ports = &bad, .nr_ports = 1 };
    outcome("polling port -1", sched_op(SCHEDOP_poll, &poll));

    /* As many as there may be. */
    unsigned count = 0;
    for (alloc(DOMID_SELF, DOMID_SELF, &result); !result && count < 10000; alloc(DOMID_SELF, DOMID_SELF, &result))
        count++;
    outcome("one port too many", result);
    CHECK(count > 900 && count < 5000, "%u ports", count);
    for (uint32_t p = 1; p < 5000; p++)
        if (p != start_info->console_evtchn && p != start_info->store_evtchn)
            close_port(p);
}

static volatile uint32_t *words;
static volatile struct evtchn_fifo_control_block *control;

static long init_control(uint64_t frame, uint32_t offset, uint32_t vcpu)
{
    struct evtchn_init_control op = { .control_gfn = frame, .offset = offset, .vcpu = vcpu };
    return event_channel_op(EVTCHNOP_init_control, &op);
}

static long expand(uint64_t frame)
{
    struct evtchn_expand_array op = { .array_gfn = frame };
    return event_channel_op(EVTCHNOP_expand_array, &op);
}

static uint32_t ipi_port(void)
{
    struct evtchn_bind_ipi ipi = { .vcpu = 0 };
    if (event_channel_op(EVTCHNOP_bind_ipi, &ipi))
        error("cannot bind an IPI");
    words[ipi.port] &= ~EVTCHN_FIFO_MASKED;
    return ipi.port;
}

static void fifo(void)
{
    control = alloc_page();
    words = alloc_page();
    outcome("an event array with the 2-level ABI", expand(va_to_mfn(words)));
    struct evtchn_set_priority priority = { .port = 1, .priority = 0 };
    outcome("a priority with it, of a port that is closed", event_channel_op(EVTCHNOP_set_priority, &priority));
    outcome("a control block that is a page table", init_control(va_to_mfn((void *)start_info->pt_base), 0, 0));
    outcome("of the hypervisor", init_control(1, 0, 0));
    outcome("that is not there", init_control(1ul << 40, 0, 0));
    outcome("at the end of its page", init_control(va_to_mfn(control), 4092, 0));
    outcome("that runs out of its page", init_control(va_to_mfn(control), 4096 - 64, 0));
    outcome("at an odd offset", init_control(va_to_mfn(control), 4, 0));
    outcome("at offset -8", init_control(va_to_mfn(control), ~7u, 0));
    outcome("for a virtual CPU that is not there", init_control(va_to_mfn(control), 0, 1000));
    outcome("a control block", init_control(va_to_mfn(control), 0, 0));
    outcome("another one", init_control(va_to_mfn(control), 0, 0));
    outcome("an event array that is a page table", expand(va_to_mfn((void *)start_info->pt_base)));
    outcome("of the hypervisor", expand(1));
    outcome("an event array", expand(va_to_mfn(words)));
    outcome("the array as a page table", mmuext_op(MMUEXT_PIN_L1_TABLE, va_to_mfn(words)));

    uint32_t a = ipi_port(), b = ipi_port();
    priority.port = a;
    priority.priority = 16;
    outcome("priority 16", event_channel_op(EVTCHNOP_set_priority, &priority));
    priority.port = ~0u;
    outcome("a priority of port -1", event_channel_op(EVTCHNOP_set_priority, &priority));

    /* A queue that the guest ruins. The hypervisor must not follow what stands there. */
    vcpu0.evtchn_upcall_mask = 1;
    evtchn_send(a);
    words[a] = (words[a] & ~EVTCHN_FIFO_LINK_MASK) | a;
    evtchn_send(b);
    words[b] |= EVTCHN_FIFO_LINK_MASK;
    control->head[EVTCHN_FIFO_PRIORITY_DEFAULT] = 0x1ffff;
    for (unsigned i = 0; i < 100; i++) {
        words[a] = EVTCHN_FIFO_LINKED | EVTCHN_FIFO_BUSY | (i * 977 & EVTCHN_FIFO_LINK_MASK);
        evtchn_send(b);
        words[b] = i % 3 ? EVTCHN_FIFO_LINKED : 0;
        evtchn_send(a);
        control->ready = 0;
    }
    print("a ruined queue: nothing happens\n");

    /* A port that is closed while it stands on a queue is not given out before it leaves it. */
    words[a] = words[b] = 0;
    control->ready = 0;
    evtchn_send(a);
    outcome("a port on a queue, closed", close_port(a));
    CHECK(words[a] & EVTCHN_FIFO_LINKED, "the port is not on a queue");
    uint32_t next = ipi_port();
    outcome("  its number is given out at once", next == a);
    words[a] &= ~EVTCHN_FIFO_LINKED;
    close_port(next);
    next = ipi_port();
    outcome("  after it has left the queue", next == a);
}

void test_main(void)
{
    init_events();
    ports();
    fifo();
}
