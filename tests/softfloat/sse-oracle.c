/*
 * Executes SSE instructions for the test: records on stdin, results on stdout.
 * Operation numbers come from the generated header (-include): OP_addps etc.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <immintrin.h>

struct request { uint32_t op, mxcsr; uint8_t a[16], b[16]; };
struct reply { uint32_t mxcsr, fault; uint8_t out[16]; };

static sigjmp_buf recover;
static volatile uint32_t fault_mxcsr;

static void on_fpe(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    (void)sig; (void)info;
    fault_mxcsr = uc->uc_mcontext.fpregs->mxcsr;
    siglongjmp(recover, 1);
}

static const uint32_t mxcsr_default = 0x1f80;

#define AROUND(insn) "ldmxcsr %[m]\n\t" insn "\n\tstmxcsr %[n]\n\tldmxcsr %[z]"
#define IO [m] "m"(q->mxcsr), [z] "m"(mxcsr_default)

#define XMM(name) case OP_##name: \
    asm volatile(AROUND(#name " %[b], %[d]") : [d] "+x"(d), [n] "=m"(r->mxcsr) : [b] "x"(b), IO); break;
#define XMM_IMM1(name, i) case OP_##name | (i) << 8: \
    asm volatile(AROUND(#name " $" #i ", %[b], %[d]") : [d] "+x"(d), [n] "=m"(r->mxcsr) : [b] "x"(b), IO); break;
#define XMM_IMM8(name) XMM_IMM1(name, 0) XMM_IMM1(name, 1) XMM_IMM1(name, 2) XMM_IMM1(name, 3) \
    XMM_IMM1(name, 4) XMM_IMM1(name, 5) XMM_IMM1(name, 6) XMM_IMM1(name, 7)
#define XMM_IMM16(name) XMM_IMM8(name) XMM_IMM1(name, 8) XMM_IMM1(name, 9) XMM_IMM1(name, 10) XMM_IMM1(name, 11) \
    XMM_IMM1(name, 12) XMM_IMM1(name, 13) XMM_IMM1(name, 14) XMM_IMM1(name, 15)
#define LANES(base) XMM(base##ps) XMM(base##pd) XMM(base##ss) XMM(base##sd)
#define FLAGS(name) case OP_##name: \
    asm volatile("ldmxcsr %[m]\n\t" #name " %[b], %[d]\n\tpushfq\n\tpopq %[f]\n\tstmxcsr %[n]\n\tldmxcsr %[z]" \
        : [f] "=r"(f), [n] "=m"(r->mxcsr) : [d] "x"(d), [b] "x"(b), IO : "cc"); \
    f &= 0x8d5; memcpy(&d, &f, 4); break;
#define FROM_GPR(name, op, suffix, type) case OP_##op: { type v; memcpy(&v, q->b, sizeof v); \
    asm volatile(AROUND(#name " %[v], %[d]") : [d] "+x"(d), [n] "=m"(r->mxcsr) : [v] "r"(v), IO); break; }
#define TO_GPR(name, op, type) case OP_##op: { type v; \
    asm volatile(AROUND(#name " %[b], %[v]") : [v] "=r"(v), [n] "=m"(r->mxcsr) : [b] "x"(b), IO); \
    memcpy(&d, &v, sizeof v); break; }
#define FROM_MMX(name) case OP_##name: { __m64 v; memcpy(&v, q->b, 8); \
    asm volatile(AROUND(#name " %[v], %[d]") : [d] "+x"(d), [n] "=m"(r->mxcsr) : [v] "y"(v), IO); _mm_empty(); break; }
#define TO_MMX(name) case OP_##name: { __m64 v; uint64_t w; \
    asm volatile(AROUND(#name " %[b], %[v]") : [v] "=y"(v), [n] "=m"(r->mxcsr) : [b] "x"(b), IO); \
    asm volatile("movq %1, %0" : "=r"(w) : "y"(v)); _mm_empty(); memcpy(&d, &w, 8); break; }

__attribute__((noinline)) static void execute(const struct request *q, struct reply *r)
{
    __m128 d, b;
    uint64_t f = 0;
    memcpy(&d, q->a, 16);
    memcpy(&b, q->b, 16);
    switch (q->op) {
    LANES(add) LANES(sub) LANES(mul) LANES(div) LANES(min) LANES(max) LANES(sqrt)
    XMM_IMM8(cmpps) XMM_IMM8(cmppd) XMM_IMM8(cmpss) XMM_IMM8(cmpsd)
    XMM_IMM16(roundps) XMM_IMM16(roundpd) XMM_IMM16(roundss) XMM_IMM16(roundsd)
    XMM(addsubps) XMM(addsubpd) XMM(haddps) XMM(haddpd) XMM(hsubps) XMM(hsubpd)
    FLAGS(comiss) FLAGS(comisd) FLAGS(ucomiss) FLAGS(ucomisd)
    XMM(cvtss2sd) XMM(cvtsd2ss) XMM(cvtps2pd) XMM(cvtpd2ps)
    FROM_GPR(cvtsi2ssl, cvtsi2ss32, , int32_t) FROM_GPR(cvtsi2sdl, cvtsi2sd32, , int32_t)
    FROM_GPR(cvtsi2ssq, cvtsi2ss64, , int64_t) FROM_GPR(cvtsi2sdq, cvtsi2sd64, , int64_t)
    TO_GPR(cvtss2si, cvtss2si32, int32_t) TO_GPR(cvtsd2si, cvtsd2si32, int32_t)
    TO_GPR(cvtss2si, cvtss2si64, int64_t) TO_GPR(cvtsd2si, cvtsd2si64, int64_t)
    TO_GPR(cvttss2si, cvttss2si32, int32_t) TO_GPR(cvttsd2si, cvttsd2si32, int32_t)
    TO_GPR(cvttss2si, cvttss2si64, int64_t) TO_GPR(cvttsd2si, cvttsd2si64, int64_t)
    XMM(cvtdq2ps) XMM(cvtdq2pd) FROM_MMX(cvtpi2ps) FROM_MMX(cvtpi2pd)
    XMM(cvtps2dq) XMM(cvtpd2dq) TO_MMX(cvtps2pi) TO_MMX(cvtpd2pi)
    XMM(cvttps2dq) XMM(cvttpd2dq) TO_MMX(cvttps2pi) TO_MMX(cvttpd2pi)
    XMM(rcpps) XMM(rcpss) XMM(rsqrtps) XMM(rsqrtss)
    default: fprintf(stderr, "unknown operation %u\n", q->op); _Exit(2);
    }
    memcpy(r->out, &d, 16);
}

int main(void)
{
    static struct request q;
    static struct reply r;
    struct sigaction action = { .sa_sigaction = on_fpe, .sa_flags = SA_SIGINFO | SA_NODEFER };
    sigaction(SIGFPE, &action, 0);
    while (fread(&q, sizeof q, 1, stdin) == 1) {
        memset(&r, 0, sizeof r);
        if (sigsetjmp(recover, 0) == 0) {
            execute(&q, &r);
        } else {
            asm volatile("ldmxcsr %0" : : "m"(mxcsr_default));
            _mm_empty();
            r.fault = 1;
            r.mxcsr = fault_mxcsr;
            memcpy(r.out, q.a, 16);
        }
        fwrite(&r, sizeof r, 1, stdout);
    }
    return 0;
}
