#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int main(void)
{
	char line[100];
	FILE *p = popen("printf 'one\\ntwo\\nthree\\n' | sort -r; exit 3", "r");
	if (!p)
		return 1;
	for (int i = 1; fgets(line, sizeof line, p); i++)
		printf("%d %s", i, line);
	int status = pclose(p);
	printf("exit %d\n", WEXITSTATUS(status));
	fflush(stdout);
	p = popen("tr a-z A-Z", "w");
	fputs("written to a pipe\n", p);
	pclose(p);

	posix_spawn_file_actions_t actions;
	int fd[2];
	pid_t pid;
	if (pipe(fd))
		return 1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, fd[0]);
	char *argv[] = {"sh", "-c", "echo spawned $1; kill -TERM $$", "sh", "argument", NULL};
	int e = posix_spawnp(&pid, "sh", &actions, NULL, argv, environ);
	close(fd[1]);
	ssize_t n = read(fd[0], line, sizeof line);
	waitpid(pid, &status, 0);
	printf("%d \"%.*s\" signalled %d by %d\n", e, (int)n - 1, line, WIFSIGNALED(status), WTERMSIG(status));
	posix_spawn_file_actions_destroy(&actions);
	e = posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, environ);
	printf("%s\n", strerror(e));
	status = system("exit 5");
	return WEXITSTATUS(status);
}
