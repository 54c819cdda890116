#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t order[16];
static volatile sig_atomic_t count;

static void note(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (count < 16)
		order[count++] = sig * (info->si_code == SI_USER || info->si_code == SI_TKILL || info->si_code == SI_QUEUE ? 1 : -1);
}

int main(void)
{
	struct sigaction sa;
	sigset_t block, old, pending;
	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = note;
	sa.sa_flags = SA_SIGINFO;
	sigfillset(&sa.sa_mask);
	sigemptyset(&block);
	static const int signals[] = {SIGUSR1, SIGUSR2, SIGHUP, SIGALRM};
	for (unsigned i = 0; i < 4; i++) {
		sigaction(signals[i], &sa, NULL);
		sigaddset(&block, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &block, &old);
	raise(SIGUSR2);
	raise(SIGUSR1);
	raise(SIGUSR1);
	kill(getpid(), SIGHUP);
	sigpending(&pending);
	printf("pending USR1 %d USR2 %d HUP %d ALRM %d, handled %d\n", sigismember(&pending, SIGUSR1),
	       sigismember(&pending, SIGUSR2), sigismember(&pending, SIGHUP), sigismember(&pending, SIGALRM), (int)count);
	sigprocmask(SIG_SETMASK, &old, NULL);
	printf("handled %d\n", (int)count);
	int seen[65] = {0};
	for (int i = 0; i < count; i++)
		seen[order[i] < 0 ? 0 : order[i]]++;
	printf("HUP %d USR1 %d USR2 %d other %d\n", seen[SIGHUP], seen[SIGUSR1], seen[SIGUSR2], seen[0]);

	union sigval v = {.sival_int = 77};
	sigqueue(getpid(), SIGUSR1, v);
	sigdelset(&block, SIGUSR1);
	printf("after sigqueue %d, set has USR1 %d\n", (int)count, sigismember(&block, SIGUSR1));
	return count;
}
