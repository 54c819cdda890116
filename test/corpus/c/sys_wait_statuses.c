#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int end_by_exit(void) { return 17; }
static int end_by_kill(void) { raise(SIGKILL); return 0; }
static int end_by_term(void) { signal(SIGTERM, SIG_DFL); raise(SIGTERM); return 0; }
static int end_by_abort(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    abort();
}
static int ignore_term(void) { signal(SIGTERM, SIG_IGN); raise(SIGTERM); return 3; }

static const struct { const char *name; int (*end)(void); } cases[] = {
    {"exit", end_by_exit}, {"kill", end_by_kill}, {"term", end_by_term}, {"abort", end_by_abort}, {"ignored", ignore_term},
};

int main(void)
{
    int signals = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int st;
        fflush(stdout);
        pid_t p = fork();
        if (p < 0)
            return 1;
        if (p == 0)
            _exit(cases[i].end());
        while (waitpid(p, &st, 0) < 0 && errno == EINTR)
            ;
        if (WIFEXITED(st))
            printf("%-8s exit %d\n", cases[i].name, WEXITSTATUS(st));
        else if (WIFSIGNALED(st)) {
            printf("%-8s signal %d, %s\n", cases[i].name, WTERMSIG(st), strsignal(WTERMSIG(st)));
            signals++;
        }
    }
    printf("no child: %s\n", waitpid(-1, NULL, 0) < 0 && errno == ECHILD ? "ECHILD" : "?");
    return signals;
}
