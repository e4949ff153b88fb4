#include "guest.h"

static long multicall(struct multicall_entry *entries, uint64_t count)
{
    return hypercall2(HYPERVISOR_multicall, (uint64_t)entries, count);
}

void test_main(void)
{
    uint64_t *page = alloc_page();
    long version = xen_version(XENVER_version, NULL);
    CHECK(version > 0x30000, "no version");

    struct multicall_entry batch[] = {
        { .op = HYPERVISOR_xen_version, .args = { XENVER_version, 0 } },
        { .op = 60 },
        { .op = HYPERVISOR_update_va_mapping, .args = { (uint64_t)page, pte_of(va_to_mfn(page), RO), UVMF_INVLPG } },
        { .op = HYPERVISOR_update_va_mapping, .args = { (uint64_t)page, pte_of(start_info->pt_base >> PAGE_SHIFT, RW) | (1ul << 51), UVMF_INVLPG } },
        { .op = HYPERVISOR_update_va_mapping, .args = { (uint64_t)page, pte_of(va_to_mfn(page), RW), UVMF_INVLPG } },
        { .op = HYPERVISOR_multicall, .args = { 0, 0 } },
        { .op = HYPERVISOR_event_channel_op, .args = { EVTCHNOP_send, 0x10000 } },
        { .op = HYPERVISOR_xen_version, .args = { XENVER_version, 0 } },
    };
    for (unsigned i = 0; i < 8; i++)
        batch[i].result = 0x5555;
    CHECK_EQUAL("multicall", multicall(batch, 8), 0);
    CHECK_EQUAL("result of xen_version", batch[0].result, version);
    CHECK_EQUAL("result of an unknown hypercall", batch[1].result, -ENOSYS);
    CHECK_EQUAL("result of update_va_mapping", batch[2].result, 0);
    CHECK(batch[3].result < 0, "a mapping with reserved bits is accepted");
    CHECK_EQUAL("result of a second update_va_mapping", batch[4].result, 0);
    CHECK_EQUAL("result of a multicall inside a multicall", batch[5].result, -EINVAL);
    CHECK_EQUAL("result of a hypercall with a bad pointer", batch[6].result, -EFAULT);
    CHECK_EQUAL("result behind the errors", batch[7].result, version);
    page[0] = 1; /* writable again, or this traps */

    /* Larger than what a hypervisor does in one go. */
    static struct multicall_entry many[1024];
    for (unsigned i = 0; i < 1024; i++)
        many[i] = (struct multicall_entry){ .op = HYPERVISOR_xen_version, .args = { XENVER_version } };
    CHECK_EQUAL("multicall of 1024 entries", multicall(many, 1024), 0);
    unsigned wrong = 0;
    for (unsigned i = 0; i < 1024; i++)
        wrong += many[i].result != version;
    CHECK_EQUAL("wrong results among 1024", wrong, 0);

    CHECK_EQUAL("an empty multicall", multicall(batch, 0), 0);
    CHECK_EQUAL("a multicall at a bad address", multicall((void *)0x10000, 1), -EFAULT);
    CHECK_EQUAL("an unknown hypercall", hypercall1(60, 0), -ENOSYS);
    CHECK_EQUAL("a hypercall number out of range", hypercall1(1000, 0), -ENOSYS);
}
