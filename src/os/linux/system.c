#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "os/os.h"

// Numbers of statfs(2), https://man7.org/linux/man-pages/man2/statfs.2.html; linux/magic.h does not have all of them.
static const uint32_t network[] = {
    0x6969,     // NFS
    0xff534d42, // CIFS
    0xfe534d42, // SMB 2 and later
    0x517b,     // SMB
    0x01021997, // 9P
    0x00c36400, // Ceph
    0x5346414f, // AFS
    0x6b414653, // AFS, kernel's own
    0x73757245, // Coda
    0x564c,     // NCP
    0x0bd00bd0, // Lustre
    0x01161970, // GFS2
    0x7461636f, // OCFS2
};

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 // Linux 5.1
#endif

int64_t spore__os_memory_size(int fd, bool published)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS), wanted = F_SEAL_SHRINK | (published ? F_SEAL_FUTURE_WRITE : 0);
	if (seals >= 0 && (seals & wanted) == wanted && fstat(fd, &st) == 0)
		return st.st_size;
	if (seals >= 0)
		errno = EINVAL;
	return -1;
}

int spore__os_memory(size_t size)
{
	int fd = memfd_create("spore-window", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int spore__os_memory_reserve(int fd, size_t size)
{
	int r;
	while ((r = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size)) != 0 && errno == EINTR)
		;
	return r;
}

int spore__os_for_reading(int fd)
{
	char path[40];
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int spore__os_on_network(const char *path)
{
	struct statfs s;
	if (statfs(path, &s) != 0)
		return -1;
	for (size_t i = 0; i < sizeof network / sizeof network[0]; i++)
		if ((uint32_t)s.f_type == network[i])
			return 1;
	return 0;
}

void spore__os_close_from(int from)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned)from, ~0U, 0U) == 0)
		return;
#endif
	long limit = sysconf(_SC_OPEN_MAX);
	if (limit < 0 || limit > 65536)
		limit = 65536; // some containers say a billion
	for (int fd = from; fd < limit; fd++)
		(void)close(fd);
}

// Without stdio: it is called in the node, which counts its memory.
long spore__os_private_kib(void)
{
	static const char *const lines[] = {"\nPrivate_Clean:", "\nPrivate_Dirty:", "\nPrivate_Hugetlb:"};
	char text[2048];
	size_t len = 0;
	int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	for (ssize_t n; len < sizeof text - 1 && (n = read(fd, text + len, sizeof text - 1 - len)) > 0;)
		len += (size_t)n;
	close(fd);
	text[len] = '\0';
	long kib = 0;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		long n;
		const char *at = strstr(text, lines[i]);
		if (at != NULL && sscanf(at + strlen(lines[i]), "%ld", &n) == 1)
			kib += n;
		else if (i < 2)
			return -1;
	}
	return kib;
}

void spore__os_boot_id(char out[40])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, 39) : 0;
	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}
