#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t counts[65];
static void handler(int sig) { counts[sig]++; }
static void info(int sig, siginfo_t *si, void *context)
{
	(void)context;
	counts[sig] += si->si_pid == getpid() ? 10 : 100;
}

int main(void)
{
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = handler;
	sigaction(SIGUSR1, &sa, NULL);
	sa.sa_sigaction = info;
	sa.sa_flags = SA_SIGINFO;
	sigaction(SIGUSR2, &sa, NULL);
	for (int i = 0; i < 5; i++)
		raise(SIGUSR1);
	kill(getpid(), SIGUSR2);
	sigset_t block, pending;
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	raise(SIGUSR1);
	raise(SIGUSR1);
	sigpending(&pending);
	printf("%d %d pending %d\n", (int)counts[SIGUSR1], (int)counts[SIGUSR2], sigismember(&pending, SIGUSR1));
	sigprocmask(SIG_UNBLOCK, &block, NULL);
	printf("%d\n", (int)counts[SIGUSR1]);
	signal(SIGUSR1, SIG_DFL);
	fflush(stdout);
	raise(SIGUSR1);
	return 0;
}
