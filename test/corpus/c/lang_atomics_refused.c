#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

static atomic_int counter;
static _Atomic unsigned long long total;
static atomic_flag lock = ATOMIC_FLAG_INIT;
static int plain;

static void *work(void *arg)
{
	int step = *(int *)arg;
	for (int i = 0; i < 10000; i++) {
		atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);
		total += (unsigned)step;
		while (atomic_flag_test_and_set(&lock))
			;
		plain++;
		atomic_flag_clear(&lock);
	}
	return NULL;
}

int main(void)
{
	pthread_t t[4];
	int steps[4] = {1, 2, 3, 4};
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, work, &steps[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	int expected = 40000;
	printf("%d %llu %d\n", atomic_load(&counter), total, plain);
	printf("%d", atomic_compare_exchange_strong(&counter, &expected, 7));
	printf(" %d %d\n", atomic_load(&counter), expected);
	return 0;
}
