#include <pthread.h>
#include <stdio.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static int next, order[12];
static long total;
struct job { int id; pthread_t thread; long result; };
static void *work(void *arg)
{
	struct job *j = arg;
	for (int i = 0; i < 5000; i++) {
		pthread_mutex_lock(&lock);
		total += j->id;
		pthread_mutex_unlock(&lock);
		j->result += i % (j->id + 1);
	}
	pthread_mutex_lock(&lock);
	while (next != j->id)
		pthread_cond_wait(&turn, &lock);
	order[next++] = j->id;
	pthread_cond_broadcast(&turn);
	pthread_mutex_unlock(&lock);
	return &j->result;
}
int main(void)
{
	struct job jobs[4];
	for (int i = 3; i >= 0; i--) {
		jobs[i].id = i;
		jobs[i].result = 0;
		if (pthread_create(&jobs[i].thread, NULL, work, &jobs[i]) != 0)
			return 1;
	}
	for (int i = 0; i < 4; i++) {
		void *r;
		pthread_join(jobs[i].thread, &r);
		printf("%d: %ld, place %d\n", i, *(long *)r, order[i]);
	}
	printf("%ld\n", total);
	return 0;
}
