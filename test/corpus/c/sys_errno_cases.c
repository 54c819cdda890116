#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOW(call) do { errno = 0; long r_ = (long)(call); int e_ = errno; printf("%s = %ld: %s\n", #call, r_, e_ ? strerror(e_) : "fine"); } while (0)

int main(void)
{
	char buffer[4];
	SHOW(open("/nonexistent/file", O_RDONLY));
	SHOW(open("/", O_WRONLY));
	SHOW(close(-1));
	SHOW(read(999, buffer, 1));
	SHOW(chdir("/etc/passwd"));
	SHOW(lseek(STDIN_FILENO + 500, 0, SEEK_SET));
	SHOW(strtol("99999999999999999999", NULL, 10));
	SHOW(strtol("-99999999999999999999", NULL, 10));
	SHOW(strtol("zz", NULL, 36));
	SHOW(strtol("7", NULL, 99));
	SHOW(strtoul("-1", NULL, 10) == ULONG_MAX);
	SHOW(getcwd(buffer, 1) == NULL);
	SHOW(access("/", R_OK));
	SHOW(dup2(0, -5));
	SHOW(isatty(998));
	volatile double minus = -1, zero = 0, big = 1e308;
	SHOW(isnan(sqrt(minus)) != 0);
	SHOW(isinf(log(zero)) != 0);
	SHOW(isinf(exp(big)) != 0);
	SHOW(pow(zero, minus) > 0);
	errno = ENOENT;
	perror("perror");
	fprintf(stderr, "%m\n");
	return errno == 0;
}
