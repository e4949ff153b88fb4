#include "demo.h"

struct start_info *start_info;
/* Where the entry point leaves the registers, for tests of the start of day. */
char initial_state[160];
volatile union shared_page shared_page __attribute__((aligned(4096)));

#define SHARED_PTE (start_info->shared_info | PTE_P | PTE_RW | PTE_U | PTE_A | PTE_D)
#define VIRT_BASE 0xffffffff80000000ul

static volatile struct xencons_interface *console;

_Noreturn void guest_main(void);
_Noreturn void guest_main(void)
{
    update_va_mapping(&shared_page, SHARED_PTE);
    hypercall3(HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 0, 0);
    console = (void *)(VIRT_BASE + (MACH2PHYS[start_info->console_mfn] << PAGE_SHIFT));
    demo_main();
}

bool take_event(uint32_t port)
{
    volatile uint64_t *word = &shared_page.info.evtchn_pending[port / 64];
    uint64_t bit = 1ul << (port % 64);
    shared_page.info.vcpu_info[0].evtchn_upcall_pending = 0;
    return (__atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST) & bit) != 0;
}

void wait_event(uint32_t port, uint64_t timeout)
{
    struct sched_poll poll = { .ports = &port, .nr_ports = 1, .timeout = timeout };
    if (!take_event(port)) {
        sched_op(SCHEDOP_poll, &poll);
        take_event(port);
    }
}

uint64_t system_time(void)
{
    volatile struct vcpu_time_info *time = &shared_page.info.vcpu_info[0].time;
    for (;;) {
        uint32_t version = time->version;
        uint32_t low, high;
        __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
        uint64_t delta = (((uint64_t)high << 32) | low) - time->tsc_timestamp;
        delta = time->tsc_shift >= 0 ? delta << time->tsc_shift : delta >> -time->tsc_shift;
        uint64_t now = time->system_time + (uint64_t)(((unsigned __int128)delta * time->tsc_to_system_mul) >> 32);
        __asm__ volatile("" ::: "memory");
        if (!(version & 1) && version == time->version)
            return now;
    }
}

static void put(char c)
{
    while (console->out_prod - console->out_cons == sizeof console->out)
        say();
    console->out[console->out_prod % sizeof console->out] = c;
    __asm__ volatile("" ::: "memory");
    console->out_prod++;
}

void say(void)
{
    evtchn_send(start_info->console_evtchn);
    if (console->out_prod - console->out_cons == sizeof console->out)
        wait_event(start_info->console_evtchn, 0);
}

void add_text(const char *text)
{
    for (; *text; text++)
        put(*text);
}

void add_number(uint64_t value)
{
    if (value >= 10)
        add_number(value / 10);
    put('0' + value % 10);
}

char hear(void)
{
    while (console->in_cons == console->in_prod)
        wait_event(start_info->console_evtchn, 0);
    char c = console->in[console->in_cons % sizeof console->in];
    __asm__ volatile("" ::: "memory");
    console->in_cons++;
    return c;
}
