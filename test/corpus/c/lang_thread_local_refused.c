#include <pthread.h>
#include <stdio.h>

static _Thread_local int mine = 5;
static __thread char text[16];

static void *work(void *arg)
{
    int n = *(int *)arg;
    for (int i = 0; i < n; i++)
        mine += i;
    snprintf(text, sizeof text, "t%d-%d", n, mine);
    return (void *)(long)mine;
}

int main(void)
{
    pthread_t t[3];
    int n[3] = {3, 10, 20};
    for (int i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, work, &n[i]);
    for (int i = 0; i < 3; i++) {
        void *r;
        pthread_join(t[i], &r);
        printf("thread %d had %ld\n", i, (long)r);
    }
    printf("main still has %d and \"%s\"\n", mine, text);
    return 0;
}
