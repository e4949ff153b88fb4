/* Entry point, ELF notes, and the boot stack. */
#include "guest.lds.h"

    .macro note type, kind:req, value:vararg
    .align 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  \kind \value
2:  .align 4
    .endm

    .section .note.xen, "a", @note
    note 1, .quad, _start               /* ENTRY */
    note 3, .quad, VIRT_BASE            /* VIRT_BASE */
    note 4, .quad, 0                    /* PADDR_OFFSET */
    note 5, .asciz, "xen-3.0"           /* XEN_VERSION */
    note 6, .asciz, "typervisor-tests"  /* GUEST_OS */
    note 8, .asciz, "generic"           /* LOADER */
    note 9, .asciz, "yes"               /* PAE_MODE */

    .text
    .globl _start
_start:
    /* Nothing is touched before the registers are recorded, in the order of initial_state. */
    mov %rax, initial_state+0(%rip)
    mov %rcx, initial_state+8(%rip)
    mov %rdx, initial_state+16(%rip)
    mov %rbx, initial_state+24(%rip)
    mov %rsp, initial_state+32(%rip)
    mov %rbp, initial_state+40(%rip)
    mov %rsi, initial_state+48(%rip)
    mov %rdi, initial_state+56(%rip)
    mov %r8, initial_state+64(%rip)
    mov %r9, initial_state+72(%rip)
    mov %r10, initial_state+80(%rip)
    mov %r11, initial_state+88(%rip)
    mov %r12, initial_state+96(%rip)
    mov %r13, initial_state+104(%rip)
    mov %r14, initial_state+112(%rip)
    mov %r15, initial_state+120(%rip)
    lea boot_stack_top(%rip), %rsp
    pushfq
    popq initial_state+128(%rip)
    movw %cs, initial_state+136(%rip)
    movw %ss, initial_state+138(%rip)
    movw %ds, initial_state+140(%rip)
    movw %es, initial_state+142(%rip)
    movw %fs, initial_state+144(%rip)
    movw %gs, initial_state+146(%rip)
    cld
    mov %rsi, start_info(%rip)
    call guest_main
    ud2

    .bss
    .align 4096
    .skip 16384
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
