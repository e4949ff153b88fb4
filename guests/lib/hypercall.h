/* Hypercalls of a 64-bit PV guest: SYSCALL with the number in RAX and arguments in RDI, RSI, RDX, R10, R8. */
#ifndef HYPERCALL_H
#define HYPERCALL_H

#include "xen.h"

static inline long hypercall4(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    register uint64_t r10 __asm__("r10") = d;
    __asm__ volatile("syscall" : "+a"(number), "+D"(a), "+S"(b), "+d"(c), "+r"(r10) : : "rcx", "r8", "r11", "memory");
    return number;
}
static inline long hypercall3(long number, uint64_t a, uint64_t b, uint64_t c) { return hypercall4(number, a, b, c, 0); }
static inline long hypercall2(long number, uint64_t a, uint64_t b) { return hypercall4(number, a, b, 0, 0); }
static inline long hypercall1(long number, uint64_t a) { return hypercall4(number, a, 0, 0, 0); }

static inline long update_va_mapping(const volatile void *va, uint64_t pte)
{
    return hypercall3(HYPERVISOR_update_va_mapping, (uint64_t)va, pte, UVMF_INVLPG);
}
static inline long mmu_update(uint64_t ptr, uint64_t val)
{
    struct mmu_update request = { .ptr = ptr, .val = val };
    return hypercall4(HYPERVISOR_mmu_update, (uint64_t)&request, 1, 0, DOMID_SELF);
}
static inline long mmuext_op(uint32_t cmd, uint64_t arg1)
{
    struct mmuext_op op = { .cmd = cmd, .arg1 = arg1 };
    return hypercall4(HYPERVISOR_mmuext_op, (uint64_t)&op, 1, 0, DOMID_SELF);
}
static inline long memory_op(long cmd, void *arg) { return hypercall2(HYPERVISOR_memory_op, cmd, (uint64_t)arg); }
static inline long event_channel_op(long cmd, void *arg) { return hypercall2(HYPERVISOR_event_channel_op, cmd, (uint64_t)arg); }
static inline long evtchn_send(uint32_t port)
{
    struct evtchn_port op = { .port = port };
    return event_channel_op(EVTCHNOP_send, &op);
}
static inline long sched_op(long cmd, void *arg) { return hypercall2(HYPERVISOR_sched_op, cmd, (uint64_t)arg); }
static inline long vcpu_op(long cmd, long vcpu, void *arg) { return hypercall3(HYPERVISOR_vcpu_op, cmd, vcpu, (uint64_t)arg); }
static inline long grant_table_op(long cmd, void *arg, long count) { return hypercall3(HYPERVISOR_grant_table_op, cmd, (uint64_t)arg, count); }
static inline long vm_assist(long cmd, long type) { return hypercall2(HYPERVISOR_vm_assist, cmd, type); }
static inline long xen_version(long cmd, void *arg) { return hypercall2(HYPERVISOR_xen_version, cmd, (uint64_t)arg); }
static inline long callback_register(uint16_t type, uint16_t flags, void (*address)(void))
{
    struct callback_register callback = { .type = type, .flags = flags, .address = (uint64_t)address };
    return hypercall2(HYPERVISOR_callback_op, CALLBACKOP_register, (uint64_t)&callback);
}
static inline long set_iopl(uint32_t iopl)
{
    return hypercall2(HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, (uint64_t)&iopl);
}

#endif
