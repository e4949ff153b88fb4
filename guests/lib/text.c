/* Text, and the command line. */
#include "guest.h"

size_t strlen(const char *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

bool equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

long option(const char *name, long otherwise)
{
    const char *at = start_info->cmd_line;
    while (*at) {
        size_t i = 0;
        while (name[i] && at[i] == name[i])
            i++;
        if (!name[i] && at[i] == '=') {
            long value = 0;
            for (at += i + 1; *at >= '0' && *at <= '9'; at++)
                value = value * 10 + *at - '0';
            return value;
        }
        while (*at && *at != ' ')
            at++;
        while (*at == ' ')
            at++;
    }
    return otherwise;
}
