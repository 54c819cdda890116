#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t alarms;
static void on_alarm(int sig) { (void)sig; alarms++; }

int main(void)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	sigaction(SIGALRM, &sa, NULL);
	struct itimerval it = {.it_value = {0, 5000}, .it_interval = {0, 5000}};
	setitimer(ITIMER_REAL, &it, NULL);
	int interrupted = 0;
	while (alarms < 5) {
		errno = 0;
		if (pause() == -1 && errno == EINTR)
			interrupted++;
	}
	memset(&it, 0, sizeof it);
	setitimer(ITIMER_REAL, &it, NULL);
	printf("at least five alarms: %d, interrupted: %d\n", alarms >= 5, interrupted > 0);
	struct timespec a, b, wait = {0, 3000000};
	clock_gettime(CLOCK_MONOTONIC, &a);
	int r = nanosleep(&wait, NULL);
	clock_gettime(CLOCK_MONOTONIC, &b);
	long ns = (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec;
	printf("slept %d, long enough: %d, not too long: %d\n", r, ns >= 3000000, ns < 30000000000L);
	clock_getres(CLOCK_REALTIME, &a);
	printf("resolution %ld s\n", (long)a.tv_sec);
	unsigned before = alarm(100), left = alarm(0);
	printf("%u %d\n", before, left > 90);
	return 0;
}
