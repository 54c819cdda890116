// Records out of blocks: lines cut and joined, over-long ones in pieces, what is lost said; whatever the blocks hold, no more than that.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "control.h"
#include "task/lines.h"

// Each record as STREAM#RUN[+]:TEXT[...]| where + goes on with a line and ... has no end.
static void note(void *arg, const struct spore__record *r)
{
	struct spore__buf *out = arg;
	spore__buf_printf(out, "%s#%u%s:", spore__stream_word(r->stream), (unsigned)r->run, r->continues ? "+" : "");
	if (r->len <= 100)
		spore__buf_add(out, r->text, r->len);
	else
		spore__buf_printf(out, "(%zu)", r->len);
	spore__buf_str(out, r->partial ? "...|" : "|");
}

struct feed {
	struct spore__lines lines;
	struct spore__buf out;
	uint64_t sequence;
};

static void begin(struct feed *f)
{
	*f = (struct feed){0};
	spore__lines_init(&f->lines, note, &f->out);
	spore__buf_str(&f->out, "");
}

static void end(struct feed *f, const char *expected)
{
	assert_string_equal(f->out.data, expected);
	spore__lines_finish(&f->lines);
	spore__buf_finish(&f->out);
}

// From a copy, so that a sanitizer sees each byte too far.
static void block_of(struct feed *f, enum spore__log_kind kind, uint32_t run, unsigned flags, const void *bytes,
                     size_t len)
{
	unsigned char *copy = malloc(len > 0 ? len : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	const struct spore__log_block b = {
	    .kind = kind, .run = run, .flags = flags, .sequence = ++f->sequence, .payload = copy, .len = len};
	assert_int_equal(spore__lines_feed(&f->lines, &b), SPORE_OK);
	free(copy);
}

static void text_of(struct feed *f, enum spore__log_kind kind, uint32_t run, const char *text)
{
	block_of(f, kind, run, SPORE__LOG_OPEN_END, text, strlen(text));
}

static void test_lines_are_cut_and_joined(void **state)
{
	(void)state;
	struct feed f;
	begin(&f);
	text_of(&f, SPORE__LOG_STDOUT, 1, "one\ntwo\nthr");
	assert_true(spore__lines_pending(&f.lines));
	text_of(&f, SPORE__LOG_STDERR, 1, "err");
	text_of(&f, SPORE__LOG_STDOUT, 1, "");
	text_of(&f, SPORE__LOG_STDOUT, 1, "ee");
	text_of(&f, SPORE__LOG_STDOUT, 1, "\n\nx\n");
	text_of(&f, SPORE__LOG_STDERR, 1, "or\n");
	assert_false(spore__lines_pending(&f.lines));
	end(&f, "stdout#1:one|stdout#1:two|stdout#1:three|stdout#1:|stdout#1:x|stderr#1:error|");
}

static void test_a_line_ends_with_its_run(void **state)
{
	(void)state;
	struct feed f;
	begin(&f);
	text_of(&f, SPORE__LOG_STDOUT, 1, "cut");
	text_of(&f, SPORE__LOG_STDOUT, 2, "new\nlast");
	block_of(&f, SPORE__LOG_STDERR, 2, 0, "whole", 5);
	block_of(&f, SPORE__LOG_END, 0, 0, "", 0);
	end(&f, "stdout#1:cut...|stdout#2:new|stderr#2:whole...|stdout#2:last...|");
}

static void test_flushed_lines_go_on(void **state)
{
	(void)state;
	struct feed f;
	begin(&f);
	text_of(&f, SPORE__LOG_STDOUT, 1, "password: ");
	spore__lines_flush(&f.lines);
	spore__lines_flush(&f.lines);
	text_of(&f, SPORE__LOG_STDOUT, 1, "ok");
	spore__lines_flush(&f.lines);
	text_of(&f, SPORE__LOG_STDOUT, 1, "\nnext\nlast");
	block_of(&f, SPORE__LOG_EVENT, 1, 0,
	         "\x81\xa5"
	         "event\xa6"
	         "exited",
	         14);
	text_of(&f, SPORE__LOG_STDOUT, 1, " of a child\n");
	end(&f, "stdout#1:password: ...|stdout#1+:ok...|stdout#1+:|stdout#1:next|stdout#1:last...|events#1:exited|"
	        "stdout#1+: of a child|");
}

static void test_long_lines_in_pieces(void **state)
{
	(void)state;
	struct feed f;
	size_t size = 2 * SPORE__LOG_LINE + 10;
	char *bytes = malloc(size);
	assert_non_null(bytes);
	memset(bytes, 'x', size);
	begin(&f);
	block_of(&f, SPORE__LOG_STDOUT, 1, SPORE__LOG_OPEN_END, bytes, size);
	text_of(&f, SPORE__LOG_STDOUT, 1, "\n");
	bytes[SPORE__LOG_LINE] = '\n';
	block_of(&f, SPORE__LOG_STDOUT, 1, SPORE__LOG_OPEN_END, bytes, SPORE__LOG_LINE + 1);
	bytes[SPORE__LOG_LINE] = 'x';
	bytes[size - 1] = '\n';
	block_of(&f, SPORE__LOG_STDOUT, 1, 0, bytes, size);
	free(bytes);
	end(&f, "stdout#1:(65536)...|stdout#1+:(65536)...|stdout#1+:xxxxxxxxxx|stdout#1:(65536)|"
	        "stdout#1:(65536)...|stdout#1+:(65536)...|stdout#1+:xxxxxxxxx|");
}

static void test_every_cut_gives_the_same_bytes(void **state)
{
	(void)state;
	static const char text[] = "a\n\nbb\nccc\n\0\xff\ndddd\nlast one";
	const char *expected = "stdout#1:a|stdout#1:|stdout#1:bb|stdout#1:ccc|";
	for (size_t cut = 0; cut < sizeof text - 1; cut++) {
		struct feed f;
		begin(&f);
		block_of(&f, SPORE__LOG_STDOUT, 1, SPORE__LOG_OPEN_END, text, cut);
		block_of(&f, SPORE__LOG_STDOUT, 1, 0, text + cut, sizeof text - 1 - cut);
		assert_memory_equal(f.out.data, expected, strlen(expected));
		assert_memory_equal(f.out.data + strlen(expected),
		                    "stdout#1:\0\xff|stdout#1:dddd|stdout#1:last one...|", 47);
		spore__lines_finish(&f.lines);
		spore__buf_finish(&f.out);
	}
}

static void test_what_is_lost_is_said(void **state)
{
	(void)state;
	struct feed f;
	struct spore__msgpack_writer w = {0};
	spore__msgpack_map(&w, 3);
	spore__msgpack_str(&w, "bytes");
	spore__msgpack_int(&w, 10);
	spore__msgpack_str(&w, "records");
	spore__msgpack_int(&w, 2);
	spore__msgpack_str(&w, "why");
	spore__msgpack_str(&w, "the disk is full");
	begin(&f);
	f.sequence = 41; // the reader begins in the middle: that is no gap
	text_of(&f, SPORE__LOG_STDOUT, 3, "half");
	f.sequence += 2;
	text_of(&f, SPORE__LOG_STDOUT, 3, "rest\nhalf");
	block_of(&f, SPORE__LOG_LOST, 3, 0, w.data, w.len);
	text_of(&f, SPORE__LOG_STDOUT, 3, "rest\n");
	spore__lines_gap(&f.lines, "the end is missing");
	spore__msgpack_writer_finish(&w);
	end(&f, "stdout#3:half...|events#3:2 blocks of the log are missing here|stdout#3:rest|stdout#3:half...|"
	        "events#3:lost here: 10 bytes and 2 records: the disk is full|stdout#3:rest|"
	        "events#3:the end is missing|");
}

static void test_records_and_events(void **state)
{
	(void)state;
	struct feed f;
	struct spore__msgpack_writer w = {0}, e = {0};
	const struct spore_field field = spore_int("port", 80);
	spore__control_put_log(&w, SPORE_WARN, 5, "listening", &field, 1);
	spore__control_put_ready(&w);
	spore__control_put_lost(&w, 3);
	spore__msgpack_map(&e, 2);
	spore__msgpack_str(&e, "event");
	spore__msgpack_str(&e, "started");
	spore__msgpack_str(&e, "text");
	spore__msgpack_str(&e, "started, process 7");
	begin(&f);
	block_of(&f, SPORE__LOG_RECORDS, 1, 0, w.data, w.len);
	block_of(&f, SPORE__LOG_EVENT, 1, 0, e.data, e.len);
	block_of(&f, SPORE__LOG_RECORDS, 1, 0, w.data, w.len - 1);
	block_of(&f, SPORE__LOG_EVENT, 1, 0, e.data, e.len - 1);
	block_of(&f, (enum spore__log_kind)200, 1, 0, "of a later version", 18);
	spore__msgpack_writer_finish(&w);
	spore__msgpack_writer_finish(&e);
	end(&f, "records#1:listening|events#1:3 log records were lost here|events#1:started, process 7|"
	        "records#1:listening|events#1:10 bytes of log records were not understood|"
	        "events#1:an event was not understood|");
}

static void test_levels(void **state)
{
	(void)state;
	assert_int_equal(spore__level_parse("WARNING", 7), SPORE_WARN);
	assert_int_equal(spore__level_parse("warn", 4), SPORE_WARN);
	assert_int_equal(spore__level_parse("war", 3), 0);
	assert_int_equal(spore__level_parse("", 0), 0);
	for (unsigned level = SPORE_DEBUG; level <= SPORE_ERROR; level++)
		assert_int_equal(spore__level_parse(spore__level_word(level), strlen(spore__level_word(level))), level);
	assert_null(spore__level_word(0));
	assert_null(spore__level_word(5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines_are_cut_and_joined),
	    cmocka_unit_test(test_a_line_ends_with_its_run),
	    cmocka_unit_test(test_flushed_lines_go_on),
	    cmocka_unit_test(test_long_lines_in_pieces),
	    cmocka_unit_test(test_every_cut_gives_the_same_bytes),
	    cmocka_unit_test(test_what_is_lost_is_said),
	    cmocka_unit_test(test_records_and_events),
	    cmocka_unit_test(test_levels),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
