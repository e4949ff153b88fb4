/* Maps and unmaps 64 KiB without touching more than one page. */
#include <sys/mman.h>
#include "bench.h"

#define SIZE (64 << 10)

int main(int argc, char **argv)
{
	uint32_t result = 0;
	for (long n = bench_start("mmap", argc, argv); n > 0; n--) {
		char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			die("mmap");
		result += ++memory[n % SIZE];
		munmap(memory, SIZE);
	}
	return bench_end("mmap", result);
}
