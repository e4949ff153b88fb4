/* x87 with 80 bits: the logistic map and a polynomial, in long double. */
#include <string.h>
#include "bench.h"

int main(int argc, char **argv)
{
	long double x = 0.3L, sum = 0;
	for (long n = bench_start("longdouble", argc, argv); n > 0; n--)
		for (int i = 0; i < 1000; i++) {
			x = 3.99L * x * (1 - x);
			sum += ((x - 0.5L) * x + 0.25L) * x / (1 + x * x);
		}
	uint64_t bits;
	memcpy(&bits, &sum, sizeof bits);
	return bench_end("longdouble", bits ^ bits >> 32);
}
