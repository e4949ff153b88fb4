/* The cheapest system call: a process asks for its parent's number. */
#include <sys/syscall.h>
#include "bench.h"

int main(int argc, char **argv)
{
	uint32_t result = 0;
	long parent = syscall(SYS_getppid);
	for (long n = bench_start("syscall", argc, argv); n > 0; n--)
		result += syscall(SYS_getppid) == parent;
	return bench_end("syscall", result);
}
