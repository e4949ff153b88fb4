/* A process sends itself a signal and handles it: a system call, a signal frame, sigreturn. */
#include <signal.h>
#include "bench.h"

static volatile uint32_t handled;

static void handler(int number)
{
	handled += number == SIGUSR1;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = handler};
	pid_t self = getpid();
	if (sigaction(SIGUSR1, &action, NULL) < 0)
		die("sigaction");
	for (long n = bench_start("signal", argc, argv); n > 0; n--)
		kill(self, SIGUSR1);
	return bench_end("signal", handled);
}
