// XXH3 alone is used, compiled in: nothing to link, also with another C library.
#define XXH_INLINE_ALL
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "os/os.h"
#include "task/log.h"

enum {
	HASHED_FROM = 16,          // of the head
	SMALLEST_FILE = 16 * 1024, // so that the first block of each file weighs little
	FILE_NAME = 48,
};

static const unsigned char magic[4] = {'S', 'L', 'B', '1'};

static void put32(unsigned char *to, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		to[i] = (unsigned char)(n >> (8 * i));
}

static void put64(unsigned char *to, uint64_t n)
{
	put32(to, (uint32_t)n);
	put32(to + 4, (uint32_t)(n >> 32));
}

static uint32_t get32(const unsigned char *from)
{
	return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static uint64_t get64(const unsigned char *from)
{
	return get32(from) | (uint64_t)get32(from + 4) << 32;
}

static uint64_t checksum(const unsigned char *head, const void *payload, size_t len)
{
	XXH3_state_t state;
	XXH3_INITSTATE(&state);
	(void)XXH3_64bits_reset(&state);
	(void)XXH3_64bits_update(&state, head + HASHED_FROM, SPORE__LOG_HEAD - HASHED_FROM);
	if (len > 0)
		(void)XXH3_64bits_update(&state, payload, len);
	return XXH3_64bits_digest(&state);
}

// ---- names of files

static void file_format(char *out, int64_t generation, uint64_t number)
{
	(void)snprintf(out, FILE_NAME, "%" PRId64 "-%" PRIu64 ".log", generation, number);
}

// The number at the start of TEXT, as it is printed.
static const char *number(const char *text, uint64_t *n)
{
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 18 || (text[0] == '0' && digits > 1))
		return NULL;
	*n = strtoull(text, NULL, 10);
	return text + digits;
}

bool spore__log_file_parse(const char *file, uint64_t *generation, uint64_t *n)
{
	const char *rest = number(file, generation);
	if (rest == NULL || *rest != '-')
		return false;
	rest = number(rest + 1, n);
	return rest != NULL && strcmp(rest, ".log") == 0;
}

// ---- the files of a log

struct oldest {
	uint64_t count, bytes; // of all files
	uint64_t generation, number;
	bool found; // one after the place where the search began
};

static bool before(uint64_t generation, uint64_t n, uint64_t other_generation, uint64_t other)
{
	return generation != other_generation ? generation < other_generation : n < other;
}

static DIR *list(const struct spore__log_writer *w)
{
	int fd = openat(w->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL && fd >= 0)
		close(fd);
	return d;
}

// Looks through the folder for the oldest file that comes after GENERATION and NUMBER.
static int look(const struct spore__log_writer *w, uint64_t generation, uint64_t after, struct oldest *o)
{
	struct stat st;
	uint64_t g, n;
	*o = (struct oldest){0};
	DIR *d = list(w);
	if (d == NULL)
		return -1;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (!spore__log_file_parse(e->d_name, &g, &n) ||
		    fstatat(w->dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		o->count++;
		o->bytes += (uint64_t)st.st_size;
		if (before(generation, after, g, n) && (!o->found || before(g, n, o->generation, o->number))) {
			o->generation = g;
			o->number = n;
			o->found = true;
		}
	}
	closedir(d);
	return 0;
}

// False: another writer has it open, or it cannot be removed.
static bool remove_file(const struct spore__log_writer *w, uint64_t generation, uint64_t n)
{
	char name[FILE_NAME];
	file_format(name, (int64_t)generation, n);
	int fd = openat(w->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT;
	bool removed = spore__os_lock(fd, true, false) == 0 && unlinkat(w->dir, name, 0) == 0;
	close(fd);
	return removed;
}

// Makes room for another file. The writer's own is kept by its lock while it is open.
static void make_room(const struct spore__log_writer *w)
{
	struct oldest o;
	uint64_t generation = 0, n = 0;
	while (look(w, generation, n, &o) == 0 && o.found &&
	       (o.count >= w->files_max || o.bytes + w->file_max > w->total_max)) {
		if (!remove_file(w, o.generation, o.number)) {
			generation = o.generation;
			n = o.number;
		}
	}
}

// The highest number that this generation has used; 0: none.
static uint64_t highest(const struct spore__log_writer *w)
{
	uint64_t g, n, most = 0;
	DIR *d = list(w);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		if (spore__log_file_parse(e->d_name, &g, &n) && g == (uint64_t)w->name.generation && n > most)
			most = n;
	if (d != NULL)
		closedir(d);
	return most;
}

// ---- writing

// All of it, or the errno of what stopped it.
static int write_block(int fd, const unsigned char *head, const unsigned char *payload, size_t len, size_t *written)
{
	*written = 0;
	while (*written < SPORE__LOG_HEAD + len) {
		size_t of_head = *written < SPORE__LOG_HEAD ? *written : SPORE__LOG_HEAD,
		       of_payload = *written - of_head;
		struct iovec parts[2] = {
		    {.iov_base = (void *)(uintptr_t)(head + of_head), .iov_len = SPORE__LOG_HEAD - of_head},
		    {.iov_base = (void *)(uintptr_t)(payload + of_payload), .iov_len = len - of_payload},
		};
		ssize_t n = writev(fd, parts, len > of_payload ? 2 : 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : ENOSPC;
		*written += (size_t)n;
	}
	return 0;
}

static int append(struct spore__log_writer *w, const struct spore__log_block *b)
{
	unsigned char head[SPORE__LOG_HEAD] = {0};
	size_t written;
	memcpy(head, magic, sizeof magic);
	put32(head + 4, (uint32_t)b->len);
	put64(head + 16, b->wall);
	put64(head + 24, b->monotonic);
	put64(head + 32, w->sequence + 1);
	put32(head + 40, b->run);
	head[44] = (unsigned char)b->kind;
	head[45] = (unsigned char)b->flags;
	put64(head + 8, checksum(head, b->payload, b->len));
	static const unsigned char nothing[1];
	int err = write_block(w->file, head, b->len > 0 ? b->payload : nothing, b->len, &written);
	if (err != 0) {
		if (written > 0 && ftruncate(w->file, (off_t)w->file_bytes) != 0)
			w->torn = true;
		errno = err;
		return -1;
	}
	w->file_bytes += written;
	w->sequence++;
	return 0;
}

static int create(struct spore__log_writer *w, uint64_t n, char *name)
{
	struct stat st;
	file_format(name, w->name.generation, n);
	int fd = openat(w->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	// Until it is locked another writer that makes room may take it for an old one.
	if (spore__os_lock(fd, true, false) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0)
		return fd;
	close(fd);
	errno = EEXIST;
	return -1;
}

static int append_file_block(struct spore__log_writer *w, uint64_t wall, uint64_t monotonic)
{
	static const char *const keys[] = {"system", "task", "boot"};
	const char *values[] = {w->name.system, w->name.task, w->boot};
	unsigned char bytes[512];
	struct spore__msgpack_writer m;
	spore__msgpack_writer_fixed(&m, bytes, sizeof bytes);
	spore__msgpack_map(&m, 5);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		spore__msgpack_str(&m, keys[i]);
		spore__msgpack_str(&m, values[i]);
	}
	spore__msgpack_str(&m, "replica");
	spore__msgpack_int(&m, w->name.replica);
	spore__msgpack_str(&m, "generation");
	spore__msgpack_int(&m, w->name.generation);
	return append(
	    w, &(struct spore__log_block){
	           .kind = SPORE__LOG_FILE, .wall = wall, .monotonic = monotonic, .payload = m.data, .len = m.len});
}

// The next file, in place of the open one; on failure the open one stays as it is.
static int begin_file(struct spore__log_writer *w, uint64_t wall, uint64_t monotonic)
{
	enum { ATTEMPTS = 100 };
	char name[FILE_NAME];
	struct spore__log_writer old = *w;
	make_room(w);
	w->file = -1;
	for (int i = 0; w->file < 0 && i < ATTEMPTS; i++) {
		w->file = create(w, ++w->number, name);
		if (w->file < 0 && errno != EEXIST)
			break;
	}
	if (w->file < 0) {
		*w = old;
		return -1;
	}
	w->file_bytes = 0;
	w->torn = false;
	if (append_file_block(w, wall, monotonic) != 0) {
		int err = errno;
		(void)unlinkat(w->dir, name, 0);
		close(w->file);
		*w = old;
		errno = err;
		return -1;
	}
	if (old.file >= 0)
		close(old.file);
	return 0;
}

int spore__log_append(struct spore__log_writer *w, enum spore__log_kind kind, unsigned flags, uint32_t run,
                      uint64_t wall, uint64_t monotonic, const void *payload, size_t len)
{
	if (len > SPORE__LOG_PAYLOAD) {
		errno = EINVAL;
		return -1;
	}
	bool full = w->file_bytes + SPORE__LOG_HEAD + len > w->file_max;
	if ((w->torn || full || w->file < 0) && begin_file(w, wall, monotonic) != 0)
		return -1;
	return append(w, &(struct spore__log_block){.kind = kind,
	                                            .flags = flags,
	                                            .run = run,
	                                            .wall = wall,
	                                            .monotonic = monotonic,
	                                            .payload = payload,
	                                            .len = len});
}

static uint64_t now(clockid_t clock)
{
	struct timespec t = {0};
	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

// Opens the folder NAME of DIR, made when missing; closes DIR.
static int enter(int dir, const char *name)
{
	if (dir < 0)
		return -1;
	int fd = mkdirat(dir, name, 0700) == 0 || errno == EEXIST
	             ? openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
	             : -1;
	int err = errno;
	close(dir);
	errno = err;
	return fd;
}

int spore__log_open(struct spore__log_writer *w, int state_dir, const struct spore__hold_name *name, int64_t max,
                    int64_t files)
{
	char folder[SPORE__HOLD_NAME];
	*w = (struct spore__log_writer){.dir = -1, .file = -1, .name = *name};
	spore__log_folder_format(name, folder);
	w->total_max = max > 2 * SMALLEST_FILE ? (uint64_t)max : 2 * SMALLEST_FILE;
	w->files_max = files > 2 ? (uint64_t)files : 2;
	if (w->files_max > w->total_max / SMALLEST_FILE)
		w->files_max = w->total_max / SMALLEST_FILE;
	w->file_max = w->total_max / w->files_max;
	w->payload_max = w->file_max / 4 < SPORE__LOG_PAYLOAD ? (size_t)(w->file_max / 4) : SPORE__LOG_PAYLOAD;
	spore__os_boot_id(w->boot);
	int dir = openat(state_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = enter(dir, "logs");
	dir = enter(dir, name->system[0] != '\0' ? name->system : "_");
	w->dir = enter(dir, folder);
	if (w->dir < 0)
		return -1;
	w->number = highest(w);
	if (begin_file(w, now(CLOCK_REALTIME), now(CLOCK_MONOTONIC)) == 0)
		return 0;
	int err = errno;
	close(w->dir);
	w->dir = -1;
	errno = err;
	return -1;
}

void spore__log_close(struct spore__log_writer *w)
{
	if (w->dir < 0)
		return;
	(void)spore__log_append(w, SPORE__LOG_END, 0, 0, now(CLOCK_REALTIME), now(CLOCK_MONOTONIC), NULL, 0);
	if (w->file >= 0)
		close(w->file);
	close(w->dir);
	w->file = w->dir = -1;
}

// ---- reading

// How far it is to where a block may begin, beyond the first byte.
static size_t next_magic(const unsigned char *bytes, size_t len)
{
	for (size_t at = 1; at < len; at++) {
		const unsigned char *first = memchr(bytes + at, magic[0], len - at);
		if (first == NULL)
			return len;
		at = (size_t)(first - bytes);
		size_t rest = len - at < sizeof magic ? len - at : sizeof magic;
		if (memcmp(first, magic, rest) == 0)
			return at;
	}
	return len;
}

enum spore_err spore__log_decode(const void *bytes, size_t len, struct spore__log_block *block, size_t *used)
{
	const unsigned char *head = bytes;
	*block = (struct spore__log_block){0};
	*used = 0;
	if (memcmp(head, magic, len < sizeof magic ? len : sizeof magic) != 0)
		goto damaged;
	if (len < SPORE__LOG_HEAD)
		return SPORE_EAGAIN;
	size_t payload = get32(head + 4);
	if (payload > SPORE__LOG_PAYLOAD)
		goto damaged;
	if (len - SPORE__LOG_HEAD < payload)
		return SPORE_EAGAIN;
	if (checksum(head, head + SPORE__LOG_HEAD, payload) != get64(head + 8))
		goto damaged;
	*block = (struct spore__log_block){
	    .wall = get64(head + 16),
	    .monotonic = get64(head + 24),
	    .sequence = get64(head + 32),
	    .run = get32(head + 40),
	    .kind = (enum spore__log_kind)head[44],
	    .flags = head[45],
	    .payload = head + SPORE__LOG_HEAD,
	    .len = payload,
	};
	*used = SPORE__LOG_HEAD + payload;
	return SPORE_OK;
damaged:
	*used = next_magic(head, len);
	return SPORE_EMALFORMED;
}
