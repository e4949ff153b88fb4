#include "guest.h"

__asm__(".text\n"
        "show_flags: pushf; pop %rax; mov %cs, %esi; mov %ss, %edx; syscall\n"
        "user_out: out %al, $0x80; syscall\n"
        "user_cli: cli; syscall\n"
        "user_sti: sti; syscall\n"
        "user_popf: push $0x3202; popf; pushf; pop %rax; syscall\n"
        "user_int3: int3; syscall\n"
        "user_int80: int $0x80; syscall\n"
        "user_int82: int $0x82; syscall\n"
        "user_lgdt: lgdt user_lgdt(%rip); syscall\n"
        "user_cr0: mov %cr0, %rax; syscall\n"
        "user_dr7: mov %dr7, %rax; syscall\n"
        "user_rdmsr: mov $0xc0000080, %ecx; rdmsr; syscall\n");
void show_flags(void), user_out(void), user_cli(void), user_sti(void), user_popf(void), user_int3(void), user_int80(void);
void user_int82(void), user_lgdt(void), user_cr0(void), user_dr7(void), user_rdmsr(void);

/* run_user() with any selectors. */
void run_frame(uint64_t rip, uint64_t cs, uint64_t rflags, uint64_t rsp, uint64_t ss, uint64_t flags);
_Noreturn void leave_frame(void);
__asm__(".text\n"
        "run_frame:\n"
        "    push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "    mov %rsp, frame_rsp(%rip)\n"
        "    push %r8; push %rcx; push %rdx; push %rsi; push %rdi; push %r9; pushq $0; pushq $0; pushq $0\n"
        "    mov $23, %eax; syscall; ud2\n"
        "leave_frame: mov frame_rsp(%rip), %rsp\n"
        "    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n"
        ".bss; .align 8; frame_rsp: .quad 0; .text\n");

static bool leave(struct trap_frame *frame)
{
    last_trap = *frame;
    leave_frame();
}

static void show(const char *what)
{
    vcpu0.evtchn_upcall_mask = 1;
    if (last_trap.vector == VECTOR_SYSCALL)
        print("%s: rflags %#lx, cs %#lx, ss %#lx\n", what, last_trap.rax, last_trap.rsi & 0xffff, last_trap.rdx & 0xffff);
    else
        print("%s: trap %lu, error code %#lx, from %s mode\n", what, last_trap.vector, last_trap.error_code,
              (last_trap.cs & 3) == 3 ? "user" : "kernel");
}

static void frame(const char *what, uint64_t cs, uint64_t rflags, uint64_t ss, uint64_t flags)
{
    run_frame((uint64_t)show_flags, cs, rflags, user_stack_top, ss, flags);
    show(what);
}

static void user(const char *what, void (*code)(void))
{
    run_frame((uint64_t)code, 0xe033, 0x202, user_stack_top, 0xe02b, 0);
    show(what);
}

void test_main(void)
{
    init_events();
    init_user();
    user_hook = leave;

    frame("an ordinary frame", 0xe033, 0x202, 0xe02b, 0);
    frame("IOPL 3", 0xe033, 0x3202, 0xe02b, 0);
    frame("VM", 0xe033, 0x20202, 0xe02b, 0);
    frame("VIF and VIP", 0xe033, 0x180202, 0xe02b, 0);
    frame("NT", 0xe033, 0x4202, 0xe02b, 0);
    frame("AC", 0xe033, 0x40202, 0xe02b, 0);
    frame("all flags", 0xe033, 0xfffffffffffffeff, 0xe02b, 0);
    frame("IF clear", 0xe033, 0x2, 0xe02b, 0);
    frame("a return from a system call with all flags", 0xe033, 0xfffffffffffffeff, 0xe02b, VGCF_in_syscall);
    frame("cs of the hypervisor", 0xe00b, 0x202, 0xe02b, 0);
    frame("cs 0x13, beyond the GDT", 0x13, 0x202, 0xe02b, 0);
    frame("cs of the LDT, which there is none of", 0x0f, 0x202, 0xe02b, 0);
    frame("cs that is a data segment", 0xe02b, 0x202, 0xe02b, 0);
    frame("cs 0 with RPL 3", 3, 0x202, 0xe02b, 0);
    frame("cs of the TSS", 0xe043, 0x202, 0xe02b, 0);
    frame("ss of the hypervisor", 0xe033, 0x202, 0xe013, 0);
    frame("ss that is code", 0xe033, 0x202, 0xe033, 0);
    frame("ss beyond the GDT", 0xe033, 0x202, 0x13, 0);
    frame("ss 0", 0xe033, 0x202, 0, 0);

    user("OUT", user_out);
    user("CLI", user_cli);
    user("STI", user_sti);
    user("POPF of IOPL 3", user_popf);
    user("INT3 (DPL 3)", user_int3);
    user("INT 0x80, without a handler", user_int80);
    user("INT 0x82, the hypercall of 32-bit guests", user_int82);
    user("LGDT", user_lgdt);
    user("MOV from CR0", user_cr0);
    user("MOV from DR7", user_dr7);
    user("RDMSR", user_rdmsr);

    /* A kernel that gives itself IOPL 3 gives it to user mode as well: its right. Not more. */
    outcome("IOPL 4", set_iopl(4));
    outcome("IOPL 3", set_iopl(3));
    user("OUT with IOPL 3", user_out);
    user("CLI with IOPL 3", user_cli);
    CHECK_EQUAL("the event mask after it", vcpu0.evtchn_upcall_mask, 1);
    set_iopl(0);
}
