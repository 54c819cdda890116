#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
enum { SLOTS = 4, ITEMS = 500 };
static int ring[SLOTS];
static unsigned head, tail;
static sem_t empty, full;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int made;
static void make(void) { pthread_key_create(&key, NULL); made++; }
static void *produce(void *arg)
{
	pthread_once(&once, make);
	pthread_setspecific(key, arg);
	for (int i = 0; i < ITEMS; i++) {
		sem_wait(&empty);
		ring[head++ % SLOTS] = i * *(int *)pthread_getspecific(key);
		sem_post(&full);
	}
	return NULL;
}
int main(void)
{
	pthread_t t;
	int factor = 3;
	long sum = 0;
	sem_init(&empty, 0, SLOTS);
	sem_init(&full, 0, 0);
	pthread_once(&once, make);
	pthread_create(&t, NULL, produce, &factor);
	for (int i = 0; i < ITEMS; i++) {
		sem_wait(&full);
		int v = ring[tail++ % SLOTS];
		sem_post(&empty);
		if (v != i * 3)
			return 1;
		sum += v;
	}
	pthread_join(t, NULL);
	printf("%ld %d %d\n", sum, made, pthread_getspecific(key) == NULL);
	return 0;
}
