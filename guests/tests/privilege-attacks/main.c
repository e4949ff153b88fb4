#include "guest.h"

#define VMASST_TYPE_architectural_iopl 4

/* Instructions of a guest kernel that reach for the machine. */
#define ATTEMPT(what, instruction, inputs...)           \
    do {                                                \
        TRY(instruction, , IN(inputs));                 \
        trap_outcome(what);                             \
    } while (0)

/* IRETQ by a frame for ring 0. */
void try_iretq(void);
__asm__(".text\n"
        "try_iretq: mov %rsp, iretq_rsp(%rip); lea 1f(%rip), %rax; mov %rax, resume_rip(%rip)\n"
        "    push $0x10; push iretq_rsp(%rip); pushf; push $0x8; push %rax; iretq\n"
        "1:  mov iretq_rsp(%rip), %rsp; movq $0, resume_rip(%rip); ret\n"
        ".bss; .align 8; iretq_rsp: .quad 0; .text\n");

static void write_msr(const char *what, uint32_t msr, uint64_t value)
{
    ATTEMPT(what, "wrmsr", "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static void instructions(void)
{
    uint64_t zero[2] = { 0, 0 };
    ATTEMPT("HLT", "hlt", );
    ATTEMPT("MOV to CR0 without paging", "mov %[v], %%cr0", [v] "r"(0x33ul));
    ATTEMPT("MOV to CR0 without write protection", "mov %[v], %%cr0", [v] "r"(0x8005003bul & ~0x10000ul));
    ATTEMPT("MOV to CR3 of a frame of the hypervisor", "mov %[v], %%cr3", [v] "r"(0x1000ul));
    ATTEMPT("MOV to CR8", "mov %[v], %%cr8", [v] "r"(0ul));
    ATTEMPT("LMSW", "lmsw %w[v]", [v] "r"(0));
    ATTEMPT("SWAPGS", "swapgs", );
    ATTEMPT("SYSRET", "sysretq", "c"(0), "a"(0));
    ATTEMPT("INVLPG", "invlpg (%[p])", [p] "r"(zero));
    ATTEMPT("XSETBV", "xsetbv", "c"(0), "a"(1), "d"(0));
    ATTEMPT("LGDT", "lgdt (%[p])", [p] "r"(zero));
    ATTEMPT("LIDT", "lidt (%[p])", [p] "r"(zero));
    ATTEMPT("LTR", "ltr %w[v]", [v] "r"(0));
    ATTEMPT("VMCALL", "vmcall", );
    trap_taken = 0;
    try_iretq();
    trap_outcome("IRETQ to ring 0");
}

static void registers(void)
{
    write_msr("EFER without long mode", 0xc0000080, 0);
    write_msr("LSTAR", 0xc0000082, 0x1000);
    write_msr("STAR", 0xc0000081, 0);
    write_msr("SYSENTER_EIP", 0x176, 0x1000);
    write_msr("APIC base", 0x1b, 0);
    write_msr("DEBUGCTL", 0x1d9, 1);
    write_msr("PAT", 0x277, 0);
}

static void ports(void)
{
    ATTEMPT("OUT, IOPL 0", "outb %%al, $0x80", "a"(0));
    ATTEMPT("INS to the hypervisor's memory", "insb", "d"(0x80), "D"(0xffff830000000000ul));
    ATTEMPT("OUTS from the hypervisor's memory", "outsb", "d"(0x80), "S"(0xffff830000000000ul));
    outcome("IOPL 1", set_iopl(1));
    ATTEMPT("INS to the hypervisor's memory, IOPL 1", "insb", "d"(0x80), "D"(0xffff830000000000ul));
    ATTEMPT("OUTS from the hypervisor's memory, IOPL 1", "outsb", "d"(0x80), "S"(0xffff830000000000ul));
    ATTEMPT("OUTS from a non-canonical address, IOPL 1", "outsb", "d"(0x80), "S"(0x0000800000000000ul));
    uint64_t flags;
    TRY("pushq $0x3202; popf; pushf; pop %[f]", OUT([f] "=r"(flags)), );
    print("IOPL in RFLAGS after POPF of IOPL 3: %lu\n", (flags >> 12) & 3);
    set_iopl(0);
    struct {
        uint64_t bitmap;
        uint32_t nr_ports;
    } map = { 0xffff830000000000ul, 65536 };
    outcome("a port map in the hypervisor's memory", hypercall2(HYPERVISOR_physdev_op, PHYSDEVOP_set_iobitmap, (uint64_t)&map));
    ATTEMPT("OUT by that map", "outb %%al, $0x80", "a"(0));
    map.nr_ports = 65537;
    outcome("a port map of too many ports", hypercall2(HYPERVISOR_physdev_op, PHYSDEVOP_set_iobitmap, (uint64_t)&map));
    map.nr_ports = 0;
    hypercall2(HYPERVISOR_physdev_op, PHYSDEVOP_set_iobitmap, (uint64_t)&map);
}

/* Breakpoints: in the hypervisor's part they would tell what it does. */
static void debug_registers(void)
{
    static volatile uint64_t watched;
    for (unsigned i = 0; i < 9; i++) {
        print("DR%u", i);
        outcome(" := an address of the hypervisor", hypercall2(HYPERVISOR_set_debugreg, i, 0xffff830000000000ul));
    }
    outcome("DR7 with general detect", hypercall2(HYPERVISOR_set_debugreg, 7, 0x2400));
    print("  reads as %#lx\n", hypercall1(HYPERVISOR_get_debugreg, 7));
    outcome("DR7 with reserved bits", hypercall2(HYPERVISOR_set_debugreg, 7, 0xffff0000fc00ul));
    outcome("DR7 of 64 bits", hypercall2(HYPERVISOR_set_debugreg, 7, 1ul << 40));
    outcome("DR6 of 64 bits", hypercall2(HYPERVISOR_set_debugreg, 6, 1ul << 40));
    outcome("a breakpoint on I/O", hypercall2(HYPERVISOR_set_debugreg, 7, 0x20402));
    ATTEMPT("MOV to DR0 of an address of the hypervisor", "mov %[v], %%dr0", [v] "r"(0xffff830000000000ul));
    outcome("an own breakpoint", hypercall2(HYPERVISOR_set_debugreg, 0, (uint64_t)&watched));
    outcome("  enabled", hypercall2(HYPERVISOR_set_debugreg, 7, 0x10402));
    TRY("movq $1, (%[p])", , IN([p] "r"(&watched)));
    trap_outcome("  a write to it");
    hypercall2(HYPERVISOR_set_debugreg, 7, 0x400);
    hypercall2(HYPERVISOR_set_debugreg, 0, 0);
}

/* Hypercalls of domain 0. */
static void hypercalls(void)
{
    static uint64_t argument[32];
    for (unsigned number = 0; number <= 48; number++) {
        if (number != 7 && number != 27 && number != 35 && number != 36 && number != 37 && number != 48)
            continue;
        print("hypercall %u", number);
        outcome(" with zeroes", hypercall4(number, (uint64_t)argument, (uint64_t)argument, (uint64_t)argument, 0));
    }
    struct sched_remote_shutdown stop = { .domain_id = 0, .reason = 3 };
    outcome("the shutdown of domain 0", sched_op(SCHEDOP_remote_shutdown, &stop));
    stop.domain_id = 0x7fe0;
    outcome("of a domain that is not there", sched_op(SCHEDOP_remote_shutdown, &stop));
    struct xen_memory_reservation memory = { .extent_start = (uint64_t)argument, .nr_extents = 1, .domid = 0 };
    outcome("memory taken from domain 0", memory_op(XENMEM_decrease_reservation, &memory));
    memory = (struct xen_memory_reservation){ .extent_start = (uint64_t)argument, .nr_extents = ~0ul, .domid = DOMID_SELF };
    outcome("memory in numbers that overflow", memory_op(XENMEM_populate_physmap, &memory));
    memory.nr_extents = 1;
    memory.extent_order = 60;
    outcome("memory in extents that overflow", memory_op(XENMEM_populate_physmap, &memory));
    uint16_t domid = 0;
    outcome("the size of domain 0", memory_op(XENMEM_current_reservation, &domid));
    outcome("vm_assist of a type that is none", vm_assist(VMASST_CMD_enable, 63));
    outcome("vm_assist of type -1", vm_assist(VMASST_CMD_enable, -1));
    outcome("a virtual CPU that is not there", vcpu_op(VCPUOP_up, 0x7fffffff, NULL));
}

void test_main(void)
{
    instructions();
    registers();
    ports();
    debug_registers();
    hypercalls();
}
