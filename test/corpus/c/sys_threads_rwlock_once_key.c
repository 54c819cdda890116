#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static int initialised, freed, table[10];

static void release(void *p)
{
	pthread_rwlock_wrlock(&lock);
	freed += (int)strlen(p);
	pthread_rwlock_unlock(&lock);
	free(p);
}

static void setup(void)
{
	initialised++;
	pthread_key_create(&key, release);
}

static void *work(void *arg)
{
	int n = (int)(size_t)arg;
	pthread_once(&once, setup);
	char *mine = malloc(32);
	sprintf(mine, "thread-%0*d", n + 1, n);
	pthread_setspecific(key, mine);
	pthread_barrier_wait(&barrier);
	pthread_rwlock_wrlock(&lock);
	table[n] = (int)strlen(pthread_getspecific(key));
	pthread_rwlock_unlock(&lock);
	pthread_barrier_wait(&barrier);
	long sum = 0;
	pthread_rwlock_rdlock(&lock);
	for (int i = 0; i < 10; i++)
		sum += table[i] * (i + n);
	pthread_rwlock_unlock(&lock);
	return (void *)sum;
}

int main(void)
{
	pthread_t t[5];
	pthread_barrier_init(&barrier, NULL, 5);
	for (size_t i = 0; i < 5; i++)
		pthread_create(&t[i], NULL, work, (void *)i);
	for (int i = 0; i < 5; i++) {
		void *sum;
		pthread_join(t[i], &sum);
		printf("thread %d: %ld\n", i, (long)sum);
	}
	printf("initialised %d time, freed %d characters, key empty here: %d\n", initialised, freed, pthread_getspecific(key) == NULL);
	pthread_barrier_destroy(&barrier);
	return 0;
}
