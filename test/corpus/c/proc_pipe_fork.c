#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	int down[2], up[2];
	if (pipe(down) != 0 || pipe(up) != 0)
		return 1;
	pid_t child = fork();
	if (child == 0) {
		close(down[1]);
		close(up[0]);
		int n, sum = 0;
		while (read(down[0], &n, sizeof n) == sizeof n) {
			sum += n;
			n *= n;
			if (write(up[1], &n, sizeof n) != sizeof n)
				_exit(99);
		}
		_exit(sum);
	}
	close(down[0]);
	close(up[1]);
	for (int i = 1; i <= 10; i++) {
		int square;
		if (write(down[1], &i, sizeof i) != sizeof i || read(up[0], &square, sizeof square) != sizeof square)
			return 2;
		printf("%d squared is %d\n", i, square);
	}
	close(down[1]);
	int status;
	if (waitpid(child, &status, 0) != child)
		return 3;
	printf("exited %d with %d\n", WIFEXITED(status), WEXITSTATUS(status));
	return 0;
}
