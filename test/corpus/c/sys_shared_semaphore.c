#define _GNU_SOURCE
#include <semaphore.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared { sem_t turn[3], lock; int order[30], count; long sum; };

int main(void)
{
	struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		return 1;
	sem_init(&s->lock, 1, 1);
	for (int i = 0; i < 3; i++)
		sem_init(&s->turn[i], 1, i == 0);
	for (int me = 0; me < 3; me++)
		if (fork() == 0) {
			for (int round = 0; round < 10; round++) {
				sem_wait(&s->turn[me]);
				s->order[s->count++] = me;
				sem_post(&s->turn[(me + 1) % 3]);
			}
			for (int i = 0; i < 1000; i++) {
				sem_wait(&s->lock);
				s->sum += me + 1;
				sem_post(&s->lock);
			}
			_exit(me);
		}
	int status, total = 0;
	while (wait(&status) > 0)
		total += WEXITSTATUS(status);
	for (int i = 0; i < s->count; i++)
		printf("%d", s->order[i]);
	printf("\n%d %ld %d\n", s->count, s->sum, total);
	return 0;
}
