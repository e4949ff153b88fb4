#include "guest.h"

static uint32_t near_port, far_port; /* two ends of a channel to ourselves */

static void connect(void)
{
    struct evtchn_alloc_unbound alloc = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    CHECK_EQUAL("alloc_unbound", event_channel_op(EVTCHNOP_alloc_unbound, &alloc), 0);
    near_port = alloc.port;
    CHECK(near_port > 0, "port 0 was given out");

    struct evtchn_bind_interdomain bind = { .remote_dom = DOMID_SELF, .remote_port = near_port };
    CHECK_EQUAL("bind_interdomain", event_channel_op(EVTCHNOP_bind_interdomain, &bind), 0);
    far_port = bind.local_port;
    CHECK(far_port > 0 && far_port != near_port, "bad port from bind_interdomain");
    CHECK(port_pending(far_port), "a new binding is not pending at its local end");
    clear_port(far_port);

    struct evtchn_status status = { .dom = DOMID_SELF, .port = near_port };
    CHECK_EQUAL("status", event_channel_op(EVTCHNOP_status, &status), 0);
    CHECK_EQUAL("status of a bound port", status.status, EVTCHNSTAT_interdomain);
    CHECK_EQUAL("its peer", status.u.interdomain.port, far_port);
}

static void reset(void)
{
    disable_events();
    vcpu0.evtchn_upcall_pending = 0;
    vcpu0.evtchn_pending_sel = 0;
    clear_port(near_port);
    clear_port(far_port);
    upcalls = 0;
    upcall_ports = 0;
}

static void check_delivery(void)
{
    reset();
    CHECK_EQUAL("send", evtchn_send(far_port), 0);
    CHECK(port_pending(near_port), "sending makes the other end pending");
    CHECK(!port_pending(far_port), "sending made the sender's end pending");
    CHECK_EQUAL("evtchn_pending_sel", vcpu0.evtchn_pending_sel, 1ul << (near_port / 64));
    CHECK_EQUAL("evtchn_upcall_pending", vcpu0.evtchn_upcall_pending, 1);
    CHECK_EQUAL("upcalls while masked", upcalls, 0);
    enable_events();
    CHECK_EQUAL("upcalls after unmasking", upcalls, 1);
    CHECK_EQUAL("mask in the upcall", mask_in_handler, 1);
    CHECK_EQUAL("saved mask of the upcall's frame", (upcall_frame.cs >> 32) & 0xff, 0);
    CHECK_EQUAL("rpl of cs in the upcall's frame", upcall_frame.cs & 3, 0);
    CHECK_EQUAL("mask after the upcall", vcpu0.evtchn_upcall_mask, 0);
    CHECK_EQUAL("ports found by the upcall", upcall_ports, 1ul << near_port);

    /* With events enabled the upcall comes at the end of the hypercall. */
    reset();
    enable_events();
    evtchn_send(near_port);
    CHECK_EQUAL("upcalls right after a send", upcalls, 1);
    CHECK_EQUAL("port of that upcall", upcall_ports, 1ul << far_port);
}

static void check_masking(void)
{
    struct evtchn_port unmask = { .port = near_port };

    reset();
    mask_port(near_port, true);
    evtchn_send(far_port);
    CHECK(port_pending(near_port), "a masked port becomes pending");
    CHECK_EQUAL("evtchn_upcall_pending for a masked port", vcpu0.evtchn_upcall_pending, 0);
    CHECK_EQUAL("evtchn_pending_sel for a masked port", vcpu0.evtchn_pending_sel, 0);
    CHECK_EQUAL("unmask", event_channel_op(EVTCHNOP_unmask, &unmask), 0);
    CHECK_EQUAL("evtchn_upcall_pending after unmask", vcpu0.evtchn_upcall_pending, 1);
    CHECK_EQUAL("mask bit after unmask", (shared.evtchn_mask[near_port / 64] >> (near_port % 64)) & 1, 0);

    /* A port that is pending already does not signal again. */
    reset();
    evtchn_send(far_port);
    vcpu0.evtchn_upcall_pending = 0;
    vcpu0.evtchn_pending_sel = 0;
    evtchn_send(far_port);
    CHECK_EQUAL("evtchn_upcall_pending after a second send", vcpu0.evtchn_upcall_pending, 0);
}

static void check_block(void)
{
    reset();
    evtchn_send(far_port);
    /* Blocking enables events; one is pending, so that it returns at once. */
    CHECK_EQUAL("block", sched_op(SCHEDOP_block, NULL), 0);
    CHECK_EQUAL("upcalls after block", upcalls, 1);
    CHECK_EQUAL("mask after block", vcpu0.evtchn_upcall_mask, 0);
}

static void check_ipi(void)
{
    struct evtchn_bind_ipi ipi = { .vcpu = 0 };
    reset();
    CHECK_EQUAL("bind_ipi", event_channel_op(EVTCHNOP_bind_ipi, &ipi), 0);
    enable_events();
    CHECK_EQUAL("send to an IPI port", evtchn_send(ipi.port), 0);
    CHECK_EQUAL("port of the IPI", upcall_ports, 1ul << ipi.port);
    ipi.vcpu = 1000;
    CHECK_EQUAL("bind_ipi for a vcpu that is not there", event_channel_op(EVTCHNOP_bind_ipi, &ipi), -ENOENT);
}

static void check_errors(void)
{
    struct evtchn_bind_virq virq = { .virq = VIRQ_TIMER, .vcpu = 0 };
    struct evtchn_port close = { .port = near_port };
    struct evtchn_status status = { .dom = DOMID_SELF, .port = far_port };

    reset();
    CHECK_EQUAL("send to port 0", evtchn_send(0), -EINVAL);
    CHECK_EQUAL("send beyond the last port", evtchn_send(1u << 20), -EINVAL);
    CHECK_EQUAL("bind_virq", event_channel_op(EVTCHNOP_bind_virq, &virq), 0);
    CHECK_EQUAL("second bind_virq", event_channel_op(EVTCHNOP_bind_virq, &virq), -EEXIST);
    virq.virq = 100;
    CHECK_EQUAL("bind_virq of a virq that is not there", event_channel_op(EVTCHNOP_bind_virq, &virq), -EINVAL);
    CHECK_EQUAL("an unknown operation", event_channel_op(99, &virq), -ENOSYS);
    CHECK_EQUAL("a bad pointer", event_channel_op(EVTCHNOP_send, (void *)0x10000), -EFAULT);

    CHECK_EQUAL("close", event_channel_op(EVTCHNOP_close, &close), 0);
    CHECK_EQUAL("second close", event_channel_op(EVTCHNOP_close, &close), -EINVAL);
    CHECK_EQUAL("status of the other end", event_channel_op(EVTCHNOP_status, &status), 0);
    CHECK_EQUAL("state of the other end", status.status, EVTCHNSTAT_unbound);
}

void test_main(void)
{
    init_events();
    connect();
    check_delivery();
    check_masking();
    check_block();
    check_ipi();
    check_errors();
}
