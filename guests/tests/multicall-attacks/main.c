#include "guest.h"

static struct multicall_entry list[8];
static uint64_t before;

__asm__(".text\n"
        "multicall_user: mov $0x77, %eax; syscall\n"
        "multicall_kernel: jmp multicall_returned\n");
void multicall_user(void);

static long multicall(struct multicall_entry *entries, uint64_t count)
{
    return hypercall2(HYPERVISOR_multicall, (uint64_t)entries, count);
}

static bool stop(struct trap_frame *frame)
{
    (void)frame;
    return true;
}

/*
 * An iret in the middle: the entries behind it must not run in user mode's name (XSA-213). The iret's frame is where
 * run_user() builds it, so its hypercall is replaced by a multicall of which it is an entry.
 */
extern char run_user_number[];
void run_user_by_multicall(void (*code)(void), void *entries, uint64_t count);
__asm__(".text\n"
        "run_user_by_multicall:\n"
        "    push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "    mov %rsp, multicall_rsp(%rip)\n"
        "    pushq $0xe02b; pushq user_stack_top(%rip); pushq $0x202; pushq $0xe033; push %rdi\n"
        "    pushq $0; pushq $0; pushq $0; pushq $0\n"
        "    mov %rsi, %rdi; mov %rdx, %rsi; mov $13, %eax; syscall\n"
        "multicall_returned: ud2\n"
        "leave_multicall: mov multicall_rsp(%rip), %rsp\n"
        "    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n"
        ".bss; .align 8; multicall_rsp: .quad 0; .text\n");
_Noreturn void leave_multicall(void);

static bool leave(struct trap_frame *frame)
{
    last_trap = *frame;
    leave_multicall();
}

void test_main(void)
{
    volatile uint64_t *page = alloc_page();
    uint64_t mfn = va_to_mfn(page);

    list[0] = (struct multicall_entry){ .op = HYPERVISOR_multicall, .args = { (uint64_t)&list[4], 1 } };
    outcome("a multicall in a multicall", multicall(list, 1));
    outcome("  its result", list[0].result);
    list[0] = (struct multicall_entry){ .op = 1000 };
    list[1] = (struct multicall_entry){ .op = ~0ul };
    outcome("numbers that are none", multicall(list, 2));
    outcome("  the first result", list[0].result);
    outcome("  the second result", list[1].result);
    outcome("a list in the hypervisor's memory", multicall((void *)0xffff830000000000ul, 1));
    outcome("a list that runs into it", multicall((void *)0x00007fffffffffc0ul, 2));
    outcome("a list whose length overflows", multicall(list, 0x0400000000000001ul));
    outcome("a list at a non-canonical address", multicall((void *)0x0000900000000000ul, 1));

    /* The list's own page is made read-only by its first entry. */
    struct multicall_entry *moving = (void *)page;
    moving[0] = (struct multicall_entry){ .op = HYPERVISOR_update_va_mapping, .args = { (uint64_t)page, pte_of(mfn, RO), UVMF_INVLPG } };
    moving[1] = (struct multicall_entry){ .op = HYPERVISOR_xen_version };
    outcome("a list that becomes read-only under way", multicall(moving, 2));
    outcome("  writable again", update_va_mapping(page, pte_of(mfn, RW)));
    moving[0].args[1] = 0;
    outcome("a list that is unmapped under way", multicall(moving, 2));
    outcome("  mapped again", update_va_mapping(page, pte_of(mfn, RW)));

    /* An entry that rewrites the one behind it. */
    list[0] = (struct multicall_entry){ .op = HYPERVISOR_xen_version, .args = { XENVER_get_features, (uint64_t)&list[1] } };
    list[1] = (struct multicall_entry){ .op = HYPERVISOR_xen_version, .args = { XENVER_version } };
    list[1].op = 0;
    outcome("an entry that rewrites the next", multicall(list, 2));

    init_user();
    user_hook = stop;
    run_user(multicall_user, 0, 0x202);
    vcpu0.evtchn_upcall_mask = 1;
    list[0] = (struct multicall_entry){ .op = HYPERVISOR_iret };
    list[1] = (struct multicall_entry){ .op = HYPERVISOR_update_va_mapping, .args = { (uint64_t)page, 0, UVMF_INVLPG } };
    before = *entry_for(page, 1);
    user_hook = leave;
    list[1].result = 4711;
    run_user_by_multicall(multicall_user, list, 2);
    vcpu0.evtchn_upcall_mask = 1;
    CHECK_EQUAL("number of the system call behind an iret in a multicall", last_trap.rax, 0x77);
    CHECK_EQUAL("the entry behind it: its result", list[1].result, 4711);
    CHECK_EQUAL("the entry behind it: what it would have changed", (*entry_for(page, 1) ^ before) & ~(PTE_A | PTE_D), 0);
    print("an iret in a multicall: the rest is not done\n");
}
