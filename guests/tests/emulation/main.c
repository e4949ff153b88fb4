#include "guest.h"

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

/* CPUID with the prefix that always traps: ud2; .ascii "xen". */
static struct cpuid xen_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;
    __asm__ volatile("ud2; .ascii \"xen\"; cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

static void check_cpuid(void)
{
    struct cpuid r = xen_cpuid(0x40000000, 0);
    CHECK(r.eax >= 0x40000002 && r.ebx == 0x566e6558 && r.ecx == 0x65584d4d && r.edx == 0x4d4d566e, "no Xen signature at 0x40000000");
    r = xen_cpuid(0x40000001, 0);
    CHECK(r.eax >> 16 >= 3, "no version at 0x40000001");
    CHECK_EQUAL("version there", r.eax, xen_version(XENVER_version, NULL));
    r = xen_cpuid(1, 0);
    CHECK((r.edx & (1 << 6)) && (r.edx & (1 << 24)) && (r.edx & (1 << 26)), "no PAE, FXSR or SSE2");
    CHECK(!(r.edx & (1 << 3)), "PSE is offered");
    CHECK(r.ecx & (1u << 31), "the hypervisor bit is not set");
    r = xen_cpuid(0x80000001, 0);
    CHECK((r.edx & (1 << 29)) && (r.edx & (1 << 11)), "no long mode or SYSCALL");
    TRY("ud2; .ascii \"xem\"; cpuid", , IN("a"(0), "c"(0)));
    check_trap("ud2 with another prefix", 6, 0, try_rip);
}

static uint64_t read_cr0(void)
{
    uint64_t v;
    __asm__ volatile("mov %%cr0, %0" : "=r"(v));
    return v;
}

static void check_control_registers(void)
{
    uint64_t cr0 = read_cr0(), cr4;
    CHECK_EQUAL("PG, WP and PE in cr0", cr0 & 0x80010001, 0x80010001);
    TRY("mov %[v], %%cr0", , IN([v] "r"(cr0 | 8)));
    CHECK_EQUAL("traps of setting TS", trap_taken, 0);
    CHECK_EQUAL("TS", read_cr0() & 8, 8);
    TRY("clts", , );
    CHECK_EQUAL("traps of clts", trap_taken, 0);
    CHECK_EQUAL("TS after clts", read_cr0() & 8, 0);
    TRY("mov %[v], %%cr0", , IN([v] "r"(cr0 & ~0x10000ul)));
    check_trap("clearing WP", 13, 0, try_rip);

    TRY("mov %%cr4, %[v]", OUT([v] "=&r"(cr4)), );
    CHECK_EQUAL("traps of reading cr4", trap_taken, 0);
    CHECK(cr4 & 0x20, "no PAE in cr4");
    TRY("mov %[v], %%cr4", , IN([v] "r"(cr4 ^ 0x10)));
    CHECK_EQUAL("traps of changing PSE in cr4", trap_taken, 0);
    TRY("mov %[v], %%cr2", , IN([v] "r"(0x1234000ul)));
    CHECK_EQUAL("traps of setting cr2", trap_taken, 0);
    CHECK_EQUAL("cr2", vcpu0.cr2, 0x1234000);
}

static bool read_msr(uint32_t msr, uint64_t *value)
{
    uint32_t low, high;
    bool trapped = TRY("rdmsr", OUT("=a"(low), "=d"(high)), IN("c"(msr)));
    *value = ((uint64_t)high << 32) | low;
    return !trapped;
}

static void check_msrs(void)
{
    uint64_t value;
    CHECK(read_msr(0xc0000080, &value), "EFER cannot be read");
    CHECK_EQUAL("SCE, LME, LMA in EFER", value & 0x501, 0x501);
    CHECK(read_msr(0xc0000100, &value), "FS_BASE cannot be read");
    TRY("wrmsr", , IN("c"(0xc0000100), "a"(0x12345000), "d"(0)));
    CHECK_EQUAL("traps of writing FS_BASE", trap_taken, 0);
    read_msr(0xc0000100, &value);
    CHECK_EQUAL("FS_BASE", value, 0x12345000);
    TRY("wrmsr", , IN("c"(0xc0000100), "a"(0), "d"(0x8000)));
    check_trap("a non-canonical FS_BASE", 13, 0, try_rip);
    TRY("wrmsr", , IN("c"(0xc0000100), "a"(0), "d"(0)));
    CHECK(read_msr(0xc0000102, &value), "KERNEL_GS_BASE cannot be read");
    CHECK(read_msr(0x277, &value), "PAT cannot be read");
    CHECK_EQUAL("PAT", value, 0x050100070406ul);
    CHECK(!read_msr(0x12345678, &value), "an MSR that is not there can be read");
    check_trap("an MSR that is not there", 13, 0, try_rip);
    TRY("wrmsr", , IN("c"(0x277), "a"(0), "d"(0)));
    check_trap("writing PAT", 13, 0, try_rip);
}

static void check_io(void)
{
    uint32_t value = 0;
    TRY("inb $0x80, %%al", OUT("+a"(value)), );
    check_trap("in without I/O privilege", 13, 0, try_rip);
    TRY("cli", , );
    check_trap("cli without I/O privilege", 13, 0, try_rip);

    CHECK_EQUAL("set_iopl(4)", set_iopl(4), -EINVAL);
    CHECK_EQUAL("set_iopl(1)", set_iopl(1), 0);
    TRY("inb %%dx, %%al", OUT("+a"(value)), IN("d"(0x3f8)));
    CHECK_EQUAL("traps of in with I/O privilege", trap_taken, 0);
    CHECK_EQUAL("what an absent port reads", value & 0xff, 0xff);
    value = 0;
    TRY("inl %%dx, %%eax", OUT("+a"(value)), IN("d"(0x1000)));
    CHECK_EQUAL("what an absent 32-bit port reads", value, 0xffffffff);
    TRY("outb %%al, $0x80", , IN("a"(0)));
    CHECK_EQUAL("traps of out with I/O privilege", trap_taken, 0);

    uint8_t mask = vcpu0.evtchn_upcall_mask;
    TRY("sti", , );
    CHECK_EQUAL("traps of sti with I/O privilege", trap_taken, 0);
    CHECK_EQUAL("event mask after sti", vcpu0.evtchn_upcall_mask, mask);
    TRY("cli", , );
    CHECK_EQUAL("traps of cli with I/O privilege", trap_taken, 0);
    uint64_t rflags;
    __asm__ volatile("pushfq; pop %0" : "=r"(rflags));
    CHECK_EQUAL("the real IF after cli", rflags & 0x200, 0x200);
    CHECK_EQUAL("set_iopl(0)", set_iopl(0), 0);
    TRY("cli", , );
    check_trap("cli after set_iopl(0)", 13, 0, try_rip);
}

static void check_refused(void)
{
    char descriptor[16] = { 0 };
    TRY("lgdt %[d]", , IN([d] "m"(descriptor)));
    check_trap("lgdt", 13, 0, try_rip);
    TRY("lidt %[d]", , IN([d] "m"(descriptor)));
    check_trap("lidt", 13, 0, try_rip);
    TRY("ltr %w[s]", , IN([s] "r"(0)));
    check_trap("ltr", 13, 0, try_rip);
    TRY("invlpg %[d]", , IN([d] "m"(descriptor)));
    check_trap("invlpg", 13, 0, try_rip);
    TRY("swapgs", , );
    check_trap("swapgs", 13, 0, try_rip);
    TRY("hlt", , );
    check_trap("hlt", 13, 0, try_rip);
    TRY("invd", , );
    check_trap("invd", 13, 0, try_rip);
    TRY("wbinvd", , );
    CHECK_EQUAL("traps of wbinvd", trap_taken, 0);
}

void test_main(void)
{
    check_cpuid();
    check_control_registers();
    check_msrs();
    check_io();
    check_refused();
}
