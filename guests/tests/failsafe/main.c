#include "guest.h"

#define SECOND 1
#define PATIENCE_NS 2000000000ul

/*
 * The second virtual CPU starts with data selectors that lead nowhere. Instead of at its entry it arrives at the failsafe
 * callback, which finds in its frame rcx and r11 as other callbacks do, the selectors ds es fs gs, and then the rest.
 */
static struct vcpu_guest_context context;
static char stack[8192] __attribute__((aligned(4096)));
volatile uint64_t failsafe_frame[11], failsafe_entries, failsafe_rsp, entry_reached;
volatile uint8_t failsafe_mask;
void failsafe_entry(void), second_entry(void);
__asm__(".text\n"
        "failsafe_entry:\n"
        "    mov %rsp, failsafe_rsp(%rip)\n"
        "    cld; mov %rsp, %rsi; lea failsafe_frame(%rip), %rdi; mov $11, %ecx; rep movsq\n"
        "    mov shared_page + 64 + 1(%rip), %al; mov %al, failsafe_mask(%rip)\n"
        "    incq failsafe_entries(%rip)\n"
        /* Back to where it was going, as Linux does: the frame behind the selectors is one for iret. */
        "    mov (%rsp), %rcx; mov 8(%rsp), %r11; add $48, %rsp\n"
        "    pushq $0; push %rcx; push %r11; push %rax; mov $23, %eax; syscall; ud2\n"
        "second_entry:\n"
        "    incq entry_reached(%rip)\n"
        "1:  mov $29, %eax; xor %edi, %edi; xor %esi, %esi; syscall; jmp 1b\n");

static void check(bool disables_events)
{
    failsafe_entries = entry_reached = 0;
    if (vcpu_op(VCPUOP_up, SECOND, NULL))
        error("cannot bring the second virtual CPU up");
    uint64_t end = system_time() + PATIENCE_NS;
    while (!entry_reached && system_time() < end)
        sched_op(SCHEDOP_yield, NULL);
    CHECK_EQUAL("entries of the failsafe callback", failsafe_entries, 1);
    CHECK_EQUAL("arrivals at the entry point", entry_reached, 1);
    CHECK_EQUAL("ds in the frame", failsafe_frame[2] & 0xffff, 0x13);
    CHECK_EQUAL("es in the frame", failsafe_frame[3] & 0xffff, 0x1b);
    CHECK_EQUAL("fs in the frame", failsafe_frame[4] & 0xffff, 0x0f);
    CHECK_EQUAL("gs in the frame", failsafe_frame[5] & 0xffff, 0);
    CHECK_EQUAL("rcx in the frame", failsafe_frame[0], 0xc0c0);
    CHECK_EQUAL("r11 in the frame", failsafe_frame[1], 0x1111);
    CHECK_EQUAL("rip in the frame", failsafe_frame[6], (uint64_t)second_entry);
    CHECK_EQUAL("rpl of cs in the frame", failsafe_frame[7] & 3, 0);
    CHECK_EQUAL("rsp in the frame", failsafe_frame[9], (uint64_t)stack + sizeof stack);
    CHECK_EQUAL("ss in the frame", failsafe_frame[10] & 0xffff, FLAT_SS64);
    CHECK_EQUAL("event mask in the callback", failsafe_mask, disables_events);
}

void test_main(void)
{
    context.flags = VGCF_in_kernel;
    context.user_regs.rip = (uint64_t)second_entry;
    context.user_regs.rsp = (uint64_t)stack + sizeof stack;
    context.user_regs.rflags = 0x202;
    context.user_regs.cs = FLAT_CS64;
    context.user_regs.ss = FLAT_SS64;
    context.user_regs.ds = 0x13;
    context.user_regs.es = 0x1b;
    context.user_regs.fs = 0x0f;
    context.user_regs.rcx = 0xc0c0;
    context.user_regs.r11 = 0x1111;
    context.kernel_ss = FLAT_SS64;
    context.kernel_sp = (uint64_t)stack + sizeof stack;
    context.ctrlreg[3] = (va_to_mfn((void *)start_info->pt_base) << PAGE_SHIFT);
    context.event_callback_eip = (uint64_t)event_entry;
    context.failsafe_callback_eip = (uint64_t)failsafe_entry;
    context.syscall_callback_eip = (uint64_t)syscall_entry;
    shared.vcpu_info[SECOND].evtchn_upcall_mask = 0;
    if (vcpu_op(VCPUOP_initialise, SECOND, &context))
        error("cannot initialise the second virtual CPU");
    check(false);
}
