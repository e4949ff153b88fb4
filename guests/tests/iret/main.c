#include "guest.h"

/* Pieces of user code. They end with a system call or an exception. */
__asm__(".text\n"
        "user_syscall: mov $0x1234, %eax; std; syscall\n"
        "user_syscall_end: ud2\n"
        "user_registers: mov %rcx, user_rcx; mov %r11, user_r11; mov %rax, user_rax; mov %cs, user_cs; mov %ss, user_ss; syscall\n"
        "user_write: movq $1, 0x10000\n"
        "user_int3: int3\n"
        "user_int3_end: ud2\n"
        "user_int40: int $0x40\n"
        "user_int40_end: ud2\n"
        "user_hlt: hlt\n"
        "user_gs: mov %gs:0, %rax; syscall\n");
void user_syscall(void), user_syscall_end(void), user_registers(void), user_write(void), user_int3(void), user_int3_end(void);
void user_int40(void), user_int40_end(void), user_hlt(void), user_gs(void);
uint64_t user_rcx, user_r11, user_rax;
uint16_t user_cs, user_ss;

#define FLAGS_ENABLED 0x202
#define FLAGS_DISABLED 0x002

static bool stop(struct trap_frame *frame)
{
    (void)frame;
    return true;
}

static void check_user_frame(const char *what, unsigned vector, uint64_t error_code, void (*rip)(void))
{
    if (last_trap.vector != vector || last_trap.error_code != error_code)
        fail("%s: trap %lu with error code %#lx, expected %u with %#lx", what, last_trap.vector, last_trap.error_code, vector, error_code);
    if (last_trap.rip != (uint64_t)rip)
        fail("%s: rip is off by %ld", what, (int64_t)(last_trap.rip - (uint64_t)rip));
    if ((last_trap.cs & 3) != 3)
        fail("%s: the frame's cs does not say user mode", what);
    if (last_trap.rsp != user_stack_top)
        fail("%s: wrong rsp in the frame", what);
}

static void check_syscall(uint16_t callback_flags, uint64_t rflags)
{
    bool masked = rflags == FLAGS_DISABLED;

    callback_register(CALLBACKTYPE_syscall, callback_flags, syscall_entry);
    run_user(user_syscall, 0, rflags);
    uint8_t mask = mask_in_handler;
    vcpu0.evtchn_upcall_mask = 1;
    check_user_frame("system call", VECTOR_SYSCALL, 0, user_syscall_end);
    CHECK_EQUAL("rax of a system call", last_trap.rax, 0x1234);
    CHECK_EQUAL("rcx of a system call", last_trap.rcx, (uint64_t)user_syscall_end);
    CHECK_EQUAL("DF in r11", last_trap.r11 & 0x400, 0x400);
    CHECK_EQUAL("cs of a system call", last_trap.cs & 0xffff, FLAT_CS64);
    CHECK_EQUAL("ss of a system call", last_trap.ss & 0xffff, FLAT_SS64);
    CHECK_EQUAL("stack of a system call", entry_rsp, kernel_stack_top - 7 * 8);
    CHECK_EQUAL("saved mask of a system call", (last_trap.cs >> 32) & 0xff, masked);
    CHECK_EQUAL("IF of a system call", (last_trap.rflags >> 9) & 1, !masked);
    CHECK_EQUAL("mask in the callback", mask, masked || (callback_flags & CALLBACKF_mask_events));
}

static void check_registers(void)
{
    run_user(user_registers, 0, FLAGS_ENABLED);
    vcpu0.evtchn_upcall_mask = 1;
    CHECK_EQUAL("rcx after iret", user_rcx, 0x0c0c0c0c);
    CHECK_EQUAL("r11 after iret", user_r11, 0x11111111);
    CHECK_EQUAL("rax after iret", user_rax, 0x0a0a0a0a);
    CHECK_EQUAL("cs after iret", user_cs, FLAT_CS64);
    CHECK_EQUAL("ss after iret", user_ss, FLAT_SS64);

    /* A return from a system call leaves rcx and r11 as SYSRET does. */
    run_user(user_registers, VGCF_in_syscall, FLAGS_ENABLED);
    vcpu0.evtchn_upcall_mask = 1;
    CHECK_EQUAL("rcx after a return from a system call", user_rcx, (uint64_t)user_registers);
    CHECK_EQUAL("IF in r11 after a return from a system call", user_r11 & 0x200, 0x200);
    CHECK_EQUAL("rax after a return from a system call", user_rax, 0x0a0a0a0a);
}

static void check_exceptions(void)
{
    run_user(user_write, 0, FLAGS_ENABLED);
    vcpu0.evtchn_upcall_mask = 1;
    check_user_frame("write to an unmapped page", 14, 6, user_write);
    CHECK_EQUAL("cr2", vcpu0.cr2, 0x10000);
    CHECK_EQUAL("stack of a page fault", entry_rsp, kernel_stack_top - 8 * 8);

    run_user(user_int3, 0, FLAGS_ENABLED);
    vcpu0.evtchn_upcall_mask = 1;
    check_user_frame("int3", 3, 0, user_int3_end);

    /* The kernel may use this vector (DPL 1), user code may not. */
    run_user(user_int40, 0, FLAGS_ENABLED);
    vcpu0.evtchn_upcall_mask = 1;
    check_user_frame("int 0x40 with DPL 1", 13, 0x40 * 8 + 2, user_int40);

    struct trap_info table[2] = { { .vector = 0x40, .flags = 3, .cs = FLAT_CS64, .address = trap_entry(32) } };
    CHECK_EQUAL("set_trap_table", hypercall1(HYPERVISOR_set_trap_table, (uint64_t)table), 0);
    run_user(user_int40, 0, FLAGS_ENABLED);
    vcpu0.evtchn_upcall_mask = 1;
    check_user_frame("int 0x40 with DPL 3", 0x40, 0, user_int40_end);

    run_user(user_hlt, 0, FLAGS_ENABLED);
    vcpu0.evtchn_upcall_mask = 1;
    check_user_frame("hlt", 13, 0, user_hlt);
}

static void check_gs(void)
{
    static uint64_t user_value = 0x1111, kernel_value = 0x2222;
    uint64_t value;

    CHECK_EQUAL("set_segment_base GS_USER", hypercall2(HYPERVISOR_set_segment_base, SEGBASE_GS_USER, (uint64_t)&user_value), 0);
    CHECK_EQUAL("set_segment_base GS_KERNEL", hypercall2(HYPERVISOR_set_segment_base, SEGBASE_GS_KERNEL, (uint64_t)&kernel_value), 0);
    run_user(user_gs, 0, FLAGS_ENABLED);
    vcpu0.evtchn_upcall_mask = 1;
    CHECK_EQUAL("what user mode reads at gs:0", last_trap.rax, user_value);
    __asm__ volatile("mov %%gs:0, %0" : "=r"(value));
    CHECK_EQUAL("what the kernel reads at gs:0", value, kernel_value);
}

static void check_event_in_user(void)
{
    /* An event that is pending when user mode is entered with IF set arrives first. */
    struct evtchn_bind_ipi ipi = { .vcpu = 0 };
    event_channel_op(EVTCHNOP_bind_ipi, &ipi);
    evtchn_send(ipi.port);
    CHECK_EQUAL("upcalls before", upcalls, 0);
    run_user(user_syscall, 0, FLAGS_ENABLED);
    vcpu0.evtchn_upcall_mask = 1;
    CHECK_EQUAL("upcalls from user mode", upcalls, 1);
    CHECK_EQUAL("rip of the upcall", upcall_frame.rip, (uint64_t)user_syscall);
    CHECK_EQUAL("rpl of cs in the upcall's frame", upcall_frame.cs & 3, 3);
}

void test_main(void)
{
    init_events();
    init_user();
    user_hook = stop;
    check_syscall(0, FLAGS_ENABLED);
    check_syscall(0, FLAGS_DISABLED);
    check_syscall(CALLBACKF_mask_events, FLAGS_ENABLED);
    check_registers();
    check_exceptions();
    check_gs();
    check_event_in_user();
}
