#include "vchan.h"

#define PATIENCE_NS 20000000ul
#define SMALL_ORDER 10
#define LARGE_ORDER 11
#define MAX_ORDER 16

static unsigned pages_of(unsigned order) { return order < PAGE_SHIFT ? 0 : 1u << (order - PAGE_SHIFT); }

static volatile char *in_page(const struct vchan *channel, unsigned order)
{
    return (volatile char *)channel->page + (order == SMALL_ORDER ? 1024 : 2048);
}

/* Pages of the spare ones follow each other. */
static volatile char *alloc_pages(unsigned count)
{
    volatile char *first = alloc_page();
    for (unsigned i = 1; i < count; i++)
        if ((volatile char *)alloc_page() != first + i * PAGE_SIZE)
            error("spare pages do not follow each other");
    return first;
}

static volatile char *share_ring(uint16_t peer, unsigned order, volatile uint32_t *refs)
{
    volatile char *pages = alloc_pages(pages_of(order));
    for (unsigned i = 0; i < pages_of(order); i++)
        refs[i] = grant(peer, pages + i * PAGE_SIZE, 0);
    return pages;
}

static void publish(const char *path, const char *key, uint32_t value, uint16_t self, uint16_t peer)
{
    char name[96], text[16], rights[32], reply[64];
    format(name, sizeof name, "%s/%s", path, key);
    format(text, sizeof text, "%u", value);
    if (xenstore(XS_WRITE, 0, name, text, reply, sizeof reply) < 0)
        error("cannot write %s: %s", name, reply);
    /* Two strings: n and our number, r and the peer's. */
    size_t at = strlen(name) + 1, length = strlen(format(rights, sizeof rights, "n%u", self)) + 1;
    char payload[160];
    memcpy(payload, name, at);
    memcpy(payload + at, rights, length);
    at += length;
    length = strlen(format(rights, sizeof rights, "r%u", peer)) + 1;
    memcpy(payload + at, rights, length);
    if (xenstore_request(XS_SET_PERMS, 0, payload, at + length, reply, sizeof reply) < 0)
        error("cannot share %s: %s", name, reply);
}

void vchan_server(struct vchan *channel, uint16_t peer, const char *path, unsigned left_order, unsigned right_order)
{
    uint16_t self = own_domid();
    struct evtchn_alloc_unbound alloc = { .dom = DOMID_SELF, .remote_dom = peer };

    *channel = (struct vchan){ .server = true, .blocking = true, .page = alloc_page() };
    volatile struct vchan_interface *page = channel->page;
    page->left_order = left_order;
    page->right_order = right_order;
    page->cli_live = 2;
    page->srv_live = 1;
    page->cli_notify = VCHAN_NOTIFY_WRITE;
    channel->in = &page->left;
    channel->out = &page->right;
    channel->in_size = 1u << left_order;
    channel->out_size = 1u << right_order;
    channel->in_buffer = pages_of(left_order) ? share_ring(peer, left_order, page->grants) : in_page(channel, left_order);
    channel->out_buffer = pages_of(right_order) ? share_ring(peer, right_order, page->grants + pages_of(left_order))
                                                : in_page(channel, right_order);
    if (event_channel_op(EVTCHNOP_alloc_unbound, &alloc))
        error("cannot allocate an event channel for domain %u", peer);
    channel->port = alloc.port;
    uint32_t ref = grant(peer, page, 0);
    publish(path, "event-channel", alloc.port, self, peer);
    publish(path, "ring-ref", ref, self, peer);
}

static volatile char *map(struct vchan *channel, uint16_t peer, const volatile uint32_t *refs, unsigned count)
{
    volatile char *window = alloc_pages(count);
    for (unsigned i = 0; i < count; i++) {
        unsigned n = channel->nr_mappings++;
        channel->mappings[n].window = window + i * PAGE_SIZE;
        int status = map_grant(peer, refs[i], window + i * PAGE_SIZE, GNTMAP_host_map, &channel->mappings[n].handle);
        if (status)
            error("cannot map grant %u of domain %u: %d", refs[i], peer, status);
    }
    return window;
}

void vchan_client(struct vchan *channel, uint16_t peer, const char *path)
{
    char name[96];
    long ref, port;

    *channel = (struct vchan){ .blocking = true };
    /* The server writes this key last. */
    while ((ref = xenstore_read_number(format(name, sizeof name, "%s/ring-ref", path))) < 0)
        sleep_ns(100000);
    port = xenstore_read_number(format(name, sizeof name, "%s/event-channel", path));
    struct evtchn_bind_interdomain bind = { .remote_dom = peer, .remote_port = port };
    if (event_channel_op(EVTCHNOP_bind_interdomain, &bind))
        error("cannot bind port %ld of domain %u", port, peer);
    channel->port = bind.local_port;

    uint32_t first = ref;
    volatile struct vchan_interface *page = channel->page = (void *)map(channel, peer, &first, 1);
    /* What the other side may change is read once. */
    unsigned left_order = page->left_order, right_order = page->right_order;
    if (left_order < SMALL_ORDER || left_order > MAX_ORDER || right_order < SMALL_ORDER || right_order > MAX_ORDER ||
        (left_order == right_order && left_order <= LARGE_ORDER))
        error("rings of orders %u and %u", left_order, right_order);
    channel->out = &page->left;
    channel->in = &page->right;
    channel->out_size = 1u << left_order;
    channel->in_size = 1u << right_order;
    channel->out_buffer =
        pages_of(left_order) ? map(channel, peer, page->grants, pages_of(left_order)) : in_page(channel, left_order);
    channel->in_buffer = pages_of(right_order) ? map(channel, peer, page->grants + pages_of(left_order), pages_of(right_order))
                                               : in_page(channel, right_order);
    page->srv_notify = VCHAN_NOTIFY_WRITE;
    page->cli_live = 1;
    evtchn_send(channel->port);
}

bool vchan_is_open(const struct vchan *channel)
{
    return (channel->server ? channel->page->cli_live : channel->page->srv_live) != 0;
}

/* Asks the other side for a notification of its next write (or read). */
static void request_notify(struct vchan *channel, uint8_t what)
{
    volatile uint8_t *bits = channel->server ? &channel->page->cli_notify : &channel->page->srv_notify;
    __atomic_fetch_or(bits, what, __ATOMIC_SEQ_CST);
}

/* Notifies it, if it has asked. */
static void send_notify(struct vchan *channel, uint8_t what)
{
    volatile uint8_t *bits = channel->server ? &channel->page->srv_notify : &channel->page->cli_notify;
    if (__atomic_fetch_and(bits, (uint8_t)~what, __ATOMIC_SEQ_CST) & what)
        evtchn_send(channel->port);
}

/* Indices that cannot be lock up the ring: nothing to read, no room to write. */
static uint32_t readable(const struct vchan *channel)
{
    uint32_t length = channel->in->prod - channel->in->cons;
    return length > channel->in_size ? 0 : length;
}

static uint32_t writable(const struct vchan *channel)
{
    uint32_t used = channel->out->prod - channel->out->cons;
    return used > channel->out_size ? 0 : channel->out_size - used;
}

static void wait(struct vchan *channel)
{
    channel->waits++;
    wait_port(channel->port, PATIENCE_NS);
    clear_port(channel->port);
}

long vchan_write(struct vchan *channel, const void *data, uint32_t length)
{
    uint32_t done = 0;
    while (done < length) {
        if (!vchan_is_open(channel))
            return -1;
        uint32_t room = writable(channel);
        if (room < length - done) {
            request_notify(channel, VCHAN_NOTIFY_READ);
            room = writable(channel);
        }
        uint32_t part = room < length - done ? room : length - done, at = channel->out->prod;
        for (uint32_t i = 0; i < part; i++)
            channel->out_buffer[(at + i) & (channel->out_size - 1)] = ((const char *)data)[done + i];
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        channel->out->prod = at + part;
        done += part;
        if (part)
            send_notify(channel, VCHAN_NOTIFY_WRITE);
        if (done == length || !channel->blocking)
            break;
        wait(channel);
    }
    return done;
}

long vchan_read(struct vchan *channel, void *data, uint32_t length)
{
    for (;;) {
        uint32_t ready = readable(channel);
        if (!ready) {
            request_notify(channel, VCHAN_NOTIFY_WRITE);
            ready = readable(channel);
        }
        if (ready) {
            uint32_t part = ready < length ? ready : length, at = channel->in->cons;
            for (uint32_t i = 0; i < part; i++)
                ((char *)data)[i] = channel->in_buffer[(at + i) & (channel->in_size - 1)];
            __atomic_thread_fence(__ATOMIC_SEQ_CST);
            channel->in->cons = at + part;
            send_notify(channel, VCHAN_NOTIFY_READ);
            return part;
        }
        if (!vchan_is_open(channel))
            return -1;
        if (!channel->blocking)
            return 0;
        wait(channel);
    }
}

void vchan_close(struct vchan *channel)
{
    struct evtchn_port port = { .port = channel->port };
    if (channel->server)
        channel->page->srv_live = 0;
    else
        channel->page->cli_live = 0;
    evtchn_send(channel->port);
    if (event_channel_op(EVTCHNOP_close, &port))
        fail("cannot close port %u", channel->port);
    for (unsigned i = 0; i < channel->nr_mappings; i++) {
        int status = unmap_grant(channel->mappings[i].window, channel->mappings[i].handle);
        CHECK(status == 0, "cannot unmap a grant: %d", status);
    }
}
