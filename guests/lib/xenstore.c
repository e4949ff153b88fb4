/* A client of xenstore: one request at a time, events masked, replies waited for by polling the port. */
#include "guest.h"

#define PATIENCE_NS 1000000000ul
#define MAX_PAYLOAD 4096

unsigned xenstore_events;

volatile struct xenstore_domain_interface *xenstore_ring(void) { return mfn_to_va(start_info->store_mfn); }

/* Waits until the store may have moved an index. */
static bool wait(uint64_t end)
{
    if (system_time() >= end)
        return false;
    wait_port(start_info->store_evtchn, 10000000);
    clear_port(start_info->store_evtchn);
    return true;
}

static bool send(const void *data, uint32_t length, uint64_t end)
{
    volatile struct xenstore_domain_interface *ring = xenstore_ring();
    const char *bytes = data;
    for (uint32_t i = 0; i < length;) {
        uint32_t produced = ring->req_prod;
        if (produced - ring->req_cons >= XENSTORE_RING_SIZE) {
            evtchn_send(start_info->store_evtchn);
            if (!wait(end))
                return false;
            continue;
        }
        ring->req[produced % XENSTORE_RING_SIZE] = bytes[i++];
        __asm__ volatile("" ::: "memory");
        ring->req_prod = produced + 1;
    }
    evtchn_send(start_info->store_evtchn);
    return true;
}

/* Receives `length` bytes; those beyond `room` are dropped. */
static bool receive(char *to, uint32_t length, uint32_t room, uint64_t end)
{
    volatile struct xenstore_domain_interface *ring = xenstore_ring();
    for (uint32_t i = 0; i < length;) {
        uint32_t consumed = ring->rsp_cons;
        if (ring->rsp_prod == consumed) {
            if (!wait(end))
                return false;
            continue;
        }
        __asm__ volatile("" ::: "memory");
        char byte = ring->rsp[consumed % XENSTORE_RING_SIZE];
        if (i < room)
            to[i] = byte;
        i++;
        __asm__ volatile("" ::: "memory");
        ring->rsp_cons = consumed + 1;
    }
    /* There may be more for which there was no room. */
    evtchn_send(start_info->store_evtchn);
    return true;
}

long xenstore_request(uint32_t type, uint32_t transaction, const void *payload, uint32_t length, char *reply, uint32_t room)
{
    static uint32_t last_request;
    uint64_t end = system_time() + PATIENCE_NS;
    struct xsd_sockmsg header = { .type = type, .req_id = ++last_request, .tx_id = transaction, .len = length };

    if (!send(&header, sizeof header, end) || !send(payload, length, end))
        return -2;
    for (;;) {
        if (!receive((char *)&header, sizeof header, sizeof header, end) || header.len > MAX_PAYLOAD)
            return -2;
        bool event = header.type == XS_WATCH_EVENT;
        if (!receive(reply, header.len, event ? 0 : room - 1, end))
            return -2;
        if (event) {
            xenstore_events++;
            continue;
        }
        reply[header.len < room - 1 ? header.len : room - 1] = 0;
        if (header.req_id != last_request)
            error("xenstore has answered another request");
        return header.type == XS_ERROR ? -1 : (long)header.len;
    }
}

long xenstore(uint32_t type, uint32_t transaction, const char *first, const char *second, char *reply, uint32_t room)
{
    static char payload[MAX_PAYLOAD];
    size_t length = strlen(first) + 1, more = second ? strlen(second) + (type != XS_WRITE) : 0;
    if (length + more > sizeof payload)
        error("a request is too long");
    memcpy(payload, first, length);
    memcpy(payload + length, second, more);
    return xenstore_request(type, transaction, payload, length + more, reply, room);
}

long xenstore_read_number(const char *path)
{
    char reply[32];
    long length = xenstore(XS_READ, 0, path, NULL, reply, sizeof reply), value = 0;
    if (length <= 0)
        return -1;
    for (char *at = reply; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + *at - '0';
    return value;
}
