/* Eratosthenes' sieve over bytes: simple loops, byte stores with a stride. */
#include <string.h>
#include "bench.h"

#define LIMIT 1000000

static unsigned char composite[LIMIT + 1];

static uint32_t primes(void)
{
	uint32_t found = 0;
	memset(composite, 0, sizeof composite);
	for (uint32_t i = 2; i <= LIMIT; i++) {
		if (composite[i])
			continue;
		found++;
		for (uint32_t j = 2 * i; j <= LIMIT; j += i)
			composite[j] = 1;
	}
	return found;
}

int main(int argc, char **argv)
{
	uint32_t result = 0;
	for (long n = bench_start("sieve", argc, argv); n > 0; n--)
		result += primes();
	return bench_end("sieve", result);
}
