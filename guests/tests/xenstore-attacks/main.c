#include "guest.h"

static char reply[4097], name[4097];
static uint16_t self;

/* Prints what the store says: its error, or the length of its answer. */
static long say(const char *what, long result)
{
    if (result == -1)
        print("%s: %s\n", what, reply);
    else if (result == -2)
        print("%s: no answer\n", what);
    else
        print("%s: OK\n", what);
    return result;
}

static long ask(const char *what, uint32_t type, const char *first, const char *second)
{
    return say(what, xenstore(type, 0, first, second, reply, sizeof reply));
}

static const char *home(const char *rest) { return format(name, sizeof name, "/local/domain/%u%s", self, rest); }

static long set_perms(const char *what, const char *path, const char *first, const char *second)
{
    char payload[512];
    size_t length = strlen(path) + 1, at = length;
    memcpy(payload, path, length);
    length = strlen(first) + 1;
    memcpy(payload + at, first, length);
    at += length;
    if (second) {
        length = strlen(second) + 1;
        memcpy(payload + at, second, length);
        at += length;
    }
    return say(what, xenstore_request(XS_SET_PERMS, 0, payload, at, reply, sizeof reply));
}

static void others(void)
{
    ask("writing the root", XS_WRITE, "/", "x");
    ask("removing the root", XS_RM, "/", NULL);
    ask("a node in the root", XS_WRITE, "/mine", "x");
    ask("a directory in the root", XS_MKDIR, "/mine", NULL);
    ask("reading domain 0's directory", XS_DIRECTORY, "/local/domain/0", NULL);
    ask("writing to domain 0's directory", XS_WRITE, "/local/domain/0/mine", "x");
    ask("writing domain 0's name", XS_WRITE, "/local/domain/0/name", "x");
    ask("a directory for a domain that is not there", XS_MKDIR, "/local/domain/1000", NULL);
    ask("the list of the domains", XS_DIRECTORY, "/local/domain", NULL);
    ask("rights of the root", XS_GET_PERMS, "/", NULL);
    set_perms("rights of the root, changed", "/", "b0", NULL);
    set_perms("rights of domain 0's directory, changed", "/local/domain/0", "b0", NULL);
    ask("writing one's own name", XS_WRITE, "name", "somebody");
    ask("writing one's own number", XS_WRITE, "domid", "0");
    ask("writing one's own memory limit", XS_WRITE, "memory/static-max", "1000000000");
    ask("removing one's own directory", XS_RM, home(""), NULL);
    set_perms("rights of one's own directory, changed", home(""), "b0", NULL);
    ask("writing one's own data", XS_WRITE, "data/x", "y");
    ask("reading it", XS_READ, "data/x", NULL);
    char text[16];
    set_perms("giving it away", "data/x", "n0", NULL);
    set_perms("sharing it", "data/x", format(text, sizeof text, "n%u", self), "r0");
    set_perms("sharing it with nobody", "data/x", "r", NULL);
    set_perms("sharing it with -1", "data/x", format(text, sizeof text, "n%u", self), "r-1");
    set_perms("sharing it in an unknown way", "data/x", format(text, sizeof text, "n%u", self), "x0");
}

static void privileged(void)
{
    ask("introducing a domain", XS_INTRODUCE, "5", "1");
    ask("releasing domain 0", XS_RELEASE, "0", NULL);
    ask("releasing oneself", XS_RELEASE, format(name, 16, "%u", self), NULL);
    ask("resuming", XS_RESUME, "1", NULL);
    ask("taking domain 0 as a target", XS_SET_TARGET, "1", "0");
    ask("the store's own control", XS_CONTROL, "help", NULL);
    ask("whether domain 0 is there", XS_IS_DOMAIN_INTRODUCED, "0", NULL);
    ask("an unknown type", 100, "x", NULL);
    ask("type -1", ~0u, "x", NULL);
    ask("a watch event from the guest", XS_WATCH_EVENT, "x", "y");
    ask("an error from the guest", XS_ERROR, "EINVAL", NULL);
}

static void malformed(void)
{
    ask("an empty path", XS_READ, "", NULL);
    ask("a path with two slashes", XS_READ, "data//x", NULL);
    ask("a path that ends with a slash", XS_READ, "data/", NULL);
    ask("a path with odd characters", XS_READ, "data/../../0/name", NULL);
    ask("a special path, read", XS_READ, "@releaseDomain", NULL);
    ask("a special path, written", XS_WRITE, "@releaseDomain", "x");
    say("nothing at all", xenstore_request(XS_READ, 0, "", 0, reply, sizeof reply));
    say("a path without an end", xenstore_request(XS_READ, 0, "data", 4, reply, sizeof reply));
    say("two paths", xenstore_request(XS_READ, 0, "data\0data", 10, reply, sizeof reply));
    say("a write without a value", xenstore_request(XS_WRITE, 0, "data/x", 6, reply, sizeof reply));
    say("a transaction that is not there", xenstore(XS_READ, 4711, "data", NULL, reply, sizeof reply));
    say("the end of a transaction that is not there", xenstore(XS_TRANSACTION_END, 4711, "T", NULL, reply, sizeof reply));
    say("the end of none", xenstore(XS_TRANSACTION_END, 0, "T", NULL, reply, sizeof reply));
    for (unsigned i = 0; i < 4000; i++)
        name[i] = 'a';
    name[4000] = 0;
    ask("a path of 4000 characters", XS_READ, name, NULL);
    name[2040] = 0;
    memcpy(name, "data/", 5);
    ask("a path of 2040 characters", XS_WRITE, name, "x");
    ask("  removed", XS_RM, name, NULL);
}

static void quotas(void)
{
    static char value[4000];
    unsigned count;
    long result;
    char key[64], token[16];

    memset(value, 'v', sizeof value - 1);
    value[1900] = 0;
    ask("a value of 1900 bytes", XS_WRITE, "data/x", value);
    value[1900] = 'v';
    value[2100] = 0;
    ask("a value of 2100 bytes", XS_WRITE, "data/x", value);

    uint32_t last = 0;
    for (count = 0; count < 100; count++) {
        result = xenstore(XS_TRANSACTION_START, 0, "", NULL, reply, sizeof reply);
        if (result < 0)
            break;
        last = 0;
        for (char *at = reply; *at; at++)
            last = last * 10 + *at - '0';
    }
    print("transactions at once: %u, then %s\n", count, reply);
    say("a write in the last one", xenstore(XS_WRITE, last, "data/t", "x", reply, sizeof reply));
    ask("watches and transactions away", XS_RESET_WATCHES, "", NULL);
    say("a write in it then", xenstore(XS_WRITE, last, "data/t", "x", reply, sizeof reply));

    ask("a watch of domain 0's directory", XS_WATCH, "/local/domain/0", "t");
    ask("a watch of the end of domains", XS_WATCH, "@releaseDomain", "t");
    ask("a watch of an unknown event", XS_WATCH, "@mine", "t");
    ask("the same watch twice", XS_WATCH, "/local/domain/0", "t");
    ask("a watch that is not there, removed", XS_UNWATCH, "/local/domain/0", "u");
    ask("watches away", XS_RESET_WATCHES, "", NULL);
    for (count = 0; count < 1000; count++) {
        result = xenstore(XS_WATCH, 0, "data", format(token, sizeof token, "%u", count), reply, sizeof reply);
        if (result < 0)
            break;
    }
    print("watches: %u, then %s\n", count, reply);
    ask("watches away", XS_RESET_WATCHES, "", NULL);

    for (count = 0; count < 3000; count++) {
        format(key, sizeof key, "data/%u/%u", count / 100, count % 100);
        result = xenstore(XS_WRITE, 0, key, "x", reply, sizeof reply);
        if (result < 0)
            break;
    }
    print("nodes: %s, then %s\n", count > 500 && count < 1100 ? "about a thousand" : "another number", reply);
    ask("one more by mkdir", XS_MKDIR, "data/more", NULL);
    ask("all of them removed", XS_RM, "data/0", NULL);
    ask("one then", XS_MKDIR, "data/more", NULL);
    print("the store still answers\n");
}

void test_main(void)
{
    init_events();
    self = own_domid();
    others();
    privileged();
    malformed();
    quotas();
    CHECK_EQUAL("domid in xenstore", xenstore_read_number("domid"), self);
}
