/*
 * Entries from the hypervisor, and the way back.
 *
 * What the hypervisor pushes, from low to high addresses:
 *
 *     rcx r11 [error code] rip cs rflags rsp ss
 *
 * An entry pops rcx and r11, pushes a zero where there is no error code, and then the
 * vector; `common` completes that to a struct trap_frame (guest.h).
 */

#define HYPERVISOR_iret 23

    .macro enter vector, has_error
    pop %rcx
    pop %r11
    .if !\has_error
    push $0
    .endif
    push $\vector
    jmp common
    .endm

    .text
    .globl trap_entries, event_entry, syscall_entry, run_user, leave_user
    .align 16
trap_entries:
    .set vector, 0
    .rept 32
    .if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21)
    enter vector, 1
    .else
    enter vector, 0
    .endif
    .align 16
    .set vector, vector + 1
    .endr
    enter 0x40, 0
    .align 16
event_entry:
    enter 256, 0
syscall_entry:
    enter 257, 0

common:
    push %r11
    push %rcx
    push %rdi
    push %rsi
    push %rdx
    push %rax
    push %r8
    push %r9
    push %r10
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    cld
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp
    call dispatch
    mov %rbx, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rdx
    pop %rsi
    pop %rdi
    pop %rcx
    pop %r11
    add $16, %rsp
    /* struct iret_context: rax r11 rcx flags, then rip cs rflags rsp ss */
    pushq iret_flags(%rip)
    push %rcx
    push %r11
    push %rax
    mov $HYPERVISOR_iret, %eax
    syscall
    ud2

/* void run_user(void (*code)(void), uint64_t iret_flags, uint64_t rflags) */
run_user:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, kernel_rsp(%rip)
    pushq $0xe02b
    pushq user_stack_top(%rip)
    push %rdx
    pushq $0xe033
    push %rdi
    push %rsi
    pushq $0x0c0c0c0c
    pushq $0x11111111
    pushq $0x0a0a0a0a
    mov $HYPERVISOR_iret, %eax
    syscall
    ud2

/* Called by dispatch() instead of returning to user mode: returns from run_user(). */
leave_user:
    mov kernel_rsp(%rip), %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

    .bss
    .align 8
kernel_rsp:
    .quad 0

    .section .note.GNU-stack, "", @progbits
