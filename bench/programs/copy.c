/* memcpy, memset and memchr of the C library over 4 MiB, and over lengths that programs use. */
#include <string.h>
#include "bench.h"

#define SIZE (4 << 20)

static unsigned char from[SIZE], to[SIZE];

int main(int argc, char **argv)
{
	uint32_t seed = 5, result = 0;
	for (int i = 0; i < SIZE; i++)
		from[i] = random32(&seed) | 1;
	for (long n = bench_start("copy", argc, argv); n > 0; n--) {
		memset(to, n, SIZE);
		memcpy(to, from, SIZE);
		for (int i = 0; i + 512 < SIZE; i += 4096)
			memcpy(to + i, from + i + 100, 16 + random32(&seed) % 300);
		result += (unsigned char *)memchr(to, 0, SIZE) == NULL;
		result = result * 31 + to[random32(&seed) % SIZE];
	}
	return bench_end("copy", result);
}
