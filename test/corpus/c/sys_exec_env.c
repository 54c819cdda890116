#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void run(const char *title, char *const argv[], char *const env[])
{
	int fd[2], status;
	if (pipe(fd) != 0)
		exit(1);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fd[1], 1);
		close(fd[0]);
		close(fd[1]);
		execve(argv[0], argv, env);
		_exit(127);
	}
	close(fd[1]);
	printf("-- %s\n", title);
	char buffer[100];
	ssize_t n;
	while ((n = read(fd[0], buffer, sizeof buffer)) > 0)
		fwrite(buffer, 1, (size_t)n, stdout);
	close(fd[0]);
	waitpid(pid, &status, 0);
	printf("status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

int main(int argc, char **argv)
{
	(void)argv;
	char *const env[] = {"GREETING=good day", "EMPTY=", NULL};
	run("variables", (char *[]){"/bin/sh", "-c", "echo \"$GREETING|$EMPTY|${UNSET-unset}\"", NULL}, env);
	run("arguments", (char *[]){"/bin/sh", "-c", "for a; do echo \"<$a>\"; done; exit $#", "sh", "a b", "", "*", NULL}, env);
	run("missing", (char *[]){"/nonexistent/program", NULL}, env);
	setenv("CORPUS_A", "one", 1);
	setenv("CORPUS_A", "two", 0);
	putenv("CORPUS_B=three");
	printf("%s %s\n", getenv("CORPUS_A"), getenv("CORPUS_B"));
	unsetenv("CORPUS_A");
	int count = 0;
	for (char **e = environ; *e; e++)
		count += strncmp(*e, "CORPUS_", 7) == 0;
	printf("%d left, getenv gives %s, argc %d\n", count, getenv("CORPUS_A") ? "something" : "nothing", argc);
	return system("exit 9") >> 8;
}
