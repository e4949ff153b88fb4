/* The Mandelbrot set: a short loop of dependent double precision operations. */
#include "bench.h"

#define SIZE 128
#define LIMIT 200

static uint32_t escape(double cr, double ci)
{
	double r = 0, i = 0;
	uint32_t n = 0;
	for (; n < LIMIT && r * r + i * i <= 4; n++) {
		double next = r * r - i * i + cr;
		i = 2 * r * i + ci;
		r = next;
	}
	return n;
}

int main(int argc, char **argv)
{
	uint32_t result = 0;
	for (long n = bench_start("mandelbrot", argc, argv); n > 0; n--)
		for (int y = 0; y < SIZE; y++)
			for (int x = 0; x < SIZE; x++)
				result = result * 31 + escape(3.0 * x / SIZE - 2.25, 3.0 * y / SIZE - 1.5);
	return bench_end("mandelbrot", result);
}
