/* Page tables of the boot region, and a few spare pages. */
#include "guest.h"

#define SPARE_PAGES 192
static char spare[SPARE_PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
static unsigned spare_used;

void *alloc_page(void)
{
    if (spare_used == SPARE_PAGES)
        error("the test has no more spare pages");
    return spare[spare_used++];
}

static unsigned index_at(const volatile void *va, int level) { return ((uint64_t)va >> (12 + 9 * (level - 1))) & 511; }

volatile uint64_t *table_for(const volatile void *va, int level)
{
    volatile uint64_t *table = (uint64_t *)start_info->pt_base;
    for (int l = 4; l > level; l--) {
        uint64_t entry = table[index_at(va, l)];
        if (!(entry & PTE_P))
            return NULL;
        table = mfn_to_va(PTE_MFN(entry));
    }
    return table;
}

volatile uint64_t *entry_for(const volatile void *va, int level)
{
    volatile uint64_t *table = table_for(va, level);
    return table ? &table[index_at(va, level)] : NULL;
}

uint64_t entry_maddr(const volatile void *va, int level)
{
    volatile uint64_t *entry = entry_for(va, level);
    if (!entry)
        error("no page table for an address");
    return (va_to_mfn(entry) << PAGE_SHIFT) | ((uint64_t)entry & (PAGE_SIZE - 1));
}

void *memset(void *to, int value, size_t size)
{
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(value) : "memory");
    return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
    return to;
}
