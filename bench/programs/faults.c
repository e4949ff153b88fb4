/* Touches each page of a fresh 4 MiB mapping: a page fault each, which the kernel answers with zeroes. */
#include <sys/mman.h>
#include "bench.h"

#define SIZE (4 << 20)
#define PAGE 4096

int main(int argc, char **argv)
{
	uint32_t result = 0;
	for (long n = bench_start("faults", argc, argv); n > 0; n--) {
		char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			die("mmap");
		/* Whole pages of 2 MiB would be something else. */
		madvise(memory, SIZE, MADV_NOHUGEPAGE);
		/* A load first would be two faults: of the page of zeroes, then of its copy. */
		for (int i = 0; i < SIZE; i += PAGE)
			memory[i] = n;
		result = result * 31 + (unsigned char)memory[n % SIZE / PAGE * PAGE];
		munmap(memory, SIZE);
	}
	return bench_end("faults", result);
}
