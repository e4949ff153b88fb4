/* Maps 64 KiB, touches one page of it, and unmaps it. */
#include <sys/mman.h>
#include "bench.h"

#define SIZE (64 << 10)

int main(int argc, char **argv)
{
	uint32_t result = 0;
	for (long n = bench_start("mmap", argc, argv); n > 0; n--) {
		volatile char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			die("mmap");
		memory[n % SIZE] = n;
		result += memory[n % SIZE] == (char)n;
		munmap((void *)memory, SIZE);
	}
	return bench_end("mmap", result);
}
