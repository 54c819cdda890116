#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	enum { N = 8 };
	pid_t pids[N];
	for (int i = 0; i < N; i++) {
		fflush(stdout);
		pids[i] = fork();
		if (pids[i] < 0)
			return 1;
		if (pids[i] == 0)
			_exit(i * 3);
	}
	int sum = 0;
	for (int i = N - 1; i >= 0; i--) {
		int status = 0;
		if (waitpid(pids[i], &status, 0) != pids[i])
			return 2;
		printf("child %d: %s %d\n", i, WIFEXITED(status) ? "exit" : "signal", WEXITSTATUS(status));
		sum += WEXITSTATUS(status);
	}
	printf("left: %d\n", (int)wait(NULL));
	return sum;
}
