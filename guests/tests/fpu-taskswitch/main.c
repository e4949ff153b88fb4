#include "guest.h"

static uint64_t cr0_ts(void)
{
    uint64_t v;
    __asm__ volatile("mov %%cr0, %0" : "=r"(v));
    return (v >> 3) & 1;
}

void test_main(void)
{
    static const double one = 1.0;
    uint16_t control = 0;
    uint64_t value = 0;

    CHECK_EQUAL("TS at the start", cr0_ts(), 0);
    __asm__ volatile("fnstcw %0" : "=m"(control));
    CHECK_EQUAL("x87 control word at the start", control, 0x37f);
    uint32_t mxcsr;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    CHECK_EQUAL("MXCSR at the start", mxcsr, 0x1f80);
    __asm__ volatile("movq %0, %%xmm3" : : "r"(0x123456789abcdeful));

    CHECK_EQUAL("fpu_taskswitch(1)", hypercall1(HYPERVISOR_fpu_taskswitch, 1), 0);
    CHECK_EQUAL("TS after fpu_taskswitch(1)", cr0_ts(), 1);
    TRY("fldl %[one]", , IN([one] "m"(one)));
    check_trap("x87 instruction with TS set", 7, 0, try_rip);
    CHECK_EQUAL("TS in the handler and afterwards", cr0_ts(), 0);
    TRY("fldl %[one]\n fstp %%st(0)", , IN([one] "m"(one)));
    CHECK_EQUAL("traps of the second one", trap_taken, 0);

    hypercall1(HYPERVISOR_fpu_taskswitch, 1);
    TRY("movq %%xmm3, %[v]", OUT([v] "+r"(value)), );
    check_trap("SSE instruction with TS set", 7, 0, try_rip);
    __asm__ volatile("movq %%xmm3, %0" : "=r"(value));
    CHECK_EQUAL("xmm3", value, 0x123456789abcdeful);

    hypercall1(HYPERVISOR_fpu_taskswitch, 1);
    CHECK_EQUAL("fpu_taskswitch(0)", hypercall1(HYPERVISOR_fpu_taskswitch, 0), 0);
    TRY("movq %%xmm3, %[v]", OUT([v] "+r"(value)), );
    CHECK_EQUAL("traps after fpu_taskswitch(0)", trap_taken, 0);

    hypercall1(HYPERVISOR_fpu_taskswitch, 1);
    TRY("clts", , );
    CHECK_EQUAL("traps of clts", trap_taken, 0);
    TRY("fnop", , );
    CHECK_EQUAL("traps after clts", trap_taken, 0);
}
