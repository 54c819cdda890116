// Logs on disk: what is appended is read, within bounds of size and number, and whatever is cut off or damaged costs only itself.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fs.h"
#include "task/log.h"

static const struct spore__hold_name web = {.system = "shop", .task = "web", .replica = 2, .generation = 3};

struct place {
	char path[64];
	int fd;
};

static int make_place(void **state)
{
	static struct place p;
	strcpy(p.path, "/tmp/spore-log.XXXXXX");
	if (mkdtemp(p.path) == NULL)
		return -1;
	p.fd = open(p.path, O_RDONLY | O_DIRECTORY);
	*state = &p;
	return p.fd < 0 ? -1 : 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;
	close(p->fd);
	return spore__fs_remove_tree(p->path);
}

static void read_file(const struct place *p, const char *name, struct spore__buf *out)
{
	char path[256];
	(void)snprintf(path, sizeof path, "%s/logs/shop/web@2/%s", p->path, name);
	assert_int_equal(spore__fs_read(path, out), 0);
}

static void test_names(void **state)
{
	(void)state;
	static const char *const wrong[] = {"web",           "shop.web",        "shop.web.0",
	                                    "shop.web.01",   "shop.web.x",      "shop.web@0.1",
	                                    "shop.web@01.1", "shop.web@1001.1", ".web.1",
	                                    "shop..1",       "a/b.web.1",       "shop.web.99999999999999999999",
	                                    "shop.web.1.",   "shop.we@b@2.1",   ""};
	char text[SPORE__HOLD_NAME];
	struct spore__hold_name name;
	spore__hold_name_format(&web, text);
	assert_string_equal(text, "shop.web@2.3");
	assert_true(spore__hold_name_parse(text, &name));
	assert_memory_equal(&name, &web, sizeof name);
	assert_true(spore__hold_name_parse("_.web.7", &name));
	assert_string_equal(name.system, "");
	assert_int_equal(name.replica, 0);
	spore__hold_name_format(&name, text);
	assert_string_equal(text, "_.web.7");
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(spore__hold_name_parse(wrong[i], &name));
	spore__log_folder_format(&web, text);
	assert_string_equal(text, "web@2");
	assert_true(spore__log_folder_parse("_", text, &name));
	assert_string_equal(name.task, "web");
	assert_false(spore__log_folder_parse("..", text, &name));

	memset(name.system, 'a', SPORE__NAME_MAX);
	memset(name.task, 'b', SPORE__NAME_MAX);
	name.replica = SPORE__REPLICAS_MAX;
	name.generation = 999999999999999999;
	spore__hold_name_format(&name, text);
	struct spore__hold_name again;
	assert_true(spore__hold_name_parse(text, &again));
	assert_memory_equal(&name, &again, sizeof name);
}

static void test_what_is_appended_is_read(void **state)
{
	struct place *p = *state;
	struct spore__log_writer w;
	struct spore__log_block b;
	struct spore__buf bytes = {0};
	struct spore__msgpack_reader map, at;
	size_t used, offset = 0;
	int64_t generation;
	assert_int_equal(spore__log_open(&w, p->fd, &web, 1 << 20, 4), 0);
	assert_int_equal(spore__log_append(&w, SPORE__LOG_STDOUT, SPORE__LOG_OPEN_END, 7, 100, 200, "hello", 5), 0);
	assert_int_equal(spore__log_append(&w, SPORE__LOG_STDERR, 0, 8, 101, 201, NULL, 0), 0);
	char *large = calloc(1, SPORE__LOG_PAYLOAD + 1);
	assert_non_null(large);
	assert_int_equal(spore__log_append(&w, SPORE__LOG_STDOUT, 0, 8, 1, 1, large, SPORE__LOG_PAYLOAD + 1), -1);
	assert_int_equal(errno, EINVAL);
	spore__log_close(&w);
	free(large);

	read_file(p, "3-1.log", &bytes);
	assert_int_equal(spore__log_decode(bytes.data, bytes.len, &b, &used), SPORE_OK);
	assert_int_equal(b.kind, SPORE__LOG_FILE);
	assert_int_equal(b.sequence, 1);
	map = spore__msgpack_reader(b.payload, b.len);
	assert_true(spore__msgpack_find(&map, "generation", &at));
	assert_int_equal(spore__msgpack_read_int(&at, &generation), SPORE__MSGPACK_OK);
	assert_int_equal(generation, 3);
	offset += used;
	assert_int_equal(spore__log_decode(bytes.data + offset, bytes.len - offset, &b, &used), SPORE_OK);
	assert_int_equal(b.kind, SPORE__LOG_STDOUT);
	assert_int_equal(b.flags, SPORE__LOG_OPEN_END);
	assert_int_equal(b.run, 7);
	assert_int_equal(b.wall, 100);
	assert_int_equal(b.monotonic, 200);
	assert_int_equal(b.sequence, 2);
	assert_int_equal(b.len, 5);
	assert_memory_equal(b.payload, "hello", 5);
	offset += used;
	assert_int_equal(spore__log_decode(bytes.data + offset, bytes.len - offset, &b, &used), SPORE_OK);
	assert_int_equal(b.kind, SPORE__LOG_STDERR);
	assert_int_equal(b.len, 0);
	offset += used;
	assert_int_equal(spore__log_decode(bytes.data + offset, bytes.len - offset, &b, &used), SPORE_OK);
	assert_int_equal(b.kind, SPORE__LOG_END);
	assert_int_equal(offset + used, bytes.len);
	spore__buf_finish(&bytes);
}

// How many files there are, and their bytes.
static uint64_t measure(const struct place *p, uint64_t *bytes)
{
	char path[128];
	struct stat st;
	uint64_t g, n, count = 0;
	*bytes = 0;
	(void)snprintf(path, sizeof path, "%s/logs/shop/web@2", p->path);
	DIR *d = opendir(path);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (!spore__log_file_parse(e->d_name, &g, &n))
			continue;
		assert_int_equal(fstatat(dirfd(d), e->d_name, &st, 0), 0);
		*bytes += (uint64_t)st.st_size;
		count++;
	}
	closedir(d);
	return count;
}

static void fill(struct spore__log_writer *w, size_t total)
{
	static char bytes[4000];
	for (size_t done = 0; done < total; done += sizeof bytes)
		assert_int_equal(spore__log_append(w, SPORE__LOG_STDOUT, 0, 1, 1, 1, bytes, sizeof bytes), 0);
}

static void test_bounded_over_generations(void **state)
{
	struct place *p = *state;
	struct spore__log_writer w;
	struct spore__hold_name name = web;
	uint64_t bytes, count;
	for (int64_t generation = 1; generation <= 20; generation++) {
		name.generation = generation;
		assert_int_equal(spore__log_open(&w, p->fd, &name, 256 * 1024, 4), 0);
		fill(&w, generation % 3 == 0 ? 500 * 1024 : 5000);
		count = measure(p, &bytes);
		assert_in_range(count, 1, 4);
		assert_in_range(bytes, 1, 256 * 1024);
		assert_int_equal(count < 4 && generation > 4, 0);
		spore__log_close(&w);
	}
}

static void test_small_bounds_hold(void **state)
{
	struct place *p = *state;
	struct spore__log_writer w;
	uint64_t bytes;
	assert_int_equal(spore__log_open(&w, p->fd, &web, 65536, 1000), 0);
	assert_true(w.payload_max >= 4000);
	fill(&w, 1000 * 1000);
	(void)measure(p, &bytes);
	assert_in_range(bytes, 30000, 65536);
	spore__log_close(&w);
}

static void test_a_file_in_use_is_kept(void **state)
{
	struct place *p = *state;
	struct spore__log_writer old, new;
	struct spore__hold_name name = web;
	struct spore__buf bytes = {0};
	assert_int_equal(spore__log_open(&old, p->fd, &web, 65536, 2), 0);
	name.generation = 4;
	assert_int_equal(spore__log_open(&new, p->fd, &name, 65536, 2), 0);
	fill(&new, 1000 * 1000);
	assert_int_equal(spore__log_append(&old, SPORE__LOG_STDOUT, 0, 1, 1, 1, "still here", 10), 0);
	read_file(p, "3-1.log", &bytes);
	assert_memory_equal(bytes.data + bytes.len - 10, "still here", 10);
	spore__log_close(&old);
	fill(&new, 100 * 1000);
	assert_int_equal(access(p->path, F_OK), 0);
	char path[128];
	(void)snprintf(path, sizeof path, "%s/logs/shop/web@2/3-1.log", p->path);
	assert_int_equal(access(path, F_OK), -1);
	spore__log_close(&new);
	spore__buf_finish(&bytes);
}

static void test_no_room_leaves_nothing_behind(void **state)
{
	struct place *p = *state;
	struct spore__log_writer w;
	struct spore__log_block b;
	struct spore__buf bytes = {0};
	struct rlimit saved, small;
	static char payload[10000];
	size_t used, offset = 0;
	uint64_t sequence = 0;
	assert_int_equal(spore__log_open(&w, p->fd, &web, 1 << 20, 2), 0);
	assert_int_equal(spore__log_append(&w, SPORE__LOG_STDOUT, 0, 1, 1, 1, payload, sizeof payload), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
	small = saved;
	small.rlim_cur = 15000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(spore__log_append(&w, SPORE__LOG_STDOUT, 0, 1, 1, 1, payload, sizeof payload), -1);
		assert_int_equal(errno, EFBIG);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
	assert_int_equal(spore__log_append(&w, SPORE__LOG_STDOUT, 0, 1, 1, 1, payload, sizeof payload), 0);
	spore__log_close(&w);
	read_file(p, "3-1.log", &bytes);
	while (offset < bytes.len) {
		assert_int_equal(spore__log_decode(bytes.data + offset, bytes.len - offset, &b, &used), SPORE_OK);
		assert_int_equal(b.sequence, ++sequence);
		offset += used;
	}
	assert_int_equal(sequence, 4);
	spore__buf_finish(&bytes);
}

static void test_a_torn_file_is_left_for_another(void **state)
{
	struct place *p = *state;
	struct spore__log_writer w;
	struct spore__buf bytes = {0};
	struct spore__log_block b;
	size_t used;
	assert_int_equal(spore__log_open(&w, p->fd, &web, 1 << 20, 4), 0);
	w.torn = true;
	assert_int_equal(spore__log_append(&w, SPORE__LOG_STDOUT, 0, 1, 1, 1, "x", 1), 0);
	assert_int_equal(w.number, 2);
	read_file(p, "3-2.log", &bytes);
	assert_int_equal(spore__log_decode(bytes.data, bytes.len, &b, &used), SPORE_OK);
	assert_int_equal(b.kind, SPORE__LOG_FILE);
	assert_int_equal(b.sequence, 2);
	spore__log_close(&w);
	spore__buf_finish(&bytes);

	// as does the next writer of the same generation, should there be one
	assert_int_equal(spore__log_open(&w, p->fd, &web, 1 << 20, 4), 0);
	assert_int_equal(w.number, 3);
	spore__log_close(&w);
}

// Decodes all that there is in a copy, so that a sanitizer sees each byte too far. Returns how many blocks are as they were written:
// their payload is their sequence number.
static unsigned count_blocks(const unsigned char *bytes, size_t len)
{
	unsigned char *copy = malloc(len > 0 ? len : 1);
	struct spore__log_block b;
	size_t used;
	unsigned good = 0;
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	for (size_t at = 0; at < len; at += used) {
		enum spore_err e = spore__log_decode(copy + at, len - at, &b, &used);
		if (e == SPORE_EAGAIN)
			used = 1; // nothing follows: what is left may still hold a block
		assert_in_range(used, 1, len - at);
		if (e != SPORE_OK)
			continue;
		good++;
		if (b.kind == SPORE__LOG_STDOUT) {
			char expected[32];
			int n = snprintf(expected, sizeof expected, "block %u SLB1", (unsigned)b.sequence);
			assert_int_equal(b.len, n);
			assert_memory_equal(b.payload, expected, (size_t)n);
		}
	}
	free(copy);
	return good;
}

static void test_cut_off_or_changed_anywhere(void **state)
{
	enum { BLOCKS = 8 };
	struct place *p = *state;
	struct spore__log_writer w;
	struct spore__buf bytes = {0};
	assert_int_equal(spore__log_open(&w, p->fd, &web, 1 << 20, 4), 0);
	for (unsigned i = 2; i < BLOCKS; i++) {
		char payload[32];
		int n = snprintf(payload, sizeof payload, "block %u SLB1", i);
		assert_int_equal(spore__log_append(&w, SPORE__LOG_STDOUT, 0, 1, 1, 1, payload, (size_t)n), 0);
	}
	spore__log_close(&w);
	read_file(p, "3-1.log", &bytes);
	unsigned char *data = (unsigned char *)bytes.data;
	assert_int_equal(count_blocks(data, bytes.len), BLOCKS);
	unsigned last = 0;
	for (size_t len = 0; len < bytes.len; len++) {
		unsigned n = count_blocks(data, len);
		assert_true(n == last || n == last + 1);
		last = n;
	}
	assert_int_equal(last, BLOCKS - 1);
	for (size_t i = 0; i < bytes.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			data[i] ^= (unsigned char)(1 << bit);
			assert_int_equal(count_blocks(data, bytes.len), BLOCKS - 1);
			data[i] ^= (unsigned char)(1 << bit);
		}
	}
	spore__buf_finish(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test_setup_teardown(test_what_is_appended_is_read, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(test_bounded_over_generations, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(test_small_bounds_hold, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(test_a_file_in_use_is_kept, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(test_no_room_leaves_nothing_behind, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(test_a_torn_file_is_left_for_another, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(test_cut_off_or_changed_anywhere, make_place, remove_place),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
