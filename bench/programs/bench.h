/*
 * What all programs share: markers on the console, between which the host takes the time, an
 * iteration count as the only argument, and a generator that yields the same numbers everywhere.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void say(const char *text, int length)
{
	if (write(1, text, length) != length)
		_exit(1);
}

/* Call it when all is prepared: what comes before is not timed. */
static inline long bench_start(const char *name, int argc, char **argv)
{
	char line[80];
	long count = argc > 1 ? atol(argv[1]) : 0;
	if (count < 1)
		_exit(2);
	say(line, snprintf(line, sizeof line, "@start %s\n", name));
	return count;
}

/* The result must not depend on the machine: the host compares it. */
static inline int bench_end(const char *name, uint32_t result)
{
	char line[80];
	say(line, snprintf(line, sizeof line, "@end %s %08x\n", name, (unsigned)result));
	return 0;
}

/* xorshift32 (Marsaglia 2003). */
static inline uint32_t random32(uint32_t *state)
{
	uint32_t x = *state;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

static inline void die(const char *what)
{
	perror(what);
	_exit(3);
}

#endif
