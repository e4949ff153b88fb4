/* Formatted output to the PV console ring, and to the hypervisor's console where that accepts it. */
#include <stdarg.h>

#include "guest.h"

static void ring_write(const char *text, size_t length)
{
    volatile struct xencons_interface *ring;
    struct evtchn_port notify = { .port = start_info->console_evtchn };

    if (!start_info->console_mfn)
        return;
    ring = mfn_to_va(start_info->console_mfn);
    for (size_t i = 0; i < length;) {
        uint32_t produced = ring->out_prod;
        if (produced - ring->out_cons < sizeof ring->out) {
            ring->out[produced % sizeof ring->out] = text[i++];
            __asm__ volatile("" ::: "memory");
            ring->out_prod = produced + 1;
        } else {
            event_channel_op(EVTCHNOP_send, &notify);
            sched_op(SCHEDOP_yield, NULL);
        }
    }
    event_channel_op(EVTCHNOP_send, &notify);
}

static char line[256];
static size_t used;

static void put(char c)
{
    if (c == '\n' && used < sizeof line)
        line[used++] = '\r';
    if (used < sizeof line)
        line[used++] = c;
}

static void put_number(uint64_t value, unsigned base, int width, char fill)
{
    char digits[24];
    int n = 0;
    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (width-- > n)
        put(fill);
    while (n)
        put(digits[--n]);
}

/* Knows %s %c %d %u %x %%, the flags 0 and #, a width and the modifier l. */
static void format_to_line(const char *format, va_list args)
{
    for (; *format; format++) {
        if (*format != '%') {
            put(*format);
            continue;
        }
        bool alternate = false, is_long = false;
        char fill = ' ';
        int width = 0;
        for (format++; *format == '#' || *format == '0'; format++) {
            alternate |= *format == '#';
            if (*format == '0')
                fill = '0';
        }
        for (; *format >= '0' && *format <= '9'; format++)
            width = width * 10 + *format - '0';
        for (; *format == 'l'; format++)
            is_long = true;
        switch (*format) {
        case 's':
            for (const char *s = va_arg(args, const char *); *s; s++)
                put(*s);
            break;
        case 'c':
            put((char)va_arg(args, int));
            break;
        case 'd': {
            int64_t value = is_long ? va_arg(args, int64_t) : va_arg(args, int);
            if (value < 0)
                put('-');
            put_number(value < 0 ? -(uint64_t)value : (uint64_t)value, 10, width, fill);
            break;
        }
        case 'u':
        case 'x': {
            uint64_t value = is_long ? va_arg(args, uint64_t) : va_arg(args, unsigned);
            if (alternate) {
                put('0');
                put('x');
            }
            put_number(value, *format == 'x' ? 16 : 10, width, fill);
            break;
        }
        default:
            put(*format);
        }
    }
}

static void flush(void)
{
    /* A release build of Xen refuses this to other domains than the first: no matter. */
    hypercall3(HYPERVISOR_console_io, CONSOLEIO_write, used, (uint64_t)line);
    ring_write(line, used);
    used = 0;
}

void print(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    format_to_line(format, args);
    va_end(args);
    flush();
}

char *format(char *to, size_t room, const char *text, ...)
{
    va_list args;
    size_t before = used;
    va_start(args, text);
    format_to_line(text, args);
    va_end(args);
    size_t length = used - before < room ? used - before : room - 1;
    memcpy(to, line + before, length);
    to[length] = 0;
    used = before;
    return to;
}

void outcome(const char *attempt, long result)
{
    print("%s: %ld\n", attempt, result);
}

void trap_outcome(const char *attempt)
{
    if (!trap_taken)
        print("%s: no trap\n", attempt);
    else
        print("%s: trap %lu, error code %#lx\n", attempt, last_trap.vector, last_trap.error_code);
}

static unsigned failures;

void fail(const char *format, ...)
{
    va_list args;
    failures++;
    va_start(args, format);
    format_to_line("FAIL: ", args);
    format_to_line(format, args);
    va_end(args);
    put('\n');
    flush();
}

void check_equal(const char *what, uint64_t value, uint64_t wanted)
{
    if (value != wanted)
        fail("%s is %#lx, expected %#lx", what, value, wanted);
}

static _Noreturn void finish(const char *result)
{
    uint32_t reason = SHUTDOWN_poweroff;
    print("Test result: %s\n", result);
    for (;;)
        sched_op(SCHEDOP_shutdown, &reason);
}

#define FINISH_WITH(name, word)                  \
    _Noreturn void name(const char *format, ...) \
    {                                            \
        va_list args;                            \
        va_start(args, format);                  \
        format_to_line(format, args);            \
        va_end(args);                            \
        put('\n');                               \
        flush();                                 \
        finish(word);                            \
    }
FINISH_WITH(skip, "SKIP")
FINISH_WITH(error, "ERROR")

void expect_crash(void)
{
    print("Test result: CRASH EXPECTED\n");
}

void finish_test(void)
{
    finish(failures ? "FAILURE" : "SUCCESS");
}
