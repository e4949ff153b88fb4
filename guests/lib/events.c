/* Event channels (2-level) and time. */
#include "guest.h"

volatile unsigned upcalls;
volatile uint64_t upcall_ports;

void upcall(struct trap_frame *frame)
{
    upcall_frame = *frame;
    upcalls++;
    vcpu0.evtchn_upcall_pending = 0;
    uint64_t words = __atomic_exchange_n(&vcpu0.evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    for (unsigned w = 0; w < 64; w++) {
        if (!((words >> w) & 1))
            continue;
        uint64_t ports = shared.evtchn_pending[w] & ~shared.evtchn_mask[w];
        __atomic_fetch_and(&shared.evtchn_pending[w], ~ports, __ATOMIC_SEQ_CST);
        if (w == 0)
            upcall_ports |= ports;
    }
    frame->cs &= 0xffff;
}

void init_events(void)
{
    if (callback_register(CALLBACKTYPE_event, 0, event_entry))
        error("cannot register the event callback");
    if (callback_register(CALLBACKTYPE_failsafe, 0, event_entry))
        error("cannot register the failsafe callback");
}

void enable_events(void)
{
    vcpu0.evtchn_upcall_mask = 0;
    __asm__ volatile("" ::: "memory");
    /* Any hypercall delivers what is pending. */
    if (vcpu0.evtchn_upcall_pending)
        xen_version(XENVER_version, NULL);
}

void disable_events(void)
{
    vcpu0.evtchn_upcall_mask = 1;
    __asm__ volatile("" ::: "memory");
}

void clear_port(uint32_t port)
{
    __atomic_fetch_and(&shared.evtchn_pending[port / 64], ~(1ul << (port % 64)), __ATOMIC_SEQ_CST);
}

void mask_port(uint32_t port, bool masked)
{
    if (masked)
        __atomic_fetch_or(&shared.evtchn_mask[port / 64], 1ul << (port % 64), __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(&shared.evtchn_mask[port / 64], ~(1ul << (port % 64)), __ATOMIC_SEQ_CST);
}

uint64_t system_time(void)
{
    volatile struct vcpu_time_info *t = &vcpu0.time;
    uint32_t version;
    uint64_t result;
    do {
        version = t->version & ~1u;
        __asm__ volatile("" ::: "memory");
        uint32_t low, high;
        __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
        uint64_t delta = (((uint64_t)high << 32) | low) - t->tsc_timestamp;
        int8_t shift = t->tsc_shift;
        delta = shift < 0 ? delta >> -shift : delta << shift;
        result = t->system_time + (uint64_t)(((unsigned __int128)delta * t->tsc_to_system_mul) >> 32);
        __asm__ volatile("" ::: "memory");
    } while (t->version != version);
    return result;
}

/* The hypervisor resolves DOMID_SELF when an unbound port is made, and tells what it resolved. */
uint16_t own_domid(void)
{
    struct evtchn_alloc_unbound alloc = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    if (event_channel_op(EVTCHNOP_alloc_unbound, &alloc))
        error("cannot allocate an event channel");
    struct evtchn_status status = { .dom = DOMID_SELF, .port = alloc.port };
    struct evtchn_port close = { .port = alloc.port };
    if (event_channel_op(EVTCHNOP_status, &status) || event_channel_op(EVTCHNOP_close, &close))
        error("cannot ask for the state of an event channel");
    return status.u.unbound.dom;
}

void wait_port(uint32_t port, uint64_t ns)
{
    struct sched_poll poll = { .ports = &port, .nr_ports = port != 0, .timeout = system_time() + ns };
    sched_op(SCHEDOP_poll, &poll);
}

void sleep_ns(uint64_t ns)
{
    uint64_t end = system_time() + ns;
    while (system_time() < end)
        wait_port(0, end - system_time());
}
