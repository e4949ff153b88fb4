#include "guest.h"

#define SECOND 1
#define PATIENCE_NS 2000000000ul

static char stack[8192] __attribute__((aligned(16)));
static struct vcpu_guest_context context;
static volatile struct {
    unsigned started;         /* by the second: how often it has come up */
    unsigned pending_seen;    /* by the second: events that it saw */
    uint64_t argument;        /* RDI that it started with */
    uint64_t gs_base;
    unsigned down_result;
} second;
static uint32_t ipi_to_first, ipi_to_second;

static void yield(void) { sched_op(SCHEDOP_yield, NULL); }

#define WAIT_FOR(what, condition)                                 \
    do {                                                          \
        uint64_t end_ = system_time() + PATIENCE_NS;              \
        while (!(condition) && system_time() < end_)              \
            yield();                                              \
        CHECK(condition, "%s does not come about", what);         \
    } while (0)

/* What the second virtual CPU executes. */
static void second_main(uint64_t argument)
{
    uint64_t base;
    __asm__ volatile("mov %%gs:0, %0" : "=r"(base));
    second.argument = argument;
    second.gs_base = base;
    for (;;) {
        second.started++;
        while (!shared.vcpu_info[SECOND].evtchn_upcall_pending)
            yield();
        shared.vcpu_info[SECOND].evtchn_upcall_pending = 0;
        shared.vcpu_info[SECOND].evtchn_pending_sel = 0;
        clear_port(ipi_to_second);
        second.pending_seen++;
        evtchn_send(ipi_to_first);
        second.down_result = vcpu_op(VCPUOP_down, SECOND, NULL);
    }
}

static uint64_t gs_word = 0x5ec0d;

static void initialise(void)
{
    CHECK_EQUAL("is_up of a vcpu that was never up", vcpu_op(VCPUOP_is_up, SECOND, NULL), 0);
    CHECK_EQUAL("up without a state", vcpu_op(VCPUOP_up, SECOND, NULL), -EINVAL);
    context.flags = VGCF_in_kernel;
    context.user_regs.rip = (uint64_t)second_main;
    context.user_regs.rsp = (uint64_t)stack + sizeof stack - 8;
    context.user_regs.rdi = 0xa59;
    context.user_regs.rflags = 0x200;
    context.user_regs.cs = FLAT_CS64;
    context.user_regs.ss = FLAT_SS64;
    context.kernel_ss = FLAT_SS64;
    context.kernel_sp = context.user_regs.rsp;
    context.gs_base_kernel = (uint64_t)&gs_word;
    context.event_callback_eip = (uint64_t)event_entry;
    context.failsafe_callback_eip = (uint64_t)event_entry;
    CHECK(vcpu_op(VCPUOP_initialise, SECOND, &context) != 0, "a vcpu without page tables is accepted");
    context.ctrlreg[3] = va_to_mfn((void *)start_info->pt_base) << PAGE_SHIFT;
    CHECK_EQUAL("initialise", vcpu_op(VCPUOP_initialise, SECOND, &context), 0);
    CHECK_EQUAL("second initialise", vcpu_op(VCPUOP_initialise, SECOND, &context), -EEXIST);
    CHECK_EQUAL("is_up before up", vcpu_op(VCPUOP_is_up, SECOND, NULL), 0);
}

static uint32_t bind_ipi(uint32_t vcpu)
{
    struct evtchn_bind_ipi ipi = { .vcpu = vcpu };
    CHECK_EQUAL("bind_ipi", event_channel_op(EVTCHNOP_bind_ipi, &ipi), 0);
    return ipi.port;
}

/* One round: the second sees an event, answers with one, and goes down. */
static void round(unsigned n)
{
    upcalls = 0;
    upcall_ports = 0;
    CHECK_EQUAL("up", vcpu_op(VCPUOP_up, SECOND, NULL), 0);
    CHECK_EQUAL("is_up after up", vcpu_op(VCPUOP_is_up, SECOND, NULL), 1);
    WAIT_FOR("the second's start", second.started == n);
    CHECK_EQUAL("events that it saw before one was sent", second.pending_seen, n - 1);
    CHECK_EQUAL("send to the second", evtchn_send(ipi_to_second), 0);
    CHECK_EQUAL("upcall_pending of the first", vcpu0.evtchn_upcall_pending, 0);
    CHECK_EQUAL("block", sched_op(SCHEDOP_block, NULL), 0);
    CHECK_EQUAL("upcalls of the first", upcalls, 1);
    CHECK_EQUAL("its port", upcall_ports, 1ul << ipi_to_first);
    CHECK_EQUAL("events that the second saw", second.pending_seen, n);
    WAIT_FOR("the second's end", vcpu_op(VCPUOP_is_up, SECOND, NULL) == 0);
    disable_events();
}

void test_main(void)
{
    if (vcpu_op(VCPUOP_is_up, SECOND, NULL) == -ENOENT)
        skip("this domain has one virtual CPU");
    init_events();
    initialise();
    ipi_to_first = bind_ipi(0);
    ipi_to_second = bind_ipi(SECOND);
    round(1);
    CHECK_EQUAL("rdi of the second at its start", second.argument, 0xa59);
    CHECK_EQUAL("first word at its gs base", second.gs_base, gs_word);
    round(2);
    CHECK_EQUAL("result of down, once up again", second.down_result, 0);
    CHECK_EQUAL("a vcpu that is not there", vcpu_op(VCPUOP_up, 1000, NULL), -ENOENT);
}
