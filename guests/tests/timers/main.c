#include "guest.h"

#define MILLISECOND 1000000ul
static uint32_t timer_port;

static void start(void)
{
    disable_events();
    vcpu0.evtchn_upcall_pending = 0;
    vcpu0.evtchn_pending_sel = 0; /* the console's events are of no interest */
    clear_port(timer_port);
    upcalls = 0;
    upcall_ports = 0;
}

/* Sleeps until the timer's event. */
static void wait(void)
{
    while (!(upcall_ports & (1ul << timer_port))) {
        disable_events();
        if (upcall_ports & (1ul << timer_port))
            break;
        sched_op(SCHEDOP_block, NULL);
    }
}

void test_main(void)
{
    struct evtchn_bind_virq virq = { .virq = VIRQ_TIMER, .vcpu = 0 };
    init_events();
    if (event_channel_op(EVTCHNOP_bind_virq, &virq))
        error("cannot bind the timer's virq");
    timer_port = virq.port;
    vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);

    uint64_t t = system_time();
    for (int i = 0; i < 1000; i++) {
        uint64_t now = system_time();
        if (now < t) {
            fail("system time goes back");
            break;
        }
        t = now;
    }

    /* A single shot. */
    start();
    struct vcpu_set_singleshot_timer shot = { .timeout_abs_ns = system_time() + 2 * MILLISECOND };
    CHECK_EQUAL("set_singleshot_timer", vcpu_op(VCPUOP_set_singleshot_timer, 0, &shot), 0);
    wait();
    CHECK(system_time() >= shot.timeout_abs_ns, "the single shot came early");

    /* A deadline that has passed: at once. VCPU_SSHOTTMR_future has no effect (since Xen 4.18 and late 4.17). */
    start();
    CHECK_EQUAL("a past deadline", vcpu_op(VCPUOP_set_singleshot_timer, 0, &shot), 0);
    wait();
    start();
    shot.flags = VCPU_SSHOTTMR_future;
    CHECK_EQUAL("a past deadline with VCPU_SSHOTTMR_future", vcpu_op(VCPUOP_set_singleshot_timer, 0, &shot), 0);
    wait();

    /* Cancelled. */
    start();
    shot.flags = 0;
    shot.timeout_abs_ns = system_time() + MILLISECOND;
    vcpu_op(VCPUOP_set_singleshot_timer, 0, &shot);
    CHECK_EQUAL("stop_singleshot_timer", vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL), 0);
    enable_events();
    while (system_time() < shot.timeout_abs_ns + 2 * MILLISECOND)
        ;
    disable_events();
    CHECK(!(upcall_ports & (1ul << timer_port)), "a cancelled timer fires");

    /* The older way. */
    start();
    t = system_time() + MILLISECOND;
    CHECK_EQUAL("set_timer_op", hypercall1(HYPERVISOR_set_timer_op, t), 0);
    wait();
    CHECK(system_time() >= t, "set_timer_op fires early");

    /* Preempting a loop that makes no hypercalls. */
    start();
    hypercall1(HYPERVISOR_set_timer_op, system_time() + MILLISECOND);
    enable_events();
    t = system_time();
    while (!(upcall_ports & (1ul << timer_port)) && system_time() < t + 1000 * MILLISECOND)
        ;
    CHECK(upcall_ports & (1ul << timer_port), "a busy loop is not interrupted by the timer");

    /* Periodic: ticks only while the virtual CPU runs; blocking would wait for ever. */
    start();
    struct vcpu_set_periodic_timer periodic = { .period_ns = 2 * MILLISECOND };
    t = system_time();
    CHECK_EQUAL("set_periodic_timer", vcpu_op(VCPUOP_set_periodic_timer, 0, &periodic), 0);
    for (int i = 0; i < 3; i++) {
        upcall_ports = 0;
        enable_events();
        while (!(upcall_ports & (1ul << timer_port)) && system_time() < t + 1000 * MILLISECOND)
            ;
    }
    CHECK(upcall_ports & (1ul << timer_port), "no periodic tick");
    CHECK(system_time() >= t + 2 * periodic.period_ns, "three periods in less than two");
    CHECK_EQUAL("stop_periodic_timer", vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0);
    periodic.period_ns = 1000;
    CHECK_EQUAL("a period below a millisecond", vcpu_op(VCPUOP_set_periodic_timer, 0, &periodic), -EINVAL);
    CHECK_EQUAL("a vcpu that is not there", vcpu_op(VCPUOP_is_up, 8191, NULL), -ENOENT);
    CHECK_EQUAL("this vcpu", vcpu_op(VCPUOP_is_up, 0, NULL), 1);
}
