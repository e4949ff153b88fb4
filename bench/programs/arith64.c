/* 64-bit arithmetic: primality by Miller and Rabin's test with 64-bit products, and divisions. */
#include "bench.h"

static uint64_t power(uint64_t base, uint64_t exponent, uint64_t modulus)
{
	uint64_t result = 1;
	for (; exponent; exponent >>= 1) {
		if (exponent & 1)
			result = result * base % modulus;
		base = base * base % modulus;
	}
	return result;
}

/* Exact below 3,215,031,751 with these bases (Pomerance, Selfridge, Wagstaff 1980). */
static int is_prime(uint64_t n)
{
	static const uint32_t bases[] = {2, 3, 5, 7};
	uint64_t odd = n - 1;
	int twos = 0;
	for (; !(odd & 1); odd >>= 1)
		twos++;
	for (int i = 0; i < 4; i++) {
		uint64_t x = power(bases[i], odd, n);
		int round = 0;
		if (x == 1)
			continue;
		for (; x != n - 1 && round < twos; round++)
			x = x * x % n;
		if (x != n - 1)
			return 0;
	}
	return 1;
}

/* splitmix64 (Steele, Lea, Flood 2014): multiplications and shifts only. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

int main(int argc, char **argv)
{
	uint32_t result = 0;
	uint64_t state = 0;
	for (long n = bench_start("arith64", argc, argv); n > 0; n--) {
		for (int i = 0; i < 2000; i++)
			result ^= mix(state += 0x9e3779b97f4a7c15u);
		for (uint64_t candidate = 2000000001; candidate < 2000000200; candidate += 2)
			result += is_prime(candidate + 2 * (result & 1023));
	}
	return bench_end("arith64", result);
}
