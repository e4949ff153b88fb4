/*
 * Executes x87 instructions for the test: records on stdin, results on stdout.
 * Each is given as machine code whose memory operand, if any, is [rdi]. The size of the memory
 * operand's buffer is the argument.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MEMORY_MAX 512

struct request {
    uint8_t length, code[7];
    uint32_t eflags;
    uint8_t state[108]; /* FNSAVE image */
};
struct reply {
    uint32_t fault, eflags, eax;
    uint8_t state[108];
};

static sigjmp_buf recover;

static void on_fpe(int sig)
{
    (void)sig;
    siglongjmp(recover, 1);
}

/* frstor [rsi]; push rcx; popfq */
static const uint8_t before[] = { 0xdd, 0x26, 0x51, 0x9d };
/* pushfq; fnsave [rdx]; pop rcx; mov [r8], rcx; ret */
static const uint8_t behind[] = { 0x9c, 0xdd, 0x32, 0x59, 0x49, 0x89, 0x08, 0xc3 };

int main(int argc, char **argv)
{
    static struct request q;
    static struct reply r;
    static uint8_t memory[MEMORY_MAX] __attribute__((aligned(64)));
    size_t size = argc > 1 ? strtoul(argv[1], 0, 0) : 32;
    uint8_t *page = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction action = { .sa_handler = on_fpe, .sa_flags = SA_NODEFER };

    if (page == MAP_FAILED || size > MEMORY_MAX)
        return 2;
    sigaction(SIGFPE, &action, 0);
    memcpy(page, before, sizeof before);
    while (fread(&q, sizeof q, 1, stdin) == 1 && fread(memory, size, 1, stdin) == 1) {
        memset(&r, 0, sizeof r);
        memcpy(page + sizeof before, q.code, q.length);
        memcpy(page + sizeof before + q.length, behind, sizeof behind);
        if (sigsetjmp(recover, 0) == 0) {
            register uint64_t flags asm("rcx") = q.eflags;
            register uint64_t *flags_out asm("r8") = &(uint64_t){ 0 };
            uint64_t rax = 0;
            asm volatile("call *%[page]"
                : "+a"(rax), "+c"(flags)
                : [page] "r"(page), "S"(q.state), "D"(memory), "d"(r.state), "r"(flags_out)
                : "cc", "memory", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)",
                  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                  "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
            r.eflags = *flags_out;
            r.eax = rax;
        } else {
            asm volatile("fninit");
            r.fault = 1;
        }
        fwrite(&r, sizeof r, 1, stdout);
        fwrite(memory, size, 1, stdout);
    }
    return 0;
}
