#include "vchan.h"

#define STREAM 200000
#define MESSAGES 200

static uint8_t buffer[STREAM];
static uint16_t self, peer;

/* Repeatable bytes and lengths: both sides know what is coming. */
static uint32_t seed;
static uint32_t next(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

static void fill(uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        buffer[i] = next();
}

static void expect(const char *what, uint32_t length)
{
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < length; i++)
        wrong += buffer[i] != (uint8_t)next();
    CHECK(!wrong, "%s: %u bytes of %u are wrong", what, wrong, length);
}

static void read_all(struct vchan *channel, uint32_t length, uint32_t piece)
{
    for (uint32_t done = 0; done < length;) {
        uint32_t want = length - done < piece ? length - done : piece;
        long got = vchan_read(channel, buffer + done, want);
        if (got <= 0)
            error("the stream ends at %u of %u", done, length);
        done += got;
    }
}

static void send_stream(struct vchan *channel)
{
    fill(STREAM);
    CHECK_EQUAL("a blocking write", vchan_write(channel, buffer, STREAM), STREAM);
    CHECK(channel->waits > 0, "a write of %u bytes to a ring of %u never waited", STREAM, channel->out_size);
}

static void receive_stream(struct vchan *channel)
{
    read_all(channel, STREAM, 777);
    expect("the stream", STREAM);
}

/* The client asks, the server gives back the same, with all bits inverted. */
static void ping_pong(struct vchan *channel)
{
    uint32_t limit = channel->in_size < channel->out_size ? channel->in_size : channel->out_size;
    for (unsigned i = 0; i < MESSAGES; i++) {
        uint32_t length = 1 + next() % limit, start = seed;
        if (channel->server) {
            read_all(channel, length, limit);
            expect("a message", length);
            for (uint32_t j = 0; j < length; j++)
                buffer[j] = ~buffer[j];
            vchan_write(channel, buffer, length);
        } else {
            fill(length);
            vchan_write(channel, buffer, length);
            read_all(channel, length, limit);
            for (uint32_t j = 0; j < length; j++)
                buffer[j] = ~buffer[j];
            seed = start;
            expect("an answer", length);
        }
    }
}

/* Without blocking, what does not fit is left, and what is not there is not waited for. */
static void check_nonblocking(struct vchan *channel)
{
    channel->blocking = false;
    while (channel->out->prod != channel->out->cons)
        sleep_ns(100000);
    CHECK_EQUAL("a read with nothing there", vchan_read(channel, buffer, 10), 0);
    fill(channel->out_size + 100);
    CHECK_EQUAL("a write of more than the ring", vchan_write(channel, buffer, channel->out_size + 100), channel->out_size);
    CHECK_EQUAL("a write to a full ring", vchan_write(channel, buffer, 1), 0);
    channel->blocking = true;
}

static void talk(unsigned round, bool server, unsigned left, unsigned right, bool server_closes)
{
    static struct vchan channel;
    char path[64];

    format(path, sizeof path, "/local/domain/%u/data/vchan/%u", server ? self : peer, round);
    seed = 1000 + round;
    if (server)
        vchan_server(&channel, peer, path, left, right);
    else
        vchan_client(&channel, peer, path);
    CHECK(vchan_is_open(&channel), "the channel is closed");
    ping_pong(&channel);
    server ? receive_stream(&channel) : send_stream(&channel);
    server ? send_stream(&channel) : receive_stream(&channel);

    /* The one who closes fills the ring before. The other one still finds all of it. */
    if (server == server_closes) {
        check_nonblocking(&channel);
        vchan_close(&channel);
    } else {
        while (vchan_is_open(&channel))
            wait_port(channel.port, 1000000);
        read_all(&channel, channel.in_size, 100);
        expect("what was written before the end", channel.in_size);
        CHECK_EQUAL("a read at the end", vchan_read(&channel, buffer, 1), -1);
        CHECK_EQUAL("a write to a closed channel", vchan_write(&channel, buffer, 1), -1);
        vchan_close(&channel);
    }
    print("round %u, %s, rings of %u and %u bytes: done\n", round, server ? "server" : "client", 1u << left, 1u << right);
}

void test_main(void)
{
    self = own_domid();
    peer = option("peer", 0);
    bool first = option("first", 0);
    talk(1, first, 10, 11, true);
    talk(2, !first, 14, 12, false);
}
