/* A child squares the numbers that the parent sends through a pipe. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void child(int in, int out)
{
	FILE *from = fdopen(in, "r"), *to = fdopen(out, "w");
	long n, sum = 0;
	while (fscanf(from, "%ld", &n) == 1) {
		fprintf(to, "%ld %ld\n", n, n * n);
		sum += n;
	}
	fclose(to);
	_exit((int)sum % 256);
}

int main(void)
{
	int down[2], up[2], status;
	if (pipe(down) != 0 || pipe(up) != 0) {
		perror("pipe");
		return 1;
	}
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		close(down[1]);
		close(up[0]);
		child(down[0], up[1]);
	}
	close(down[0]);
	close(up[1]);
	for (int i = 1; i <= 20; i++)
		dprintf(down[1], "%d\n", i * 3);
	close(down[1]);
	FILE *answers = fdopen(up[0], "r");
	char line[64];
	while (fgets(line, sizeof line, answers))
		printf("> %s", line);
	fclose(answers);
	if (waitpid(pid, &status, 0) != pid)
		return 1;
	printf("exited %d with %d\n", WIFEXITED(status) != 0, WEXITSTATUS(status));
	return WEXITSTATUS(status) == 630 % 256 ? 0 : 1;
}
