#include "guest.h"

/*
 * The granter and the grantee go step by step: each publishes the step that it has done, and what the other one needs to
 * know, in its own directory of xenstore.
 */
static uint16_t self, peer;
static char reply[256];

static void publish(const char *key, uint32_t value)
{
    char path[64], text[16], payload[128];
    format(path, sizeof path, "data/%s", key);
    if (xenstore(XS_WRITE, 0, path, format(text, sizeof text, "%u", value), reply, sizeof reply) < 0)
        error("cannot write %s: %s", path, reply);
    size_t at = strlen(path) + 1;
    memcpy(payload, path, at);
    at += strlen(format(payload + at, 16, "n%u", self)) + 1;
    at += strlen(format(payload + at, 16, "r%u", peer)) + 1;
    if (xenstore_request(XS_SET_PERMS, 0, payload, at, reply, sizeof reply) < 0)
        error("cannot share %s: %s", path, reply);
}

static uint32_t learn(const char *key)
{
    char path[64];
    long value;
    format(path, sizeof path, "/local/domain/%u/data/%s", peer, key);
    while ((value = xenstore_read_number(path)) < 0)
        sleep_ns(200000);
    return value;
}

/* Both arrive here before either goes on. */
static void meet(unsigned step)
{
    char key[16];
    publish(format(key, sizeof key, "step%u", step), 1);
    learn(key);
}

/* The last time: what was published goes when the domain ends, so the other one is given time to see it. */
static void part(unsigned step)
{
    meet(step);
    sleep_ns(50000000);
}

static volatile uint64_t *page, *readable, *window;
static struct gnttab_copy copy_op;

static int copy(uint32_t ref, uint16_t flags, const volatile void *own)
{
    copy_op = (struct gnttab_copy){ .len = 8, .flags = flags, .status = 99 };
    bool out = flags & GNTCOPY_source_gref;
    *(out ? &copy_op.source.u.ref : &copy_op.dest.u.ref) = ref;
    (out ? &copy_op.source : &copy_op.dest)->domid = peer;
    (out ? &copy_op.dest : &copy_op.source)->u.gmfn = va_to_mfn(own);
    (out ? &copy_op.dest : &copy_op.source)->domid = DOMID_SELF;
    if (grant_table_op(GNTTABOP_copy, &copy_op, 1))
        error("copy failed");
    return copy_op.status;
}

static void granter(void)
{
    uint64_t *other = alloc_page(), *table = (uint64_t *)start_info->pt_base;
    page = alloc_page();
    readable = alloc_page();
    page[0] = 0x1111;
    readable[0] = 0x2222;
    publish("ref", grant(peer, page, 0));
    publish("readable", grant(peer, readable, GTF_readonly));
    publish("others", grant(peer + 5, other, 0));
    publish("table", grant(peer, table, 0));
    publish("mfn", va_to_mfn(other));
    struct evtchn_alloc_unbound alloc = { .dom = DOMID_SELF, .remote_dom = peer };
    struct evtchn_alloc_unbound stranger = { .dom = DOMID_SELF, .remote_dom = peer + 5 };
    event_channel_op(EVTCHNOP_alloc_unbound, &alloc);
    event_channel_op(EVTCHNOP_alloc_unbound, &stranger);
    publish("port", alloc.port);
    publish("stranger", stranger.port);
    meet(1); /* the grantee has mapped it, and has written to it */
    CHECK_EQUAL("what the grantee has written", page[1], 0x3333);
    CHECK_EQUAL("flags while it is mapped", grant_table[8].flags, GTF_permit_access | GTF_reading | GTF_writing);
    CHECK(port_pending(alloc.port), "the grantee's event has not arrived");
    clear_port(alloc.port);
    struct evtchn_status status = { .dom = DOMID_SELF, .port = alloc.port };
    event_channel_op(EVTCHNOP_status, &status);
    CHECK_EQUAL("state of the port", status.status, EVTCHNSTAT_interdomain);
    /* Withdrawn: the flags change, the mapping stays. A mapped page cannot become a page table, or be given away. */
    grant_table[8].flags &= GTF_reading | GTF_writing;
    CHECK(update_va_mapping(page, pte_of(va_to_mfn(page), RO)) == 0, "the page cannot be made read-only");
    CHECK(mmuext_op(MMUEXT_PIN_L1_TABLE, va_to_mfn(page)) != 0, "a page that the grantee can write to becomes a page table");
    if (update_va_mapping(page, pte_of(va_to_mfn(page), RW)))
        error("the page is lost");
    meet(2);
    meet(3); /* the grantee has unmapped it, and has closed the channel */
    CHECK_EQUAL("flags after it was unmapped", grant_table[8].flags, 0);
    event_channel_op(EVTCHNOP_status, &status);
    CHECK_EQUAL("state of the port after the other end was closed", status.status, EVTCHNSTAT_unbound);
    CHECK_EQUAL("a send then", evtchn_send(alloc.port), 0);
    part(4);
    CHECK_EQUAL("what copies have written", page[2], 0);
}

static void grantee(void)
{
    uint32_t ref = learn("ref"), read_ref = learn("readable"), handle, second;
    volatile uint64_t *own = alloc_page();
    window = alloc_page();

    CHECK_EQUAL("map", map_grant(peer, ref, window, GNTMAP_host_map, &handle), 0);
    CHECK_EQUAL("what the granter has written", window[0], 0x1111);
    window[1] = 0x3333;
    CHECK_EQUAL("map of a grant for another domain", map_grant(peer, learn("others"), own, GNTMAP_host_map, &second), GNTST_general_error);
    CHECK_EQUAL("map of a page table", map_grant(peer, learn("table"), own, GNTMAP_host_map, &second), GNTST_general_error);
    CHECK_EQUAL("map of a read-only grant for writing", map_grant(peer, read_ref, own, GNTMAP_host_map, &second), GNTST_general_error);
    CHECK_EQUAL("copy from a read-only grant", copy(read_ref, GNTCOPY_source_gref, own), GNTST_okay);
    CHECK_EQUAL("what it has copied", own[0], 0x2222);
    CHECK_EQUAL("copy to a read-only grant", copy(read_ref, GNTCOPY_dest_gref, own), GNTST_general_error);
    /* The granter's frames by number, and the mapped one by another way than the grant. */
    CHECK(update_va_mapping(own, pte_of(learn("mfn"), RO)) != 0, "a frame of the granter can be mapped without a grant");
    CHECK(update_va_mapping(own, pte_of(PTE_MFN(*entry_for(window, 1)), RW)) != 0, "a granted frame can be mapped again by hand");
    CHECK(mmuext_op(MMUEXT_PIN_L1_TABLE, PTE_MFN(*entry_for(window, 1))) != 0, "a granted frame becomes a page table here");
    CHECK(hypercall4(HYPERVISOR_update_va_mapping_otherdomain, (uint64_t)own, pte_of(learn("mfn"), RO), 0, peer) != 0,
          "update_va_mapping_otherdomain maps a frame of the granter");
    struct evtchn_bind_interdomain bind = { .remote_dom = peer, .remote_port = learn("stranger") };
    CHECK_EQUAL("binding a port for another domain", event_channel_op(EVTCHNOP_bind_interdomain, &bind), -EINVAL);
    bind.remote_port = learn("port");
    CHECK_EQUAL("bind_interdomain", event_channel_op(EVTCHNOP_bind_interdomain, &bind), 0);
    struct evtchn_bind_interdomain again = bind;
    CHECK_EQUAL("binding it twice", event_channel_op(EVTCHNOP_bind_interdomain, &again), -EINVAL);
    CHECK_EQUAL("send", evtchn_send(bind.local_port), 0);
    meet(1);
    meet(2); /* withdrawn */
    window[1] = 0x4444;
    CHECK_EQUAL("a second mapping after the withdrawal, for it is in use still", map_grant(peer, ref, own, GNTMAP_host_map, &second), 0);
    CHECK_EQUAL("unmap of it", unmap_grant(own, second), 0);
    CHECK_EQUAL("unmap", unmap_grant(window, handle), 0);
    CHECK_EQUAL("map after that", map_grant(peer, ref, window, GNTMAP_host_map, &handle), GNTST_general_error);
    struct evtchn_port close = { .port = bind.local_port };
    CHECK_EQUAL("close", event_channel_op(EVTCHNOP_close, &close), 0);
    meet(3);
    CHECK(copy(ref, GNTCOPY_dest_gref, own) != GNTST_okay, "a copy to a grant that is withdrawn");
    part(4);
}

void test_main(void)
{
    self = own_domid();
    peer = option("peer", 0);
    option("granter", 0) ? granter() : grantee();
}
