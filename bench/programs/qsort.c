/* The C library's qsort with a comparator: indirect calls, unpredictable branches, small copies. */
#include <string.h>
#include "bench.h"

#define COUNT 50000

struct record {
	uint32_t key;
	uint32_t value;
};

static struct record unsorted[COUNT], records[COUNT];

static int compare(const void *x, const void *y)
{
	const struct record *a = x, *b = y;
	return a->key < b->key ? -1 : a->key > b->key;
}

int main(int argc, char **argv)
{
	uint32_t seed = 7, result = 0;
	for (uint32_t i = 0; i < COUNT; i++)
		unsorted[i] = (struct record){random32(&seed), i};
	for (long n = bench_start("qsort", argc, argv); n > 0; n--) {
		memcpy(records, unsorted, sizeof records);
		qsort(records, COUNT, sizeof *records, compare);
		result = result * 31 + records[n % COUNT].value;
	}
	return bench_end("qsort", result);
}
