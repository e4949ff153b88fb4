/*
 * A guest of a few pages, of which a machine can have thousands. It sleeps until it is told what to do, by one
 * character and a number of times (digits, then a newline), does it, and answers with the time it took:
 *
 *     n  nothing              h  hypercalls             e  events to itself
 *     t  timers               y  yields                 c  counts, without end
 */
#include "demo.h"

static void repeat(char what, uint64_t times)
{
    uint32_t port;
    static struct evtchn_bind_ipi ipi;
    static struct evtchn_bind_virq timer = { .virq = VIRQ_TIMER };

    if (what == 'e' && !ipi.port)
        event_channel_op(EVTCHNOP_bind_ipi, &ipi);
    if (what == 't' && !timer.port)
        event_channel_op(EVTCHNOP_bind_virq, &timer);
    for (uint64_t i = 0; i < times || what == 'c'; i++) {
        switch (what) {
        case 'h':
            xen_version(XENVER_version, NULL);
            break;
        case 'e':
            port = ipi.port;
            evtchn_send(port);
            take_event(port);
            break;
        case 't':
            hypercall1(HYPERVISOR_set_timer_op, system_time() + 1000);
            wait_event(timer.port, 0);
            break;
        case 'y':
            sched_op(SCHEDOP_yield, NULL);
            break;
        }
    }
}

_Noreturn void demo_main(void)
{
    for (;;) {
        char what = hear(), c;
        uint64_t times = 0;
        while ((c = hear()) != '\n')
            times = times * 10 + (uint64_t)(c - '0');
        uint64_t start = system_time();
        repeat(what, times);
        add_number(system_time() - start);
        add_text("\n");
        say();
    }
}
