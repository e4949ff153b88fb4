#include "guest.h"

#define BAD_POINTER 0x10000ul           /* not mapped */
#define NON_CANONICAL 0x800000000000ul
#define XEN_AREA 0xffff820000000000ul   /* the hypervisor's */

/* One line: the expression, and its value. */
#define SHOW(call) print("%s: %ld\n", #call, (long)(call))

static uint64_t zeroes[64], words[64];

/* An operation's argument, of 32-bit words. */
#define ARGUMENT(...) ({ static uint32_t a_[64]; const uint32_t v_[] = { __VA_ARGS__ }; memset(a_, 0, sizeof a_); memcpy(a_, v_, sizeof v_); (void *)a_; })

static void section(const char *name)
{
    memset(zeroes, 0, sizeof zeroes);
    memset(words, 0, sizeof words);
    print("== %s\n", name);
}

/* Every number with no arguments, but those that would take away what the test needs. */
static void numbers(void)
{
    section("hypercalls with arguments of 0");
    for (int n = 5; n < 64; n++)
        if (n != HYPERVISOR_iret && n != 31 && n != 49) /* 31, 49: parts that a build of Xen may lack */
            print("hypercall %d: %ld\n", n, hypercall4(n, 0, 0, 0, 0));
    SHOW(hypercall1(64, 0));
    SHOW(hypercall1(1000, 0));
    SHOW(hypercall1(-1, 0));
}

static void versions(void)
{
    section("xen_version");
    for (int i = 0; i < 4; i++) {
        uint32_t features[2] = { i, 0 };
        long result = xen_version(XENVER_get_features, features);
        print("get_features %d: %ld, %#x\n", i, result, features[1]);
    }
    SHOW(xen_version(7, NULL));
    SHOW(xen_version(8, zeroes));
    SHOW(xen_version(12, NULL));
    SHOW(xen_version(1, (void *)BAD_POINTER));
    SHOW(xen_version(6, (void *)XEN_AREA));
}

static void event_channels(void)
{
    section("event_channel_op");
    for (int cmd = 0; cmd < 14; cmd++)
        if (cmd != 10) /* reset */
            print("event_channel_op %d, zeroes: %ld\n", cmd, event_channel_op(cmd, memset(words, 0, sizeof words)));
    SHOW(event_channel_op(EVTCHNOP_status, (void *)BAD_POINTER));
    SHOW(event_channel_op(EVTCHNOP_status, (void *)NON_CANONICAL));
    SHOW(event_channel_op(EVTCHNOP_status, (void *)XEN_AREA));
    SHOW(event_channel_op(EVTCHNOP_bind_virq, ARGUMENT(24, 0)));
    SHOW(event_channel_op(EVTCHNOP_bind_virq, ARGUMENT(100, 0)));
    SHOW(event_channel_op(EVTCHNOP_bind_virq, ARGUMENT(1, 7)));
    SHOW(event_channel_op(EVTCHNOP_bind_virq, ARGUMENT(1, 0)));
    SHOW(event_channel_op(EVTCHNOP_bind_virq, ARGUMENT(1, 0)));
    SHOW(event_channel_op(EVTCHNOP_bind_virq, ARGUMENT(3, 0)));
    SHOW(event_channel_op(EVTCHNOP_bind_virq, ARGUMENT(10, 1)));
    SHOW(event_channel_op(EVTCHNOP_bind_ipi, ARGUMENT(1)));
    SHOW(event_channel_op(EVTCHNOP_bind_ipi, ARGUMENT(1000)));
    SHOW(event_channel_op(EVTCHNOP_close, ARGUMENT(0)));
    SHOW(event_channel_op(EVTCHNOP_close, ARGUMENT(100)));
    SHOW(event_channel_op(EVTCHNOP_close, ARGUMENT(5000)));
    SHOW(event_channel_op(EVTCHNOP_send, ARGUMENT(100)));
    SHOW(event_channel_op(EVTCHNOP_send, ARGUMENT(5000)));
    SHOW(event_channel_op(EVTCHNOP_unmask, ARGUMENT(5000)));
    SHOW(event_channel_op(EVTCHNOP_alloc_unbound, ARGUMENT(0x7ff0 << 16 | 0x7ff0)));
    SHOW(event_channel_op(EVTCHNOP_alloc_unbound, ARGUMENT(0 << 16 | 0)));
    SHOW(event_channel_op(EVTCHNOP_alloc_unbound, ARGUMENT(0x7ff0 << 16 | 100)));
    SHOW(event_channel_op(EVTCHNOP_alloc_unbound, ARGUMENT(100 << 16 | 0x7ff0)));
    SHOW(event_channel_op(EVTCHNOP_bind_interdomain, ARGUMENT(100, 1)));
    SHOW(event_channel_op(EVTCHNOP_bind_interdomain, ARGUMENT(0, 5000)));
    SHOW(event_channel_op(EVTCHNOP_bind_interdomain, ARGUMENT(0x7ff0, 100)));
    SHOW(event_channel_op(EVTCHNOP_status, ARGUMENT(0, 1)));
    SHOW(event_channel_op(EVTCHNOP_status, ARGUMENT(0x7ff0, 5000)));
    SHOW(event_channel_op(EVTCHNOP_status, ARGUMENT(100, 1)));
    SHOW(event_channel_op(8, ARGUMENT(start_info->console_evtchn, 7)));   /* bind_vcpu */
    SHOW(event_channel_op(8, ARGUMENT(start_info->console_evtchn, 0)));
    SHOW(event_channel_op(8, ARGUMENT(5000, 0)));
    SHOW(event_channel_op(10, ARGUMENT(100)));                             /* reset */
    SHOW(event_channel_op(12, ARGUMENT(0, 0)));                            /* expand_array */
    SHOW(event_channel_op(13, ARGUMENT(start_info->console_evtchn, 3)));  /* set_priority */
    SHOW(event_channel_op(13, ARGUMENT(start_info->console_evtchn, 16)));
    SHOW(event_channel_op(13, ARGUMENT(5000, 3)));
    SHOW(event_channel_op(11, ARGUMENT(0, 0, 4, 0)));                      /* init_control */
    SHOW(event_channel_op(11, ARGUMENT(0, 0, 4092, 0)));
    SHOW(event_channel_op(11, ARGUMENT(0, 0, 0, 3)));
}

static void scheduling(void)
{
    section("sched_op");
    SHOW(sched_op(SCHEDOP_shutdown, (void *)BAD_POINTER));
    SHOW(sched_op(3, ((words[0] = BAD_POINTER), (words[1] = 1), (words[2] = 1), words))); /* poll */
    SHOW(sched_op(3, ((words[0] = BAD_POINTER), (words[1] = 129), words)));
    SHOW(sched_op(3, ((words[0] = (uint64_t)ARGUMENT(5000)), (words[1] = 1), words)));
    SHOW(sched_op(4, ARGUMENT(0, 0)));              /* remote_shutdown */
    SHOW(sched_op(4, ARGUMENT(100, 0)));
    SHOW(sched_op(6, ARGUMENT(3, 0)));              /* watchdog */
    SHOW(sched_op(6, ARGUMENT(0, 100)));
    SHOW(sched_op(6, ARGUMENT(1, 100)));
    SHOW(sched_op(6, ARGUMENT(1, 0)));
    SHOW(sched_op(6, ARGUMENT(2, 0)));
    SHOW(sched_op(7, ARGUMENT(0)));                 /* pin_override */
    SHOW(sched_op(8, zeroes));
    SHOW(sched_op(100, zeroes));

    section("vcpu_op");
    for (int cmd = 0; cmd < 16; cmd++) {
        if (cmd != 2 && cmd != 11) /* not down and send_nmi: this is the one that runs */
            print("vcpu_op %d, vCPU 0: %ld\n", cmd, vcpu_op(cmd, 0, NULL));
        print("vcpu_op %d, vCPU 1: %ld\n", cmd, vcpu_op(cmd, 1, memset(words, 0, sizeof words)));
    }
    SHOW(vcpu_op(VCPUOP_is_up, 100000, NULL));
    SHOW(vcpu_op(VCPUOP_is_up, -1, NULL));
    SHOW(vcpu_op(VCPUOP_set_periodic_timer, 0, ARGUMENT(999999)));
    SHOW(vcpu_op(VCPUOP_set_periodic_timer, 0, ARGUMENT(1000000)));
    SHOW(vcpu_op(VCPUOP_set_periodic_timer, 0, ARGUMENT(0, 0x80000000)));
    SHOW(vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL));
    SHOW(vcpu_op(5, 0, ARGUMENT(0, 0xffff8200)));   /* register_runstate_memory_area */
    SHOW(vcpu_op(5, 0, ARGUMENT(0, 0x8000)));
    SHOW(vcpu_op(5, 0, ARGUMENT(BAD_POINTER)));
    SHOW(vcpu_op(5, 0, zeroes));
    SHOW(vcpu_op(10, 0, ARGUMENT(~0u, ~0u, 0)));    /* register_vcpu_info */
    SHOW(vcpu_op(10, 0, ARGUMENT(0, 0, 4064)));
    SHOW(vcpu_op(10, 0, ARGUMENT(0, 0, 4096)));
    SHOW(vcpu_op(13, 0, ARGUMENT(0, 0xffff8200)));  /* register_vcpu_time_memory_area */
    SHOW(hypercall1(HYPERVISOR_set_timer_op, 1));
    SHOW(hypercall1(HYPERVISOR_set_timer_op, -1));
    SHOW(hypercall1(HYPERVISOR_set_timer_op, 0));
}

static int16_t map_status(uint32_t flags, uint16_t dom, uint32_t ref)
{
    struct gnttab_map_grant_ref op = { .host_addr = (uint64_t)alloc_page(), .flags = flags, .dom = dom, .ref = ref };
    long result = grant_table_op(GNTTABOP_map_grant_ref, &op, 1);
    return result ? (int16_t)(1000 + result) : op.status;
}

static int16_t copy_status(uint16_t flags, uint16_t from, uint16_t to, uint16_t offset, uint16_t length)
{
    uint64_t frame = pfn_to_mfn(va_to_pfn(words));
    struct gnttab_copy op = { .source = { .u.gmfn = frame, .domid = from, .offset = offset }, .dest = { .u.gmfn = frame, .domid = to },
                              .len = length, .flags = flags };
    long result = grant_table_op(GNTTABOP_copy, &op, 1);
    return result ? (int16_t)(1000 + result) : op.status;
}

static void grants(void)
{
    section("grant_table_op");
    for (int cmd = 0; cmd < 14; cmd++) {
        print("grant_table_op %d, none: %ld\n", cmd, grant_table_op(cmd, NULL, 0));
        print("grant_table_op %d, bad pointer: %ld\n", cmd, grant_table_op(cmd, (void *)BAD_POINTER, 1));
    }
    SHOW(grant_table_op(GNTTABOP_map_grant_ref, zeroes, 0x80000000));
    SHOW(grant_table_op(GNTTABOP_query_size, zeroes, 2));
    SHOW(grant_table_op(GNTTABOP_setup_table, zeroes, 2));
    static struct gnttab_query_size size;
    for (int dom = 0; dom < 2; dom++) {
        size.dom = dom ? 100 : 0;
        long result = grant_table_op(GNTTABOP_query_size, &size, 1);
        print("query_size of domain %d: %ld, %d\n", size.dom, result, size.status);
    }
    size.dom = DOMID_SELF;
    SHOW(grant_table_op(GNTTABOP_query_size, &size, 1));
    print("query_size: %d, %u of %u frames\n", size.status, size.nr_frames, size.max_nr_frames);
    static uint64_t frames[64];
    static const struct { uint16_t dom; uint32_t frames; } setups[] = { { DOMID_SELF, 1 }, { DOMID_SELF, 1000 }, { 0, 1 }, { 100, 1 } };
    for (unsigned i = 0; i < 4; i++) {
        struct gnttab_setup_table setup = { .dom = setups[i].dom, .nr_frames = setups[i].frames, .frame_list = (uint64_t)frames };
        long result = grant_table_op(GNTTABOP_setup_table, &setup, 1);
        print("setup_table of domain %d, %u frames: %ld, %d\n", setup.dom, setup.nr_frames, result, setup.status);
    }
    SHOW(map_status(0, 0, 0));
    SHOW(map_status(GNTMAP_host_map, 0, 0));
    SHOW(map_status(GNTMAP_host_map, 0, 1000000));
    SHOW(map_status(GNTMAP_host_map, 100, 0));
    SHOW(map_status(GNTMAP_host_map, DOMID_SELF, 100));
    SHOW(map_status(GNTMAP_host_map, DOMID_SELF, 1000000));
    SHOW(map_status(1, DOMID_SELF, 100));
    SHOW(map_status(0x20, DOMID_SELF, 100));
    SHOW(copy_status(0, DOMID_SELF, DOMID_SELF, 0, 8));
    SHOW(copy_status(0, DOMID_SELF, DOMID_SELF, 4090, 8));
    SHOW(copy_status(0, 0, DOMID_SELF, 0, 8));
    SHOW(copy_status(GNTCOPY_source_gref, 0, DOMID_SELF, 0, 8));
    SHOW(copy_status(GNTCOPY_source_gref, 100, DOMID_SELF, 0, 8));
    SHOW(copy_status(0x10, DOMID_SELF, DOMID_SELF, 0, 8));
    SHOW(grant_table_op(8, ARGUMENT(3), 1));        /* set_version */
    SHOW(grant_table_op(8, ARGUMENT(0), 1));
    SHOW(grant_table_op(8, ARGUMENT(2), 1));
    SHOW(grant_table_op(8, ARGUMENT(1), 1));
}

static void memory(void)
{
    section("memory_op");
    static const uint8_t moving[] = { 2, 3, 4 }; /* their values differ */
    for (int cmd = 0; cmd < 32; cmd++)
        if (!(cmd >= moving[0] && cmd <= moving[2])) {
            print("memory_op %d, zeroes: %ld\n", cmd, memory_op(cmd, memset(words, 0, sizeof words)));
            print("memory_op %d, bad pointer: %ld\n", cmd, memory_op(cmd, (void *)BAD_POINTER));
        }
    SHOW(memory_op(XENMEM_current_reservation, ARGUMENT(0)));
    SHOW(memory_op(XENMEM_current_reservation, ARGUMENT(100)));
    SHOW(memory_op(XENMEM_maximum_reservation, ARGUMENT(0)));
    static struct xen_memory_reservation r;
    static uint64_t extent;
    static const struct { int cmd; uint64_t extent; uint32_t order; uint16_t domid; } tries[] = {
        { XENMEM_increase_reservation, 0, 0, 0 },     { XENMEM_increase_reservation, 0, 20, DOMID_SELF },
        { XENMEM_increase_reservation, 0, 0, 100 },   { XENMEM_decrease_reservation, ~0ul, 0, DOMID_SELF },
        { XENMEM_decrease_reservation, 0, 0, DOMID_SELF }, { XENMEM_decrease_reservation, 0, 20, DOMID_SELF },
        { XENMEM_decrease_reservation, 0, 0, 0 },     { XENMEM_populate_physmap, ~0ul, 0, DOMID_SELF },
        { XENMEM_populate_physmap, 0, 20, DOMID_SELF }, { XENMEM_populate_physmap, 0, 0, 100 },
    };
    for (unsigned i = 0; i < sizeof tries / sizeof *tries; i++) {
        extent = tries[i].extent;
        r = (struct xen_memory_reservation){ .extent_start = (uint64_t)&extent, .nr_extents = 1, .extent_order = tries[i].order, .domid = tries[i].domid };
        print("memory_op %d, extent %#lx, order %u, domain %u: %ld\n", tries[i].cmd, tries[i].extent, tries[i].order, tries[i].domid,
              memory_op(tries[i].cmd, &r));
    }
    r = (struct xen_memory_reservation){ .extent_start = (uint64_t)&extent, .nr_extents = ~0ul, .domid = DOMID_SELF };
    SHOW(memory_op(XENMEM_increase_reservation, &r));
    r = (struct xen_memory_reservation){ .extent_start = XEN_AREA, .nr_extents = 1, .domid = DOMID_SELF };
    SHOW(memory_op(XENMEM_increase_reservation, &r));
    SHOW(memory_op(XENMEM_decrease_reservation, &r));
}

static long mmuext(uint32_t cmd, uint64_t arg1, uint64_t arg2)
{
    static struct mmuext_op op;
    op = (struct mmuext_op){ .cmd = cmd, .arg1 = arg1, .arg2 = arg2 };
    return hypercall4(HYPERVISOR_mmuext_op, (uint64_t)&op, 1, 0, DOMID_SELF);
}

static void page_tables(void)
{
    uint64_t *page = alloc_page(), *table = alloc_page();
    uint64_t mfn = va_to_mfn(page);
    static struct mmu_update request;
    section("update_va_mapping");
    static const struct { const char *what; uint64_t flags; } bits[] = {
        { "user bit off", PTE_P | PTE_RW | PTE_A | PTE_D }, { "global", RW | 0x100 },   { "available 9", RW | 0x200 },
        { "available 10", RW | 0x400 },  { "available 11", RW | 0x800 }, { "PWT", RW | 8 },   { "PCD", RW | 0x10 },
        { "PAT", RW | 0x80 },            { "NX", RW | PTE_NX },          { "bit 52", RW | 1ul << 52 },
        { "bit 58", RW | 1ul << 58 },    { "bit 59", RW | 1ul << 59 },   { "bit 62", RW | 1ul << 62 },
        { "bit 51", RW | 1ul << 51 },    { "not present", PTE_RW },      { "as it was", RW },
    };
    for (unsigned i = 0; i < sizeof bits / sizeof *bits; i++) {
        long result = update_va_mapping(page, pte_of(mfn, bits[i].flags));
        print("%s: %ld, entry %#lx\n", bits[i].what, result, *entry_for(page, 1) & ~0x000ffffffffff000ul);
    }
    SHOW(update_va_mapping((void *)XEN_AREA, RW));
    SHOW(update_va_mapping((void *)NON_CANONICAL, RW));
    SHOW(update_va_mapping((void *)BAD_POINTER, RW));
    SHOW(update_va_mapping((void *)BAD_POINTER, 0));
    SHOW(update_va_mapping(page, pte_of(0xfffffffful, RW)));
    SHOW(update_va_mapping(page, pte_of(va_to_mfn((void *)start_info->pt_base), RW)));
    SHOW(update_va_mapping(page, pte_of(mfn, RW)));
    SHOW(hypercall3(HYPERVISOR_update_va_mapping, (uint64_t)page, pte_of(mfn, RW), 3));
    SHOW(hypercall3(HYPERVISOR_update_va_mapping, (uint64_t)page, pte_of(mfn, RW), BAD_POINTER | 1));
    SHOW(hypercall4(22, (uint64_t)page, pte_of(mfn, RW), 0, 0));
    SHOW(hypercall4(22, (uint64_t)page, pte_of(mfn, RW), 0, 100));
    SHOW(hypercall4(22, (uint64_t)page, pte_of(mfn, RW), 0, DOMID_SELF));

    section("mmu_update");
    uint64_t entry = entry_maddr(page, 1), l2 = entry_maddr(page, 2), l4 = entry_maddr(page, 4), old = *entry_for(page, 2);
    SHOW(mmu_update(entry, pte_of(mfn, RW)));
    SHOW(mmu_update(entry | 1, mfn));
    SHOW(mmu_update(entry | 2, pte_of(mfn, RW)));
    SHOW(mmu_update(entry | 3, pte_of(mfn, RW)));
    SHOW(mmu_update(entry | 4, pte_of(mfn, RW)));
    SHOW(mmu_update(mfn << PAGE_SHIFT, 0));
    SHOW(mmu_update(0xffffffff000ul, 0));
    SHOW(mmu_update((mfn << PAGE_SHIFT) | 1, va_to_pfn(page)));
    SHOW(mmu_update(0xffffffff000ul | 1, 0));
    SHOW(mmu_update(l2, pte_of(mfn, RW)));
    SHOW(mmu_update(l2, old | PTE_PSE));
    SHOW(mmu_update(l2, old | 0x100));
    SHOW(mmu_update(l2, old));
    SHOW(mmu_update((l4 & ~0xffful) | 256 * 8, 0));
    SHOW(mmu_update((l4 & ~0xffful) | 271 * 8, 0));
    SHOW(mmu_update((l4 & ~0xffful) | 272 * 8, 0));
    SHOW(mmu_update((l4 & ~0xffful) | 5 * 8, pte_of(mfn, RW)));
    uint32_t done = 77;
    SHOW(hypercall4(HYPERVISOR_mmu_update, 0, 0, (uint64_t)&done, DOMID_SELF));
    print("done: %u\n", done);
    SHOW(hypercall4(HYPERVISOR_mmu_update, BAD_POINTER, 1, (uint64_t)&done, DOMID_SELF));
    print("done: %u\n", done);
    request = (struct mmu_update){ entry, pte_of(mfn, RW) };
    SHOW(hypercall4(HYPERVISOR_mmu_update, (uint64_t)&request, 1, (uint64_t)&done, DOMID_SELF));
    print("done: %u\n", done);
    SHOW(hypercall4(HYPERVISOR_mmu_update, (uint64_t)&request, 1, 0, 0));
    SHOW(hypercall4(HYPERVISOR_mmu_update, (uint64_t)&request, 1, 0, 100));
    SHOW(hypercall4(HYPERVISOR_mmu_update, (uint64_t)&request, 1, 0, 0x7ff1));
    SHOW(hypercall4(HYPERVISOR_mmu_update, (uint64_t)&request, 1, 0, (100 + 1ul) << 16 | DOMID_SELF));

    section("mmuext_op");
    for (uint32_t cmd = 0; cmd < 24; cmd++)
        if (cmd != 13) /* set_ldt */
            print("mmuext_op %u of a bad frame: %ld\n", cmd, mmuext(cmd, cmd == 15 ? 0xffffffff : 0xfffffffful, 0));
    SHOW(mmuext(99, 0, 0));
    SHOW(mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0)); /* it is mapped writable */
    SHOW(mmuext(MMUEXT_PIN_L4_TABLE, mfn, 0));
    SHOW(mmuext(MMUEXT_UNPIN_TABLE, mfn, 0));
    SHOW(update_va_mapping(table, pte_of(va_to_mfn(table), RO)));
    SHOW(mmuext(MMUEXT_PIN_L1_TABLE, va_to_mfn(table), 0));
    SHOW(mmuext(MMUEXT_PIN_L1_TABLE, va_to_mfn(table), 0));
    SHOW(mmuext(MMUEXT_PIN_L2_TABLE, va_to_mfn(table), 0));
    SHOW(update_va_mapping(table, pte_of(va_to_mfn(table), RW)));
    SHOW(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(table), 0));
    SHOW(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(table), 0));
    SHOW(update_va_mapping(table, pte_of(va_to_mfn(table), RW)));
    SHOW(mmuext(MMUEXT_NEW_BASEPTR, mfn, 0));
    SHOW(mmuext(MMUEXT_NEW_USER_BASEPTR, mfn, 0));
    SHOW(mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0));
    SHOW(mmuext(8, (uint64_t)page, BAD_POINTER));     /* TLB_FLUSH_MULTI */
    SHOW(mmuext(9, (uint64_t)page, BAD_POINTER));     /* INVLPG_MULTI */
    SHOW(mmuext(13, (uint64_t)page, 8193));           /* SET_LDT */
    SHOW(mmuext(13, (uint64_t)page + 8, 1));
    SHOW(mmuext(13, XEN_AREA, 1));
    SHOW(mmuext(13, 0, 0));
    SHOW(mmuext(16, mfn, 0));                         /* CLEAR_PAGE */
    SHOW(mmuext(17, mfn, mfn));                       /* COPY_PAGE */
    SHOW(mmuext(16, va_to_mfn((void *)start_info->pt_base), 0));
    SHOW(hypercall4(HYPERVISOR_mmuext_op, BAD_POINTER, 1, 0, DOMID_SELF));
    SHOW(hypercall4(HYPERVISOR_mmuext_op, 0, 0, 0, DOMID_SELF));
    SHOW(hypercall4(HYPERVISOR_mmuext_op, 0, 0, 0, 100));
    SHOW(hypercall4(HYPERVISOR_mmuext_op, 0, 0, 0, 0));
}

static void processor(void)
{
    section("processor state");
    SHOW(hypercall2(2, 0, 8193));                     /* set_gdt */
    SHOW(hypercall2(2, BAD_POINTER, 1));
    SHOW(hypercall2(2, (uint64_t)((words[0] = 0xfffffffful), words), 1));
    SHOW(hypercall2(10, va_to_mfn(words) << PAGE_SHIFT, 0)); /* update_descriptor */
    SHOW(hypercall2(10, 0xffffffff000ul, 0));
    SHOW(hypercall2(10, 4, 0));
    SHOW(hypercall2(8, 0, 0x1000));                   /* set_debugreg */
    SHOW(hypercall2(8, 0, XEN_AREA));
    SHOW(hypercall2(8, 0, NON_CANONICAL));
    SHOW(hypercall2(8, 4, 0));
    SHOW(hypercall2(8, 5, 0));
    SHOW(hypercall2(8, 6, ~0ul));
    SHOW(hypercall2(8, 7, 0x2000));                   /* general detect */
    SHOW(hypercall2(8, 7, 0x20000 | 2));              /* I/O breakpoints without CR4.DE */
    SHOW(hypercall2(8, 7, 1ul << 32));
    SHOW(hypercall2(8, 7, 0));
    SHOW(hypercall2(8, 8, 0));
    for (int i = 0; i < 9; i++)
        print("get_debugreg %d: %#lx\n", i, (uint64_t)hypercall1(9, i));
    SHOW(hypercall2(HYPERVISOR_set_segment_base, 0, NON_CANONICAL));
    SHOW(hypercall2(HYPERVISOR_set_segment_base, 1, NON_CANONICAL));
    SHOW(hypercall2(HYPERVISOR_set_segment_base, 2, NON_CANONICAL));
    SHOW(hypercall2(HYPERVISOR_set_segment_base, 0, XEN_AREA));
    SHOW(hypercall2(HYPERVISOR_set_segment_base, 3, 0xe008));
    SHOW(hypercall2(HYPERVISOR_set_segment_base, 3, 0x33));
    SHOW(hypercall2(HYPERVISOR_set_segment_base, 3, 0));
    SHOW(hypercall2(HYPERVISOR_set_segment_base, 4, 0));
    static struct trap_info trap[2];
    trap[0] = (struct trap_info){ .vector = 200, .cs = FLAT_CS64, .address = NON_CANONICAL };
    SHOW(hypercall1(HYPERVISOR_set_trap_table, (uint64_t)trap));
    trap[0] = (struct trap_info){ .vector = 200, .cs = 0xe008, .address = trap_entry(0) };
    SHOW(hypercall1(HYPERVISOR_set_trap_table, (uint64_t)trap));
    SHOW(hypercall1(HYPERVISOR_set_trap_table, BAD_POINTER));
    init_traps(0);
    SHOW(callback_register(3, 0, event_entry));
    SHOW(callback_register(9, 0, event_entry));
    SHOW(callback_register(CALLBACKTYPE_failsafe, 0, (void (*)(void))NON_CANONICAL));
    SHOW(hypercall2(HYPERVISOR_callback_op, 1, (uint64_t)ARGUMENT(9)));
    SHOW(hypercall2(HYPERVISOR_callback_op, 1, (uint64_t)ARGUMENT(0)));
    SHOW(hypercall2(HYPERVISOR_callback_op, 2, 0));

    section("vm_assist");
    for (int type = 0; type < 64; type++)
        if (type < 8 || type > 30) {
            long on = vm_assist(VMASST_CMD_enable, type);
            print("vm_assist %d: %ld, %ld\n", type, on, vm_assist(VMASST_CMD_disable, type));
        }
    SHOW(vm_assist(2, 0));

    section("physdev_op");
    for (int cmd = 0; cmd < 34; cmd++) {
        if (cmd != PHYSDEVOP_set_iopl)
            print("physdev_op %d, zeroes: %ld\n", cmd, hypercall2(HYPERVISOR_physdev_op, cmd, (uint64_t)memset(words, 0, sizeof words)));
        print("physdev_op %d, bad pointer: %ld\n", cmd, hypercall2(HYPERVISOR_physdev_op, cmd, BAD_POINTER));
    }
    SHOW(set_iopl(4));

    section("others");
    SHOW(hypercall3(HYPERVISOR_console_io, CONSOLEIO_write, 4, BAD_POINTER));
    SHOW(hypercall3(HYPERVISOR_console_io, 1, 4, (uint64_t)words));
    SHOW(hypercall3(HYPERVISOR_console_io, 2, 0, 0));
    SHOW(hypercall1(7, (uint64_t)zeroes));  /* platform_op */
    SHOW(hypercall1(35, (uint64_t)zeroes)); /* sysctl */
    SHOW(hypercall1(36, (uint64_t)zeroes)); /* domctl */
    words[0] = 1 | 0x15ul << 32;
    words[1] = 0;
    SHOW(hypercall1(35, (uint64_t)words));
    SHOW(hypercall1(36, (uint64_t)words));
    words[0] = 1 | 0x03000000ul << 32;
    SHOW(hypercall1(7, (uint64_t)words));
    SHOW(hypercall2(34, 0, (uint64_t)ARGUMENT(DOMID_SELF, 0))); /* hvm_op: set_param, get_param */
    SHOW(hypercall2(34, 1, (uint64_t)ARGUMENT(DOMID_SELF, 0)));
    SHOW(hypercall2(HYPERVISOR_multicall, BAD_POINTER, 1));
    SHOW(hypercall2(HYPERVISOR_multicall, BAD_POINTER, 0));
    SHOW(hypercall2(HYPERVISOR_multicall, XEN_AREA, 1));
    for (int i = 0; i < 4; i++)
        print("xenpmu_op %d: %ld\n", i, hypercall2(40, i, (uint64_t)memset(words, 0, sizeof words)));
    print("nmi_op 0: %ld\n", hypercall2(28, 0, (uint64_t)memset(words, 0, sizeof words)));
    print("nmi_op 1: %ld\n", hypercall2(28, 1, 0));
    print("nmi_op 2: %ld\n", hypercall2(28, 2, 0));
}

#define TRIED(what, number, trapped, value)                                                                     \
    do {                                                                                                         \
        if (trapped)                                                                                             \
            print("%s %#lx: trap %lu, error code %#lx\n", what, (uint64_t)(number), last_trap.vector,            \
                  last_trap.vector == 6 ? 0 : last_trap.error_code);                                             \
        else                                                                                                     \
            print("%s %#lx: %#lx\n", what, (uint64_t)(number), (uint64_t)(value));                               \
    } while (0)

static void instructions(void)
{
    section("model-specific registers");
    static const uint32_t msrs[] = {
        0x17, 0x1b, 0x34, 0x3a, 0x48, 0x49, 0x79, 0xce, 0xcf, 0xfe, 0x10a, 0x10b, 0x122, 0x123, 0x140, 0x174, 0x179, 0x17a, 0x186,
        0x198, 0x199, 0x1ad, 0x1d9, 0x1fc, 0x200, 0x277, 0x2ff, 0x345, 0x3f8, 0x400, 0x480, 0x606, 0x6e0, 0x770, 0x802, 0x830, 0xd90, 0xda0,
        0x40000000, 0x4b564d00, 0xc0000080, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000104, 0xc0010010, 0xc0010058,
        0xc0010117, 0xc001011f, 0xc001102c,
    };
    for (unsigned i = 0; i < sizeof msrs / sizeof *msrs; i++) {
        uint64_t low = 0, high = 0;
        bool trapped = TRY("rdmsr", OUT([l] "=&a"(low), [h] "=&d"(high)), IN([c] "c"(msrs[i])));
        TRIED("rdmsr", msrs[i], trapped, high << 32 | low);
        uint64_t a = low, d = high;
        if (trapped)
            a = d = 0;
        trapped = TRY("wrmsr", , IN([c] "c"(msrs[i]), [a] "a"(a), [d] "d"(d)));
        TRIED("wrmsr", msrs[i], trapped, 0);
    }

    section("ports");
    static const uint16_t ports[] = { 0x20, 0x40, 0x42, 0x43, 0x60, 0x61, 0x64, 0x70, 0x71, 0x80, 0x3f8, 0xcf8, 0xcfc, 0xffff };
    for (unsigned i = 0; i < sizeof ports / sizeof *ports; i++) {
        uint64_t value = 0;
        bool trapped = TRY("in %%dx, %%al", OUT([v] "+a"(value)), IN([p] "d"(ports[i])));
        TRIED("in, iopl 0, port", ports[i], trapped, value);
    }
    set_iopl(1);
    for (unsigned i = 0; i < sizeof ports / sizeof *ports; i++) {
        uint64_t value = 0;
        bool trapped = TRY("in %%dx, %%al", OUT([v] "+a"(value)), IN([p] "d"(ports[i])));
        TRIED("in, iopl 1, port", ports[i], trapped, ports[i] == 0x61 ? value & ~0x30ul : value);
        value = 0;
        trapped = TRY("in %%dx, %%eax", OUT([v] "+a"(value)), IN([p] "d"(ports[i])));
        TRIED("in of 4 bytes, port", ports[i], trapped, ports[i] <= 0x61 ? value & ~0xffff30fful : value);
    }

    section("segment registers");
    static const uint16_t selectors[] = { 0, 3, 4, 8, 0x10, 0x23, 0x2b, 0x33, 0xfff8, 0xe000, 0xe008, 0xe010, 0xe018, 0xe01b, 0xe023, 0xe028, 0xe02a,
                                          0xe02b, 0xe02f, 0xe030, 0xe033, 0xe038, 0xe03b, 0xe040, 0xe048, 0xe050, 0xe060, 0xe070, 0xe078, 0xefff };
    for (unsigned i = 0; i < sizeof selectors / sizeof *selectors; i++) {
        uint64_t sel = selectors[i], value = 0x5555, got = 0;
        __asm__ volatile("mov %0, %%ds" : : "r"(0));
        bool trapped = TRY("mov %w[s], %%ds", , IN([s] "r"(sel)));
        TRIED("mov to ds", sel, trapped, 0);
        trapped = TRY("mov %w[s], %%fs", , IN([s] "r"(sel)));
        TRIED("mov to fs", sel, trapped, 0);
        __asm__ volatile("mov %%ds, %w0" : "=r"(got));
        print("ds is %#lx\n", got & 0xffff);
        trapped = TRY("lar %k[s], %k[v]", OUT([v] "+r"(value)), IN([s] "r"(sel)));
        TRIED("lar", sel, trapped, value & ~0xf0000ul); /* bits 16 to 19 are undefined */
        value = 0x5555;
        trapped = TRY("lsl %k[s], %k[v]", OUT([v] "+r"(value)), IN([s] "r"(sel)));
        TRIED("lsl", sel, trapped, value);
        uint64_t flags = 0;
        trapped = TRY("verr %w[s]\n setz %b[v]\n verw %w[s]\n setz %h[v]", OUT([v] "+Q"(flags)), IN([s] "r"(sel)));
        TRIED("verr, verw", sel, trapped, flags);
    }
    uint64_t ds;
    __asm__ volatile("mov %0, %%ds" : : "r"(3));
    TRY("ud2", , );
    __asm__ volatile("mov %%ds, %w0" : "=r"(ds));
    print("ds of 0x3, after a trap: %#lx\n", ds & 0xffff);
    __asm__ volatile("mov %0, %%ds; mov %0, %%fs" : : "r"(0));

    section("privileged instructions");
#define READ(text)                                           \
    do {                                                     \
        uint64_t v_ = 0;                                     \
        bool trapped_ = TRY(text, OUT([v] "+r"(v_)), );      \
        TRIED(text, 0, trapped_, v_);                        \
    } while (0)
#define EXECUTE(text, ...)                                   \
    do {                                                     \
        bool trapped_ = TRY(text, , IN(__VA_ARGS__));        \
        TRIED(text, 0, trapped_, 0);                         \
    } while (0)
    READ("mov %%cr1, %[v]");
        READ("mov %%cr8, %[v]");
    EXECUTE("mov %[v], %%cr2", [v] "r"(0ul));
    EXECUTE("mov %[v], %%cr8", [v] "r"(0ul));
    EXECUTE("mov %[v], %%cr0", [v] "r"(0ul));
    EXECUTE("mov %[v], %%cr4", [v] "r"(0ul));
    EXECUTE("mov %[v], %%cr4", [v] "r"(~0ul));
    EXECUTE("mov %[v], %%cr3", [v] "r"(0xfffffffff000ul));
    EXECUTE("clts");
    EXECUTE("lmsw %w[v]", [v] "r"(0ul));
    EXECUTE("invlpg (%[v])", [v] "r"(words));
    EXECUTE("lgdt (%[v])", [v] "r"(words));
    EXECUTE("lidt (%[v])", [v] "r"(words));
    EXECUTE("lldt %w[v]", [v] "r"(0ul));
    EXECUTE("ltr %w[v]", [v] "r"(0ul));
    EXECUTE("swapgs");
    EXECUTE("sysretq", [c] "c"(0ul));
    EXECUTE("rdpmc", [c] "c"(0ul));
    EXECUTE("monitor", [a] "a"(words), [c] "c"(0ul), [d] "d"(0ul));
    EXECUTE("mwait", [a] "a"(0ul), [c] "c"(0ul));
    EXECUTE("int $3");
    EXECUTE("int $4");
    EXECUTE("int $0x20");
    EXECUTE("int $0x40");
    EXECUTE("int $0x80");
    EXECUTE("int $0x82");
    EXECUTE("int $0xff");
    EXECUTE("vmcall");
    EXECUTE("clac");
    READ("mov %%dr4, %[v]");
    READ("mov %%dr6, %[v]");
    READ("mov %%dr7, %[v]");
    EXECUTE("mov %[v], %%dr0", [v] "r"(XEN_AREA));
    EXECUTE("mov %[v], %%dr7", [v] "r"(0x2400ul));
    EXECUTE("movb $0, (%[v])", [v] "r"(XEN_AREA));
    EXECUTE("movb $0, (%[v])", [v] "r"(MACH2PHYS));
    EXECUTE("movb $0, (%[v])", [v] "r"(NON_CANONICAL));
    EXECUTE("movb $0, (%[v])", [v] "r"(BAD_POINTER));
    EXECUTE("movb $0, (%[v])", [v] "r"(start_info->pt_base + 256 * 8));
}

void test_main(void)
{
    numbers();
    init_traps(0);
    versions();
    event_channels();
    scheduling();
    grants();
    memory();
    page_tables();
    processor();
    instructions();
}
