/* Traps, events and system calls on their way through dispatch(). */
#include "guest.h"

extern _Noreturn void leave_user(void);
void finish_test(void);

struct trap_frame last_trap;
struct trap_frame upcall_frame;
volatile uint64_t trap_taken, resume_rip;
volatile uint8_t mask_in_handler;
uint64_t entry_rsp, try_rip, try_next, iret_flags;
bool (*user_hook)(struct trap_frame *frame);

static const uint32_t has_error_code = 0x00227d00; /* 8, 10 to 14, 17, 21 */

static void unexpected(const struct trap_frame *f)
{
    error("unexpected trap %lu, error code %#lx, at %#lx, cs %#lx, cr2 %#lx", f->vector, f->error_code, f->rip, f->cs & 0xffff, vcpu0.cr2);
}

/* Called by entry.S for everything that the hypervisor delivers. */
void dispatch(struct trap_frame *frame)
{
    bool with_error = frame->vector < 32 && (has_error_code >> frame->vector) & 1;
    bool from_user = (frame->cs & 3) == 3 || frame->vector == VECTOR_SYSCALL;

    entry_rsp = (uint64_t)&frame->vector - (with_error ? 8 : 0);
    mask_in_handler = vcpu0.evtchn_upcall_mask;
    iret_flags = 0;
    if (frame->vector == VECTOR_EVENT) {
        extern void upcall(struct trap_frame * frame);
        upcall(frame);
        return;
    }
    last_trap = *frame;
    trap_taken++;
    if (from_user) {
        if (!user_hook)
            unexpected(frame);
        if (user_hook(frame))
            leave_user();
    } else if (resume_rip) {
        frame->rip = resume_rip;
        frame->rflags &= ~0x100ul; /* no further single steps */
        resume_rip = 0;
    } else
        unexpected(frame);
    frame->cs &= 0xffff;
}

void init_traps(uint8_t flags)
{
    static struct trap_info table[34];
    for (int i = 0; i < 33; i++) {
        /* User code may use int3; the kernel (as privilege level 1) int 0x40, too. */
        uint8_t dpl = i == 3 ? 3 : i == 32 ? 1 : 0;
        table[i] = (struct trap_info){ .vector = i < 32 ? i : 0x40, .flags = flags | dpl, .cs = FLAT_CS64, .address = trap_entry(i) };
    }
    if (hypercall1(HYPERVISOR_set_trap_table, (uint64_t)table))
        error("set_trap_table failed");
}

void check_trap(const char *what, unsigned vector, uint64_t error_code, uint64_t rip)
{
    if (trap_taken != 1) {
        fail("%s: %lu traps, expected one", what, trap_taken);
        return;
    }
    if (last_trap.vector != vector || last_trap.error_code != error_code)
        fail("%s: trap %lu with error code %#lx, expected %u with %#lx", what, last_trap.vector, last_trap.error_code, vector, error_code);
    if (last_trap.rip != rip)
        fail("%s: rip is off by %ld", what, (int64_t)(last_trap.rip - rip));
    if ((last_trap.cs & 0xffff) != (FLAT_CS64 & ~3))
        fail("%s: cs is %#lx, expected %#x (the kernel's, with RPL 0)", what, last_trap.cs & 0xffff, FLAT_CS64 & ~3);
    if ((last_trap.ss & 0xffff) != FLAT_SS64)
        fail("%s: ss is %#lx, expected %#x", what, last_trap.ss, FLAT_SS64);
}

/* --- User mode --- */

static char kernel_stack[8192] __attribute__((aligned(4096)));
static char user_stack[8192] __attribute__((aligned(4096)));
uint64_t user_root_mfn;
uint64_t kernel_stack_top = (uint64_t)kernel_stack + sizeof kernel_stack;
uint64_t user_stack_top = (uint64_t)user_stack + sizeof user_stack;

void init_user(void)
{
    uint64_t *root = alloc_page();
    volatile uint64_t *kernel_root = (uint64_t *)start_info->pt_base;
    for (unsigned i = 0; i < 512; i++)
        root[i] = i >= 256 && i < 272 ? 0 : kernel_root[i];
    if (update_va_mapping(root, pte_of(va_to_mfn(root), RO)))
        error("cannot make a page read-only");
    user_root_mfn = va_to_mfn(root);
    if (mmuext_op(MMUEXT_PIN_L4_TABLE, va_to_mfn(root)))
        error("cannot pin a root for user mode");
    if (mmuext_op(MMUEXT_NEW_USER_BASEPTR, va_to_mfn(root)))
        error("cannot install a root for user mode");
    if (hypercall2(HYPERVISOR_stack_switch, FLAT_SS64, kernel_stack_top))
        error("stack_switch failed");
    if (callback_register(CALLBACKTYPE_syscall, 0, syscall_entry))
        error("cannot register the system-call callback");
}

/* --- Start --- */

struct initial_state initial_state __attribute__((section(".data")));
struct start_info *start_info __attribute__((section(".data")));
volatile union shared_page shared_page __attribute__((aligned(4096)));

void guest_main(void)
{
    init_traps(0);
    if (update_va_mapping(&shared_page, pte_of(start_info->shared_info >> PAGE_SHIFT, RW)))
        error("cannot map the shared_info page");
    test_main();
    finish_test();
}
