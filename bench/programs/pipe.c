/* Two processes pass one byte to and fro through two pipes: a context switch each way. */
#include <sys/wait.h>
#include "bench.h"

static void pass(int from, int to, long count)
{
	char byte;
	for (; count > 0; count--)
		if (read(from, &byte, 1) != 1 || write(to, &byte, 1) != 1)
			die("pipe");
}

int main(int argc, char **argv)
{
	int there[2], back[2];
	char byte = 'x';
	long n = bench_start("pipe", argc, argv), left = n;
	if (pipe(there) < 0 || pipe(back) < 0)
		die("pipe");
	pid_t child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		pass(there[0], back[1], n);
		_exit(0);
	}
	for (; left > 0; left--)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			die("pipe");
	waitpid(child, NULL, 0);
	return bench_end("pipe", n - left + byte);
}
