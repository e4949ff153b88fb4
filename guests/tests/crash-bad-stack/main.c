#include "guest.h"

void test_main(void)
{
    expect_crash();
    /* The frame of this exception cannot be written. */
    __asm__ volatile("mov $0x10000, %%rsp; ud2" : : : "memory");
    fail("still alive");
}
