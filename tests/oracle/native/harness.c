/*
 * Executes single instructions on the real processor.
 *
 * Reads cases (a complete user-level processor state, the instruction's bytes and
 * up to two pieces of data memory) from stdin, executes one instruction each, and
 * writes the resulting states to stdout. Both formats are described in ../record.ts.
 *
 * All work is done in one signal handler, which never returns. It loads a case's
 * state and enters it with IRETQ (which works at CPL 3, and loads all of RFLAGS).
 * Behind the instruction stands an INT3; an instruction that may branch is executed
 * with TF set instead. Whatever then comes first, #BP, #DB or the instruction's own
 * fault, makes the kernel put the complete state into a signal frame at the top of
 * the alternate stack, over the old one, and call the handler again. So a case costs
 * one exception and no system call.
 *
 * #BP is preferred to #DB: a kernel reads and writes debug registers for the latter,
 * which in a virtual machine costs several exits. Besides, REP runs at full speed and
 * PUSHF does not see a TF that the tested state does not have.
 *
 * The handler may run with any FS and GS base and with null segments, so nothing
 * on its path may use thread-local storage (errno, stack protector, lazy binding).
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096u

/* The address map; ../record.ts has the same numbers. */
#define CODE_BASE 0x10000000ul /* two pages, executable; neighbours unmapped */
#define CODE_SIZE (2 * PAGE)
#define DATA_BASE 0x20000000ul /* two pages read-write, one read-only; neighbours unmapped */
#define DATA_SIZE (2 * PAGE)
#define RO_SIZE PAGE

#define PATCH_SIZE 64
#define FX_SIZE 416 /* the part of an FXSAVE image that has a meaning */
#define MAX_CHANGES 256

/* Flag: executed with TF set; where nothing can stand behind the instruction, or it may not go there. */
#define CASE_SINGLE_STEP 1

struct test_case {
    uint64_t rip;
    uint8_t length;
    uint8_t code[15];
    uint64_t rflags;
    uint64_t fs_base, gs_base;
    uint64_t gpr[16];
    struct {
        uint64_t address; /* 0 = none */
        uint8_t data[PATCH_SIZE];
    } patch[2];
    uint8_t fx[FX_SIZE];
    uint32_t flags;
    uint32_t reserved;
};

struct result {
    uint32_t vector; /* 1 = executed */
    uint32_t error_code;
    uint64_t cr2;
    uint64_t rip;
    uint64_t rflags;
    uint64_t fs_base, gs_base;
    uint64_t gpr[16];
    uint16_t cs, ss, ds, es, fs, gs;
    uint16_t changes;
    uint16_t reserved;
    uint8_t fx[FX_SIZE];
    /* then `changes` times { u64 address, u64 value } */
};

_Static_assert(sizeof(struct test_case) == 744, "format of a case");
_Static_assert(sizeof(struct result) == 608, "format of a result");

static uint64_t background[(DATA_SIZE + RO_SIZE) / 8];
static uint64_t expected[DATA_SIZE / 8];

static struct test_case *cases;
static size_t case_count, case_index;
static int started;
static uint8_t *output;
static size_t output_used;
#define OUTPUT_SIZE (4u << 20)

#define FLAG_TF 0x100ul

/* What enter_case loads; offsets are used in the assembly below. */
static struct {
    uint64_t gpr[16];
    uint64_t iret_frame[5]; /* rip, cs, rflags, rsp, ss */
    uint64_t pad;
    uint8_t fx[512] __attribute__((aligned(16)));
} __attribute__((aligned(64))) entry_state __attribute__((used));
_Noreturn void enter_case(void);

static long raw_syscall(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static void flush_output(void)
{
    size_t done = 0;
    while (done < output_used) {
        long n = raw_syscall(SYS_write, 1, (long)(output + done), (long)(output_used - done));
        if (n <= 0)
            raw_syscall(SYS_exit_group, 3, 0, 0);
        done += (size_t)n;
    }
    output_used = 0;
}

/* CR4.FSGSBASE is on wherever the harness runs: main() checks it. */
static uint64_t read_fs_base(void) { uint64_t v; __asm__ volatile("rdfsbase %0" : "=r"(v)); return v; }
static uint64_t read_gs_base(void) { uint64_t v; __asm__ volatile("rdgsbase %0" : "=r"(v)); return v; }
static void write_fs_base(uint64_t v) { __asm__ volatile("wrfsbase %0" ::"r"(v)); }
static void write_gs_base(uint64_t v) { __asm__ volatile("wrgsbase %0" ::"r"(v)); }

/* Order of general registers in a signal frame, by encoding number. */
static const int frame_gpr[16] = {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

static uint16_t user_cs, user_ss;

static _Noreturn void start_case(void)
{
    const struct test_case *c = &cases[case_index];
    int step = c->flags & CASE_SINGLE_STEP;

    for (int i = 0; i < 2; i++) {
        if (c->patch[i].address) {
            memcpy((void *)c->patch[i].address, c->patch[i].data, PATCH_SIZE);
            memcpy((uint8_t *)expected + (c->patch[i].address - DATA_BASE), c->patch[i].data, PATCH_SIZE);
        }
    }
    memcpy((void *)c->rip, c->code, c->length);
    if (!step)
        *(uint8_t *)(c->rip + c->length) = 0xcc;
    memcpy(entry_state.gpr, c->gpr, sizeof c->gpr);
    entry_state.iret_frame[0] = c->rip;
    entry_state.iret_frame[1] = user_cs;
    entry_state.iret_frame[2] = c->rflags | (step ? FLAG_TF : 0);
    entry_state.iret_frame[3] = c->gpr[4];
    entry_state.iret_frame[4] = user_ss;
    memcpy(entry_state.fx, c->fx, FX_SIZE);
    write_fs_base(c->fs_base);
    write_gs_base(c->gs_base);
    enter_case();
}

static void finish_case(ucontext_t *uc, uint64_t fs_base, uint64_t gs_base, const uint16_t *segments)
{
    const struct test_case *c = &cases[case_index];
    greg_t *g = uc->uc_mcontext.gregs;

    if (OUTPUT_SIZE - output_used < sizeof(struct result) + MAX_CHANGES * 16)
        flush_output();
    struct result *r = (struct result *)(output + output_used);
    memset(r, 0, sizeof *r);
    r->vector = (uint32_t)g[REG_TRAPNO];
    r->error_code = (uint32_t)g[REG_ERR];
    r->cr2 = (uint64_t)g[REG_CR2];
    r->rip = (uint64_t)g[REG_RIP];
    if (!(c->flags & CASE_SINGLE_STEP) && r->vector == 3 && r->rip == c->rip + c->length + 1) {
        r->vector = 1; /* our INT3 */
        r->rip--;
    }
    r->rflags = (uint64_t)g[REG_EFL];
    r->fs_base = fs_base;
    r->gs_base = gs_base;
    for (int i = 0; i < 16; i++)
        r->gpr[i] = (uint64_t)g[frame_gpr[i]];
    r->cs = (uint16_t)g[REG_CSGSFS];
    r->ss = (uint16_t)(g[REG_CSGSFS] >> 48);
    r->ds = segments[0];
    r->es = segments[1];
    r->fs = segments[2];
    r->gs = segments[3];
    memcpy(r->fx, uc->uc_mcontext.fpregs, FX_SIZE);

    uint64_t *change = (uint64_t *)(r + 1);
    uint64_t *data = (uint64_t *)DATA_BASE;
    for (unsigned block = 0; block < DATA_SIZE / 8; block += 64) {
        if (!memcmp(data + block, expected + block, 512))
            continue;
        for (unsigned i = block; i < block + 64; i++) {
            if (data[i] == expected[i])
                continue;
            if (r->changes < MAX_CHANGES) {
                *change++ = DATA_BASE + 8 * i;
                *change++ = data[i];
                r->changes++;
            }
            data[i] = expected[i] = background[i];
        }
    }
    for (int i = 0; i < 2; i++) {
        if (c->patch[i].address) {
            uint64_t offset = c->patch[i].address - DATA_BASE;
            memcpy((uint8_t *)DATA_BASE + offset, (uint8_t *)background + offset, PATCH_SIZE);
            memcpy((uint8_t *)expected + offset, (uint8_t *)background + offset, PATCH_SIZE);
        }
    }
    output_used += sizeof *r + r->changes * 16u;
    case_index++;
}

void __attribute__((used)) on_signal(int number, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    uint64_t fs_base = read_fs_base(), gs_base = read_gs_base();
    uint16_t segments[4];
    (void)info;
    (void)number;

    __asm__ volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
                     : "=r"(segments[0]), "=r"(segments[1]), "=r"(segments[2]), "=r"(segments[3]));
    if (segments[0] | segments[1] | segments[2] | segments[3])
        __asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" ::"r"(0));

    if (started)
        finish_case(uc, fs_base, gs_base, segments);
    started = 1;
    if (case_index == case_count) {
        flush_output();
        raw_syscall(SYS_exit_group, 0, 0, 0);
    }
    start_case();
}

/* Flags are made sane before any C code runs: AC, NT and DF may be set. */
__asm__(".text\n"
        "signal_entry:\n"
        "    push $0x202\n"
        "    popfq\n"
        "    jmp on_signal\n"
        "enter_case:\n"
        "    lea entry_state(%rip), %rsp\n"
        "    fxrstor64 176(%rsp)\n"
        "    pop %rax\n    pop %rcx\n    pop %rdx\n    pop %rbx\n"
        "    pop %rbp\n" /* RSP is in the frame of IRETQ */
        "    pop %rbp\n    pop %rsi\n    pop %rdi\n"
        "    pop %r8\n    pop %r9\n    pop %r10\n    pop %r11\n"
        "    pop %r12\n    pop %r13\n    pop %r14\n    pop %r15\n"
        "    iretq\n");
void signal_entry(void);

struct kernel_sigaction {
    void (*handler)(void);
    unsigned long flags;
    void (*restorer)(void); /* the ABI wants one; never used, since the handler does not return */
    uint64_t mask;
};

static void *map_fixed(uint64_t address, size_t size, int protection)
{
    void *p = mmap((void *)address, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE, -1, 0);
    if (p != (void *)address) {
        perror("mmap");
        exit(2);
    }
    return p;
}

static void read_cases(void)
{
    size_t capacity = 1 << 20, used = 0;
    uint8_t *buffer = malloc(capacity);
    for (;;) {
        if (used == capacity)
            buffer = realloc(buffer, capacity *= 2);
        ssize_t n = read(0, buffer + used, capacity - used);
        if (n < 0) {
            perror("read");
            exit(2);
        }
        if (n == 0)
            break;
        used += (size_t)n;
    }
    cases = (struct test_case *)buffer;
    case_count = used / sizeof(struct test_case);
}

/* The background pattern of data memory: a linear congruential generator (see record.ts). */
static void fill_background(void)
{
    uint8_t *bytes = (uint8_t *)background;
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof background; i++) {
        x = x * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(x >> 24);
    }
    memcpy(expected, background, sizeof expected);
}

int main(void)
{
    if (!(getauxval(AT_HWCAP2) & 2)) {
        fprintf(stderr, "the kernel does not let user code use RDFSBASE\n");
        return 4;
    }
    read_cases();
    fill_background();
    output = malloc(OUTPUT_SIZE);
    __asm__("mov %%cs, %0; mov %%ss, %1" : "=r"(user_cs), "=r"(user_ss));

    map_fixed(CODE_BASE, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
    uint8_t *data = map_fixed(DATA_BASE, DATA_SIZE + RO_SIZE, PROT_READ | PROT_WRITE);
    memcpy(data, background, sizeof background);
    mprotect(data + DATA_SIZE, RO_SIZE, PROT_READ);

    stack_t alternate = { .ss_sp = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0),
                          .ss_size = 1 << 18 };
    sigaltstack(&alternate, NULL);
    struct kernel_sigaction action = {
        .handler = signal_entry,
        .flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | 0x04000000 /* SA_RESTORER */,
        .restorer = signal_entry,
    };
    static const int signals[] = { SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS };
    for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++)
        syscall(SYS_rt_sigaction, signals[i], &action, NULL, 8);

    raise(SIGTRAP); /* the handler never returns here */
    return 3;
}
