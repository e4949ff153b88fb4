/*
 * A real-time task. It is told a period, a time of work for each (both in microseconds) and a number of jobs, in one
 * line: "10000 2000 500". Then it wakes at each multiple of the period, works, and sleeps. At the end it says how
 * many jobs there were and how many ended after their period, and two histograms: how late it woke, and how long
 * after the period's begin the work was done. A line "wake 8 31" means: 31 times by 4 to 8 microseconds.
 */
#include "demo.h"

#define VCPUOP_get_runstate_info 4
#define RUNSTATE_running 0
#define MICROSECOND 1000ul
#define BUCKETS 24

struct vcpu_runstate_info {
    int32_t state;
    uint64_t state_entry_time;
    uint64_t time[4];
};

struct histogram {
    uint32_t count[BUCKETS];
    uint64_t worst;
};

static struct histogram wake, done;

/* Processor time that this guest has had. */
static uint64_t own_time(void)
{
    struct vcpu_runstate_info info;
    hypercall3(HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 0, (uint64_t)&info);
    return info.time[RUNSTATE_running];
}

static void work(uint64_t nanoseconds)
{
    uint64_t end = own_time() + nanoseconds;
    while (own_time() < end)
        for (volatile int i = 0; i < 1000; i++)
            ;
}

/* Bucket n is for less than 2^n microseconds. */
static void record(struct histogram *histogram, uint64_t nanoseconds)
{
    unsigned bucket = 0;
    while (bucket < BUCKETS - 1 && nanoseconds >= MICROSECOND << bucket)
        bucket++;
    histogram->count[bucket]++;
    if (nanoseconds > histogram->worst)
        histogram->worst = nanoseconds;
}

static void field(const char *name, uint64_t value)
{
    add_text(name);
    add_number(value);
}

static void tell(const char *name, const struct histogram *histogram)
{
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        if (!histogram->count[bucket])
            continue;
        add_text(name);
        field(" ", 1ul << bucket);
        field(" ", histogram->count[bucket]);
        add_text("\n");
    }
    add_text("worst ");
    add_text(name);
    field(" ", histogram->worst);
    add_text("\n");
}

static uint64_t number(void)
{
    uint64_t value = 0;
    for (char c = hear(); c >= '0' && c <= '9'; c = hear())
        value = value * 10 + (uint64_t)(c - '0');
    return value;
}

_Noreturn void demo_main(void)
{
    static struct evtchn_bind_virq timer = { .virq = VIRQ_TIMER };
    event_channel_op(EVTCHNOP_bind_virq, &timer);
    for (;;) {
        uint64_t period = number() * MICROSECOND, time = number() * MICROSECOND, jobs = number(), missed = 0;
        uint64_t release = system_time();
        wake = done = (struct histogram){ .worst = 0 };
        for (uint64_t job = 0; job < jobs; job++) {
            release += period;
            while (system_time() < release)
                wait_event(timer.port, release);
            record(&wake, system_time() - release);
            work(time);
            uint64_t took = system_time() - release;
            record(&done, took);
            missed += took > period;
        }
        field("jobs ", jobs);
        field(" missed ", missed);
        add_text("\n");
        tell("wake", &wake);
        tell("done", &done);
        add_text("end\n");
        say();
    }
}
