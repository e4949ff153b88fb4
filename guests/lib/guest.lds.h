/* For the assembler, which has no C. */
#define VIRT_BASE 0xffffffff80000000
