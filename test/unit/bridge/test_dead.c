// What a bridge could not translate is kept, up to a bound, whatever happens meanwhile.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bridge/dead.h"

static char folder[] = "/tmp/spore-dead-XXXXXX";

static int begin(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int finish(void **state)
{
	char command[100];
	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

static uint64_t park(int fd, int side, uint64_t place, int64_t wall_ns, const char *reason, const void *bytes,
                     size_t len)
{
	const struct spore__dead_message m = {side, true, place, wall_ns, reason, bytes, len, len};
	return spore__dead_park(fd, &m);
}

struct seen {
	size_t count;
	struct spore__dead_entry last;
	char reason[SPORE__DEAD_REASON], text[32];
	enum spore__dead_state becomes;
	uint64_t number; // whose; 0: of all
};

static bool look(void *arg, struct spore__dead_entry *e, const char *reason, const void *bytes)
{
	struct seen *s = arg;
	s->count++;
	s->last = *e;
	(void)snprintf(s->reason, sizeof s->reason, "%s", reason);
	(void)snprintf(s->text, sizeof s->text, "%.*s", (int)(e->kept < 31 ? e->kept : 31), (const char *)bytes);
	if (s->number == 0 || s->number == e->number)
		e->state = s->becomes != SPORE__DEAD_PARKED ? s->becomes : e->state;
	return true;
}

static void test_kept(void **state)
{
	struct spore__dead_head head;
	struct seen s = {0};
	uint64_t waiting, parked;
	(void)state;
	assert_int_equal(spore__dead_open(folder, "a.x", "b.y", false), -1);
	int fd = spore__dead_open(folder, "a.x", "b.y", true);
	assert_true(fd >= 0);
	assert_true(park(fd, 0, 17, 5, "not UTF-8", "one", 3) > 0);
	assert_true(park(fd, 1, 18, 6, "", "", 0) > 0);
	close(fd);
	fd = spore__dead_open(folder, "a.x", "b.y", true); // again: what there is stays
	assert_true(spore__dead_each(fd, &head, look, &s));
	assert_int_equal(s.count, 2);
	assert_int_equal(head.parked, 2);
	assert_string_equal(head.names[0], "a.x");
	assert_string_equal(head.names[1], "b.y");
	assert_int_equal(s.last.number, 2);
	assert_int_equal(s.last.side, 1);
	s = (struct seen){.number = 1, .becomes = SPORE__DEAD_DROPPED};
	assert_true(spore__dead_each(fd, &head, look, &s));
	spore__dead_count(folder, "a.x", "b.y", &waiting, &parked);
	assert_int_equal(waiting, 1);
	assert_int_equal(parked, 2);
	spore__dead_tidy(fd); // one is still of interest
	s = (struct seen){.becomes = SPORE__DEAD_SENT};
	assert_true(spore__dead_each(fd, &head, look, &s));
	assert_int_equal(s.count, 2);
	spore__dead_tidy(fd);
	s = (struct seen){0};
	assert_true(spore__dead_each(fd, &head, look, &s));
	assert_int_equal(s.count, 0);
	assert_int_equal(head.parked, 2); // numbers do not come again
	assert_true(park(fd, 0, 19, 7, "why", "three", 5) > 0);
	assert_true(spore__dead_each(fd, &head, look, &s));
	assert_int_equal(s.last.number, 3);
	assert_int_equal(s.last.place, 19);
	assert_string_equal(s.reason, "why");
	assert_string_equal(s.text, "three");
	close(fd);
	// Another wire has another file.
	spore__dead_count(folder, "a.xb", ".y", &waiting, &parked);
	assert_int_equal(parked, 0);
}

static void test_bounds(void **state)
{
	static char large[3 * SPORE__DEAD_BYTES];
	struct spore__dead_head head;
	struct seen s = {0};
	struct stat st;
	(void)state;
	int fd = spore__dead_open(folder, "c.x", "d.y", true);
	memset(large, 'x', sizeof large);
	for (int i = 0; i < 200; i++)
		assert_int_equal(park(fd, 0, 1, 1, large, large, sizeof large), i + 1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_size <= SPORE__DEAD_FILE);
	assert_true(spore__dead_each(fd, &head, look, &s));
	assert_int_equal(head.parked, 200);
	assert_int_equal(head.unkept + s.count, 200);
	assert_int_equal(s.last.len, sizeof large);
	assert_int_equal(s.last.kept, SPORE__DEAD_BYTES);
	assert_int_equal(strlen(s.reason), SPORE__DEAD_REASON - 1);
	close(fd);
}

static void test_cut_off(void **state)
{
	struct spore__dead_head head;
	struct stat st;
	(void)state;
	int fd = spore__dead_open(folder, "e.x", "f.y", true);
	assert_true(park(fd, 0, 1, 1, "first", "abc", 3) > 0);
	assert_int_equal(fstat(fd, &st), 0);
	off_t whole = st.st_size;
	assert_true(park(fd, 0, 2, 1, "second", "defg", 4) > 0);
	assert_int_equal(fstat(fd, &st), 0);
	// Wherever the second one ends, the first one is there, and a third one goes behind it.
	for (off_t len = st.st_size - 1; len >= whole; len--) {
		struct seen s = {0};
		assert_int_equal(ftruncate(fd, len), 0);
		assert_true(spore__dead_each(fd, &head, look, &s));
		assert_int_equal(s.count, 1);
		assert_string_equal(s.text, "abc");
	}
	struct seen s = {0};
	assert_true(park(fd, 1, 3, 1, "third", "hi", 2) > 0);
	assert_true(spore__dead_each(fd, &head, look, &s));
	assert_int_equal(s.count, 2);
	assert_string_equal(s.text, "hi");
	close(fd);
	// What is no such file is begun anew, or is none.
	fd = spore__dead_open(folder, "g.x", "h.y", true);
	assert_int_equal(ftruncate(fd, 5), 0);
	assert_false(spore__dead_each(fd, &head, look, &s));
	assert_true(park(fd, 0, 1, 1, "", "", 0) == 0);
	close(fd);
	fd = spore__dead_open(folder, "g.x", "h.y", true);
	assert_true(park(fd, 0, 1, 1, "", "", 0) > 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_kept), cmocka_unit_test(test_bounds),
	                                   cmocka_unit_test(test_cut_off)};
	return cmocka_run_group_tests(tests, begin, finish);
}
