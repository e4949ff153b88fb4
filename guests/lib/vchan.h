/*
 * A byte stream between two domains, by the protocol of Xen's libxenvchan (public io/libxenvchan.h): a shared page with
 * the indices of two rings, rings inside that page or in granted ones, an event channel, and notifications on request.
 */
#ifndef VCHAN_H
#define VCHAN_H

#include "guest.h"

#define VCHAN_NOTIFY_WRITE 1
#define VCHAN_NOTIFY_READ 2

struct vchan_ring {
    uint32_t cons, prod;
};
/* Left is the ring from client to server. */
struct vchan_interface {
    struct vchan_ring left, right;
    uint16_t left_order, right_order; /* 10: at 1024 of this page; 11: at 2048; from 12 on: granted pages */
    uint8_t cli_live, srv_live;       /* 0: closed; 1: open; the client's is 2 before it comes */
    uint8_t cli_notify, srv_notify;   /* what the client is to notify (the server wants it), and the server */
    uint32_t grants[];                /* of the left ring, then of the right one */
};

struct vchan {
    volatile struct vchan_interface *page;
    volatile struct vchan_ring *in, *out;
    volatile char *in_buffer, *out_buffer;
    uint32_t in_size, out_size, port;
    bool server, blocking;
    unsigned waits;       /* how often it has waited for the other side */
    unsigned nr_mappings; /* client */
    struct {
        volatile char *window;
        uint32_t handle;
    } mappings[40];
};

/* Offers a channel to `peer`: grants, an unbound port, and both in xenstore below `path`. */
void vchan_server(struct vchan *channel, uint16_t peer, const char *path, unsigned left_order, unsigned right_order);
/* Takes it up, when it is there. */
void vchan_client(struct vchan *channel, uint16_t peer, const char *path);
/* Blocking: all of it, or -1 if the other side has closed. Else what there is room for now, be it 0. */
long vchan_write(struct vchan *channel, const void *data, uint32_t length);
/* At least a byte if blocking; -1 if the other side has closed, and nothing is left. */
long vchan_read(struct vchan *channel, void *data, uint32_t length);
bool vchan_is_open(const struct vchan *channel);
void vchan_close(struct vchan *channel);

#endif
