#include "background.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

int spore__background_start(void *(*fn)(void *arg), size_t stack)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int e = pthread_attr_init(&attr);
	if (e != 0)
		return e;
	e = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (e == 0 && stack > 0)
		e = pthread_attr_setstacksize(&attr, stack);
	sigfillset(&all);
	if (e == 0)
		e = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (e == 0) {
		e = pthread_create(&thread, &attr, fn, NULL);
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	(void)pthread_attr_destroy(&attr);
	return e;
}

bool spore__lock_within(pthread_mutex_t *m, int ms)
{
	const struct timespec brief = {.tv_nsec = 1000000};
	for (; pthread_mutex_trylock(m) != 0; ms--) {
		if (ms <= 0)
			return false;
		(void)nanosleep(&brief, NULL);
	}
	return true;
}
