/* A process of about 4 MiB forks; the child ends at once. */
#include <string.h>
#include <sys/wait.h>
#include "bench.h"

static char memory[4 << 20];

int main(int argc, char **argv)
{
	uint32_t result = 0;
	memset(memory, 1, sizeof memory);
	for (long n = bench_start("fork", argc, argv); n > 0; n--) {
		int status;
		pid_t child = fork();
		if (child < 0)
			die("fork");
		if (child == 0)
			_exit(n & 7);
		if (waitpid(child, &status, 0) != child)
			die("waitpid");
		result = result * 31 + WEXITSTATUS(status);
	}
	return bench_end("fork", result);
}
