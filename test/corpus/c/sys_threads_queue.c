// Producers and consumers around a bounded queue with condition variables.
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

enum { ROOM = 8, PRODUCERS = 3, CONSUMERS = 2, EACH = 500 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t not_full, not_empty;
    int item[ROOM];
    unsigned head, tail;
    bool done;
} q = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, {0}, 0, 0, false};

static void put(int x)
{
    pthread_mutex_lock(&q.lock);
    while (q.tail - q.head == ROOM)
        pthread_cond_wait(&q.not_full, &q.lock);
    q.item[q.tail++ % ROOM] = x;
    pthread_cond_signal(&q.not_empty);
    pthread_mutex_unlock(&q.lock);
}

static bool get(int *x)
{
    pthread_mutex_lock(&q.lock);
    while (q.tail == q.head && !q.done)
        pthread_cond_wait(&q.not_empty, &q.lock);
    bool got = q.tail != q.head;
    if (got)
        *x = q.item[q.head++ % ROOM];
    pthread_cond_signal(&q.not_full);
    pthread_mutex_unlock(&q.lock);
    return got;
}

static void *produce(void *arg)
{
    int base = *(int *)arg;
    for (int i = 0; i < EACH; i++)
        put(base + i);
    return NULL;
}

static long sums[CONSUMERS], counts[CONSUMERS];

static void *consume(void *arg)
{
    int me = *(int *)arg, x;
    while (get(&x)) {
        sums[me] += x;
        counts[me]++;
    }
    return NULL;
}

int main(void)
{
    pthread_t p[PRODUCERS], c[CONSUMERS];
    int bases[PRODUCERS], ids[CONSUMERS];
    for (int i = 0; i < CONSUMERS; i++) {
        ids[i] = i;
        pthread_create(&c[i], NULL, consume, &ids[i]);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        bases[i] = i * 10000;
        pthread_create(&p[i], NULL, produce, &bases[i]);
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(p[i], NULL);
    pthread_mutex_lock(&q.lock);
    q.done = true;
    pthread_cond_broadcast(&q.not_empty);
    pthread_mutex_unlock(&q.lock);
    long sum = 0, count = 0;
    for (int i = 0; i < CONSUMERS; i++) {
        pthread_join(c[i], NULL);
        sum += sums[i];
        count += counts[i];
    }
    printf("%ld items, sum %ld, head %u tail %u\n", count, sum, q.head, q.tail);
    return count == PRODUCERS * EACH ? 0 : 1;
}
