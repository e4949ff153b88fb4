/* A random cycle of pointers through 32 MiB: nothing but dependent loads and TLB misses. */
#include "bench.h"

#define SIZE (32 << 20)
#define LINE 64
#define COUNT (SIZE / LINE)

struct line {
	uint32_t next;
	char rest[LINE - 4];
};

static struct line lines[COUNT];

int main(int argc, char **argv)
{
	uint32_t seed = 11, at = 0;
	for (uint32_t i = 0; i < COUNT; i++)
		lines[i].next = i;
	/* Sattolo's shuffle: one single cycle. */
	for (uint32_t i = COUNT - 1; i > 0; i--) {
		uint32_t j = random32(&seed) % i, next = lines[i].next;
		lines[i].next = lines[j].next;
		lines[j].next = next;
	}
	for (long n = bench_start("chase", argc, argv); n > 0; n--)
		for (int i = 0; i < 1000; i++)
			at = lines[at].next;
	return bench_end("chase", at);
}
