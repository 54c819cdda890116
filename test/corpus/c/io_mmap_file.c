#define _DEFAULT_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void)
{
	int fd = open("map", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || ftruncate(fd, 8192) != 0)
		return 1;
	char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		return 2;
	for (int i = 0; i < 8192; i++)
		m[i] = (char)('a' + i % 26);
	memcpy(m + 100, "HELLO", 5);
	msync(m, 8192, MS_SYNC);
	char back[32] = "";
	ssize_t n = pread(fd, back, 20, 95);
	printf("%zd %s\n", n, back);
	pwrite(fd, "xyz", 3, 4096);
	printf("%.5s\n", m + 4096);
	unsigned sum = 0;
	for (int i = 0; i < 8192; i++)
		sum = sum * 33 + (unsigned char)m[i];
	printf("%08x %d\n", sum, munmap(m, 8192));
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	shared[0] = 41;
	if (fork() == 0) {
		shared[0]++;
		_exit(0);
	}
	while (((volatile int *)shared)[0] != 42)
		usleep(100);
	printf("%d\n", shared[0]);
	return close(fd);
}
