/* Entry point, ELF notes, and a stack of one page: as little as a PV guest can be. */
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
    note 6, .asciz, "typervisor-demo"   /* GUEST_OS */
    note 8, .asciz, "generic"           /* LOADER */
    note 9, .asciz, "yes"               /* PAE_MODE */

    .text
    .globl _start
_start:
    lea stack_top(%rip), %rsp
    cld
    mov %rsi, start_info(%rip)
    call demo_start
    ud2

    .bss
    .align 4096
    .skip 4096
stack_top:

    .section .note.GNU-stack, "", @progbits
