#include "source/hash.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/index.h"

void spore__hash_hex(const struct spore__hash *h, char hex[SPORE__HASH_HEX + 1])
{
	(void)sodium_bin2hex(hex, SPORE__HASH_HEX + 1, h->bytes, sizeof h->bytes);
}

bool spore__hash_from_hex(const char *hex, struct spore__hash *h)
{
	size_t len = 0;
	return strlen(hex) == SPORE__HASH_HEX &&
	       sodium_hex2bin(h->bytes, sizeof h->bytes, hex, SPORE__HASH_HEX, NULL, &len, NULL) == 0 &&
	       len == sizeof h->bytes;
}

bool spore__hash_equal(const struct spore__hash *a, const struct spore__hash *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void spore__hash_bytes(const void *bytes, size_t len, struct spore__hash *out)
{
	(void)crypto_generichash(out->bytes, sizeof out->bytes, bytes, len, NULL, 0);
}

void spore__hasher_init(struct spore__hasher *h)
{
	(void)crypto_generichash_init(&h->state, NULL, 0, SPORE__HASH_BYTES);
}

void spore__hasher_field(struct spore__hasher *h, const void *bytes, size_t len)
{
	uint64_t size = len;
	(void)crypto_generichash_update(&h->state, (const unsigned char *)&size, sizeof size);
	(void)crypto_generichash_update(&h->state, bytes, len);
}

void spore__hasher_str(struct spore__hasher *h, const char *s)
{
	spore__hasher_field(h, s, strlen(s));
}

void spore__hasher_finish(struct spore__hasher *h, struct spore__hash *out)
{
	(void)crypto_generichash_final(&h->state, out->bytes, sizeof out->bytes);
}

// A record of the cache file. A torn or foreign one has another check word and is passed over.
struct entry {
	struct spore__filestate state;
	struct spore__hash hash;
	uint32_t check;
};
static_assert(sizeof(struct entry) == 88, "the cache file has fixed records");

struct spore__hashcache {
	char *path;
	struct entry *table; // open addressing, by ino; count <= cap / 2
	size_t count, cap;   // cap is a power of two
	struct entry *added;
	size_t added_count;
	size_t on_disk;
};

enum { ENTRIES_MAX = 1 << 17 };

static uint32_t check_word(const struct entry *e)
{
	struct spore__hash sum;
	spore__hash_bytes(e, offsetof(struct entry, check), &sum);
	uint32_t word;
	memcpy(&word, sum.bytes, sizeof word);
	return word | 1; // never 0: a hole in the file is no record
}

static struct entry *slot(struct spore__hashcache *c, const struct spore__filestate *state)
{
	size_t i = (size_t)(state->ino * 0x9e3779b97f4a7c15u) & (c->cap - 1);
	while (c->table[i].check != 0 && !spore__filestate_equal(&c->table[i].state, state))
		i = (i + 1) & (c->cap - 1);
	return &c->table[i];
}

static void insert(struct spore__hashcache *c, const struct entry *e)
{
	if (c->count * 2 >= c->cap) {
		struct entry *old = c->table;
		size_t old_cap = c->cap;
		c->cap = c->cap == 0 ? 1024 : c->cap * 2;
		c->table = spore__xcalloc(c->cap, sizeof *c->table);
		for (size_t i = 0; i < old_cap; i++)
			if (old[i].check != 0)
				*slot(c, &old[i].state) = old[i];
		free(old);
	}
	struct entry *place = slot(c, &e->state);
	c->count += place->check == 0;
	*place = *e;
}

struct spore__hashcache *spore__hashcache_create(const char *store)
{
	struct spore__hashcache *c = spore__xcalloc(1, sizeof *c);
	c->path = spore__fs_join(store, "hashes");
	struct spore__buf text = {0};
	if (spore__fs_read(c->path, &text) == 0)
		c->on_disk = text.len / sizeof(struct entry);
	c->cap = 1024;
	while (c->cap < 3 * c->on_disk)
		c->cap *= 2;
	c->table = spore__xcalloc(c->cap, sizeof *c->table);
	for (size_t i = 0; i < c->on_disk; i++) {
		struct entry e;
		memcpy(&e, text.data + i * sizeof e, sizeof e);
		if (e.check != 0)
			insert(c, &e); // checked when it is used: most are not
	}
	spore__buf_finish(&text);
	return c;
}

static void save(struct spore__hashcache *c)
{
	size_t size = c->added_count * sizeof *c->added;
	if (c->on_disk + c->added_count > ENTRIES_MAX || c->on_disk == 0) {
		(void)spore__fs_write_atomic(c->path, c->added, size, 0600);
		return;
	}
	int fd = open(c->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return;
	// One write, which others' do not split. After a torn one (a full disk) the rest would be misaligned: start anew.
	struct stat st;
	ssize_t n = -1;
	if (fstat(fd, &st) == 0 && st.st_size % (off_t)sizeof(struct entry) == 0)
		n = write(fd, c->added, size);
	close(fd);
	if (n != (ssize_t)size)
		(void)unlink(c->path);
}

void spore__hashcache_destroy(struct spore__hashcache *c)
{
	if (c == NULL)
		return;
	if (c->added_count > 0)
		save(c);
	free(c->path);
	free(c->table);
	free(c->added);
	free(c);
}

static int hash_content(int fd, struct spore__hash *out)
{
	crypto_generichash_state state;
	(void)crypto_generichash_init(&state, NULL, 0, SPORE__HASH_BYTES);
	unsigned char chunk[65536];
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		(void)crypto_generichash_update(&state, chunk, (unsigned long long)n);
	}
	return crypto_generichash_final(&state, out->bytes, sizeof out->bytes);
}

// A file that changed in the last seconds may change again without its times telling.
static bool settled(const struct stat *st)
{
	struct timespec now;
	return clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec - st->st_ctim.tv_sec > 2;
}

static void remember(struct spore__hashcache *c, const struct spore__filestate *state, const struct spore__hash *hash)
{
	struct entry e;
	memset(&e, 0, sizeof e); // the check covers every byte
	e.state = *state;
	e.hash = *hash;
	e.check = check_word(&e);
	insert(c, &e);
	if ((c->added_count & (c->added_count - 1)) == 0)
		c->added = spore__xrealloc(c->added, (c->added_count == 0 ? 1 : c->added_count * 2) * sizeof e);
	c->added[c->added_count++] = e;
}

bool spore__hash_known(struct spore__hashcache *c, const struct stat *st, struct spore__hash *out)
{
	struct spore__filestate state;
	memset(&state, 0, sizeof state);
	spore__filestate_of(st, &state);
	const struct entry *known = slot(c, &state);
	if (known->check == 0 || known->check != check_word(known))
		return false;
	*out = known->hash;
	return true;
}

int spore__hash_file(struct spore__hashcache *c, const char *path, struct spore__hash *out, struct stat *st)
{
	struct stat own;
	if (st == NULL)
		st = &own;
	if (stat(path, st) != 0)
		return -1;
	if (!S_ISREG(st->st_mode)) {
		spore__hash_bytes(&st->st_mode, sizeof st->st_mode, out);
		return 0;
	}
	if (spore__hash_known(c, st, out))
		return 0;
	struct spore__filestate state;
	memset(&state, 0, sizeof state);
	spore__filestate_of(st, &state);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -1;
	int r = hash_content(fd, out);
	int saved = errno;
	close(fd);
	if (r == 0 && settled(st))
		remember(c, &state, out);
	errno = saved;
	return r;
}
