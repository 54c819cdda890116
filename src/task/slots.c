// XXH3 is compiled in, as in log.c.
#define XXH_INLINE_ALL
#include "task/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static const unsigned char magic[4] = {'S', 'L', 'T', '1'};

enum { LENGTH_AT = 4, NUMBER_AT = 8, SUM_AT = 16, READS = 8 };

static void put(unsigned char *to, uint64_t n, int bytes)
{
	for (int i = 0; i < bytes; i++)
		to[i] = (unsigned char)(n >> (8 * i));
}

static uint64_t get(const unsigned char *from, int bytes)
{
	uint64_t n = 0;
	for (int i = 0; i < bytes; i++)
		n |= (uint64_t)from[i] << (8 * i);
	return n;
}

static uint64_t checksum(const unsigned char *slot, size_t len)
{
	return XXH3_64bits_withSeed(slot + SPORE__SLOT_HEAD, len, get(slot + NUMBER_AT, 8));
}

// The number of the slot of which SIZE bytes are there, and its content's length. False: it is not whole.
static bool look(const unsigned char *slot, size_t size, uint64_t *number, size_t *len)
{
	if (size < SPORE__SLOT_HEAD || memcmp(slot, magic, sizeof magic) != 0)
		return false;
	*len = (size_t)get(slot + LENGTH_AT, 4);
	*number = get(slot + NUMBER_AT, 8);
	return *len <= SPORE__SLOT - SPORE__SLOT_HEAD && *len <= size - SPORE__SLOT_HEAD &&
	       get(slot + SUM_AT, 8) == checksum(slot, *len);
}

static ssize_t read_all(int fd, unsigned char *both)
{
	size_t at = 0;
	while (at < 2 * SPORE__SLOT) {
		ssize_t n = pread(fd, both + at, 2 * SPORE__SLOT - at, (off_t)at);
		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return -1;
		at += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)at;
}

// Which slot counts (0, 1), -1: none; -2: errno.
static int newest(int fd, unsigned char *both, uint64_t *number, size_t *len)
{
	int found = -1;
	ssize_t size = read_all(fd, both);
	if (size < 0)
		return -2;
	for (int i = 0; i < 2; i++) {
		uint64_t n;
		size_t l, at = (size_t)i * SPORE__SLOT;
		if ((size_t)size > at && look(both + at, (size_t)size - at, &n, &l) && (found < 0 || n > *number)) {
			*number = n;
			*len = l;
			found = i;
		}
	}
	return found;
}

int spore__slots_write(int dir, const char *name, const void *bytes, size_t len)
{
	unsigned char both[2 * SPORE__SLOT];
	uint64_t number = 0;
	size_t was;
	if (len > SPORE__SLOT - SPORE__SLOT_HEAD) {
		errno = EMSGSIZE;
		return -1;
	}
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	int slot = newest(fd, both, &number, &was);
	int saved = slot == -2 ? errno : 0;
	unsigned char *head = both;
	off_t at = slot == 0 ? SPORE__SLOT : 0;
	memcpy(head, magic, sizeof magic);
	put(head + LENGTH_AT, len, 4);
	put(head + NUMBER_AT, number + 1, 8);
	memcpy(head + SPORE__SLOT_HEAD, bytes, len);
	put(head + SUM_AT, checksum(head, len), 8);
	for (size_t done = 0; saved == 0 && done < SPORE__SLOT_HEAD + len;) {
		ssize_t n = pwrite(fd, head + done, SPORE__SLOT_HEAD + len - done, at + (off_t)done);
		if (n < 0 && errno != EINTR)
			saved = errno;
		done += n > 0 ? (size_t)n : 0;
	}
	if (close(fd) != 0 && saved == 0)
		saved = errno;
	errno = saved;
	return saved == 0 ? 0 : -1;
}

unsigned char *spore__slots_read(int dir, const char *name, size_t *len)
{
	unsigned char both[2 * SPORE__SLOT], *bytes = NULL;
	uint64_t number = 0;
	int slot = -1, fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return NULL;
	// Between two reads of one slot each the writer may have written both.
	for (int i = 0; slot == -1 && i < READS; i++)
		slot = newest(fd, both, &number, len);
	int saved = slot == -2 ? errno : EBADMSG;
	if (slot >= 0 && (bytes = malloc(*len + 1)) == NULL)
		saved = ENOMEM;
	if (bytes != NULL)
		memcpy(bytes, both + (size_t)slot * SPORE__SLOT + SPORE__SLOT_HEAD, *len);
	close(fd);
	if (bytes == NULL)
		errno = saved;
	return bytes;
}
