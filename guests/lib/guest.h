/* What the common code offers to a test. */
#ifndef GUEST_H
#define GUEST_H

#include "hypercall.h"

/* --- Results ----------------------------------------------------------------------------- */

/* A test is this function. When it returns, the result is SUCCESS, or FAILURE if a check failed. */
void test_main(void);

void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints "FAIL: ..." and goes on. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/*
 * An attack reports what came of each attempt: the hypervisor's answer, or the trap that ended it. The text is
 * compared with what the same guest says on Xen.
 */
void outcome(const char *attempt, long result);
void trap_outcome(const char *attempt);
/* Ends the test: SKIP (this hypervisor may lack the feature), ERROR (the test itself cannot work). */
_Noreturn void skip(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Announces that the hypervisor must now crash this domain. */
void expect_crash(void);

#define CHECK(condition, ...)  \
    do {                       \
        if (!(condition))      \
            fail(__VA_ARGS__); \
    } while (0)
#define CHECK_EQUAL(what, value, wanted) check_equal(what, (uint64_t)(value), (uint64_t)(wanted))
void check_equal(const char *what, uint64_t value, uint64_t wanted);

/* --- Start of day ------------------------------------------------------------------------ */

/* Registers as they were at the entry point. */
extern struct initial_state {
    uint64_t gpr[16]; /* by encoding number */
    uint64_t rflags;
    uint16_t cs, ss, ds, es, fs, gs;
} initial_state;
extern struct start_info *start_info;
/* Mapped before test_main() runs. */
extern volatile union shared_page {
    struct shared_info info;
    char page[PAGE_SIZE];
} shared_page;
#define shared (shared_page.info)
#define vcpu0 (shared.vcpu_info[0])

/* --- Memory ------------------------------------------------------------------------------ */

#define VIRT_BASE 0xffffffff80000000ul
/* The boot region is a linear map of the first frames. */
static inline uint64_t va_to_pfn(const volatile void *va) { return ((uint64_t)va - VIRT_BASE) >> PAGE_SHIFT; }
static inline void *pfn_to_va(uint64_t pfn) { return (void *)(VIRT_BASE + (pfn << PAGE_SHIFT)); }
static inline uint64_t pfn_to_mfn(uint64_t pfn) { return ((uint64_t *)start_info->mfn_list)[pfn]; }
static inline uint64_t va_to_mfn(const volatile void *va) { return pfn_to_mfn(va_to_pfn(va)); }
static inline void *mfn_to_va(uint64_t mfn) { return pfn_to_va(MACH2PHYS[mfn]); }
static inline uint64_t pte_of(uint64_t mfn, uint64_t flags) { return (mfn << PAGE_SHIFT) | flags; }
#define RW (PTE_P | PTE_RW | PTE_U | PTE_A | PTE_D)
#define RO (PTE_P | PTE_U | PTE_A)

/* The table of `level` (4 = root) that is used for `va`, or NULL. */
volatile uint64_t *table_for(const volatile void *va, int level);
/* Its entry for `va`: as memory, and as a machine address. */
volatile uint64_t *entry_for(const volatile void *va, int level);
uint64_t entry_maddr(const volatile void *va, int level);
/* A page of zeroes, mapped read-write. There are nearly two hundred. */
void *alloc_page(void);
void *memset(void *to, int value, size_t size);
void *memcpy(void *to, const void *from, size_t size);

/* --- Traps ------------------------------------------------------------------------------- */

/* The state that a trap interrupted. From `error_code` on (where there is one) as the hypervisor has pushed it. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, rbp, rbx, r10, r9, r8, rax, rdx, rsi, rdi;
    uint64_t rcx, r11; /* as popped from the hypervisor's frame */
    uint64_t vector;
    uint64_t error_code;
    uint64_t rip, cs, rflags, rsp, ss;
};
#define VECTOR_EVENT 256
#define VECTOR_SYSCALL 257

/* Registers handlers for all 32 exceptions with these flags, and for `int 0x40` (see traps.c). */
void init_traps(uint8_t flags);
/* Entry points for trap_info. */
extern char trap_entries[33][16];
#define trap_entry(n) ((uint64_t)trap_entries[n])
void event_entry(void);
void syscall_entry(void);

/* The last trap taken inside TRY. */
extern struct trap_frame last_trap;
extern volatile uint64_t trap_taken; /* how many */
extern uint64_t entry_rsp;               /* RSP at the first instruction of its handler */
extern volatile uint8_t mask_in_handler; /* evtchn_upcall_mask then */
extern volatile uint64_t resume_rip;

/*
 * Executes an instruction that may trap. A trap is recorded in last_trap, and execution goes on behind the
 * instruction. Returns whether it trapped; try_rip and try_next are the addresses of the instruction and of
 * what follows. Operands are named ones: TRY("mov (%[p]), %[v]", OUT([v] "=&r"(v)), IN([p] "r"(p))).
 */
#define OUT(...) , __VA_ARGS__
#define IN(...) __VA_ARGS__
#define TRY(instruction, outputs, inputs)                                              \
    ({                                                                                 \
        uint64_t rip_, next_;                                                          \
        trap_taken = 0;                                                                \
        __asm__ volatile("lea 0f(%%rip), %[rip_]\n"                                    \
                         "lea 1f(%%rip), %[next_]\n"                                   \
                         "mov %[next_], resume_rip(%%rip)\n"                           \
                         "0: " instruction "\n"                                        \
                         "1: movq $0, resume_rip(%%rip)"                               \
                         : [rip_] "=&r"(rip_), [next_] "=&r"(next_) outputs            \
                         : inputs                                                      \
                         : "memory", "cc");                                            \
        try_rip = rip_;                                                                \
        try_next = next_;                                                              \
        trap_taken != 0;                                                               \
    })
extern uint64_t try_rip, try_next;

/* The usual expectations of an exception in the kernel: vector, error code, RIP, CS. */
void check_trap(const char *what, unsigned vector, uint64_t error_code, uint64_t rip);

/* --- Events and time --------------------------------------------------------------------- */

/* Number of upcalls, and the ports that were found pending (and cleared) by the last one. */
extern volatile unsigned upcalls;
extern volatile uint64_t upcall_ports;
extern struct trap_frame upcall_frame;
void init_events(void);
/* evtchn_upcall_mask := 0, and delivery of what is pending. */
void enable_events(void);
void disable_events(void);
static inline bool port_pending(uint32_t port) { return (shared.evtchn_pending[port / 64] >> (port % 64)) & 1; }
void clear_port(uint32_t port);
void mask_port(uint32_t port, bool masked);
uint64_t system_time(void);
uint16_t own_domid(void);

/* Sleeps for a time, or until a port is raised (it is left pending; 0: none). Events must be masked. */
void sleep_ns(uint64_t ns);
void wait_port(uint32_t port, uint64_t ns);

/* --- Grants (version 1) ------------------------------------------------------------------ */

/* Maps the first frame of the table; done by the first grant() if need be. */
extern volatile struct grant_entry_v1 *grant_table;
void init_grants(void);
/* Grants a page to a domain, by the next free reference, or by that which is given. */
uint32_t grant(uint16_t domid, const volatile void *page, uint16_t flags);
void grant_at(uint32_t ref, uint16_t domid, const volatile void *page, uint16_t flags);
/* Maps a grant over the page at `window`, and takes it away again. Both return the status. */
int map_grant(uint16_t domid, uint32_t ref, volatile void *window, uint32_t flags, uint32_t *handle);
int unmap_grant(volatile void *window, uint32_t handle);

/* --- xenstore ---------------------------------------------------------------------------- */

/*
 * Sends one request and waits for its reply, which `reply` then holds, ended with a zero. Returns its length, or -1
 * with the name of the error in `reply`, or -2 if there is none within a second.
 */
long xenstore_request(uint32_t type, uint32_t transaction, const void *payload, uint32_t length, char *reply, uint32_t room);
/* With strings: each is sent with its zero. For XS_WRITE the value is sent without one. */
long xenstore(uint32_t type, uint32_t transaction, const char *first, const char *second, char *reply, uint32_t room);
/* A value as a decimal number, or -1. */
long xenstore_read_number(const char *path);
/* Watch events that have arrived. */
extern unsigned xenstore_events;
volatile struct xenstore_domain_interface *xenstore_ring(void);

/* --- Text -------------------------------------------------------------------------------- */

size_t strlen(const char *text);
bool equal(const char *a, const char *b);
/* Like print(), into a buffer; returns it. */
char *format(char *to, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The number behind "name=" on the command line, or `otherwise`. */
long option(const char *name, long otherwise);

/* --- User mode --------------------------------------------------------------------------- */

/*
 * Runs `code` in user mode (on its own stack, events as `rflags` says) until a trap or system call that
 * `user_hook` answers with true; returns then. The frame is left in last_trap.
 */
void run_user(void (*code)(void), uint64_t iret_flags, uint64_t rflags);
extern bool (*user_hook)(struct trap_frame *frame);
/* Makes a root for user mode (a copy of the kernel's) and a stack for entries from there. */
void init_user(void);
extern uint64_t kernel_stack_top, user_stack_top, user_root_mfn;

#endif
