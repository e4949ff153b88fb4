/* Products of square matrices of doubles: long inner loops over memory. */
#include <string.h>
#include "bench.h"

#define SIDE 120

static double a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];

int main(int argc, char **argv)
{
	uint32_t seed = 99;
	for (int i = 0; i < SIDE * SIDE; i++) {
		a[i / SIDE][i % SIDE] = random32(&seed) % 1000 / 1000.0;
		b[i / SIDE][i % SIDE] = random32(&seed) % 1000 / 60000.0;
	}
	for (long n = bench_start("matrix", argc, argv); n > 0; n--) {
		for (int i = 0; i < SIDE; i++)
			for (int j = 0; j < SIDE; j++) {
				double sum = 0;
				for (int k = 0; k < SIDE; k++)
					sum += a[i][k] * b[k][j];
				c[i][j] = sum;
			}
		memcpy(a, c, sizeof a);
	}
	uint64_t bits;
	memcpy(&bits, &c[1][2], sizeof bits);
	return bench_end("matrix", bits ^ bits >> 32);
}
