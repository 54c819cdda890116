#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
int main(void)
{
	setenv("GREETING", "hello there", 1);
	setenv("GREETING", "not this", 0);
	putenv((char[]){"NUMBER=17"});
	unsetenv("LC_ALL");
	printf("%s %s %d\n", getenv("GREETING"), getenv("NUMBER"), getenv("LC_ALL") != NULL);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		char *argv[] = {"sh", "-c", "echo \"$GREETING, $1\"; exit $NUMBER", "sh", "you", NULL};
		execve("/bin/sh", argv, environ);
		_exit(127);
	}
	int status;
	waitpid(pid, &status, 0);
	printf("status %d\n", WEXITSTATUS(status));
	return system("exit 3") == 3 << 8 ? 0 : 1;
}
