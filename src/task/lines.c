#include "task/lines.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control.h"

const char *spore__stream_word(enum spore__log_stream stream)
{
	static const char *const words[] = {"stdout", "stderr", "tty", "records", "events"};
	return words[stream];
}

const char *spore__level_word(unsigned level)
{
	static const char *const words[] = {NULL, "debug", "info", "warn", "error"};
	return level < sizeof words / sizeof *words ? words[level] : NULL;
}

unsigned spore__level_parse(const char *word, size_t len)
{
	static const struct {
		const char *word;
		unsigned level;
	} words[] = {
	    {"debug", SPORE_DEBUG},     {"info", SPORE_INFO},     {"warn", SPORE_WARN},   {"error", SPORE_ERROR},
	    {"warning", SPORE_WARN},    {"err", SPORE_ERROR},     {"fatal", SPORE_ERROR}, {"critical", SPORE_ERROR},
	    {"crit", SPORE_ERROR},      {"panic", SPORE_ERROR},   {"alert", SPORE_ERROR}, {"emerg", SPORE_ERROR},
	    {"emergency", SPORE_ERROR}, {"notice", SPORE_INFO},   {"log", SPORE_INFO},    {"information", SPORE_INFO},
	    {"trace", SPORE_DEBUG},     {"verbose", SPORE_DEBUG},
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i].word) == len && strncasecmp(words[i].word, word, len) == 0)
			return words[i].level;
	return 0;
}

void spore__lines_init(struct spore__lines *l, void (*fn)(void *arg, const struct spore__record *r), void *arg)
{
	*l = (struct spore__lines){.fn = fn, .arg = arg};
}

void spore__lines_finish(struct spore__lines *l)
{
	for (size_t i = 0; i < sizeof l->tails / sizeof *l->tails; i++)
		free(l->tails[i].bytes);
	*l = (struct spore__lines){0};
}

// ---- lines

// Hands out a piece of the line that T is about.
static void give(struct spore__lines *l, struct spore__lines_tail *t, const char *text, size_t len, bool partial)
{
	const struct spore__record r = {
	    .stream = (enum spore__log_stream)(t - l->tails),
	    .run = t->run,
	    .wall = t->wall,
	    .monotonic = t->monotonic,
	    .text = text,
	    .len = len,
	    .continues = t->open,
	    .partial = partial,
	};
	t->open = partial;
	l->fn(l->arg, &r);
}

static void give_kept(struct spore__lines *l, struct spore__lines_tail *t, bool partial)
{
	size_t len = t->len;
	t->len = 0;
	give(l, t, len > 0 ? t->bytes : "", len, partial);
}

// Nothing of its line will follow.
static void end_line(struct spore__lines *l, struct spore__lines_tail *t)
{
	if (t->len > 0)
		give_kept(l, t, true);
	t->open = false;
}

static void end_lines(struct spore__lines *l)
{
	for (size_t i = 0; i < sizeof l->tails / sizeof *l->tails; i++)
		end_line(l, &l->tails[i]);
}

// Keeps the beginning of a line until its end comes, handing out what is too long.
static enum spore_err keep(struct spore__lines *l, struct spore__lines_tail *t, const char *bytes, size_t len)
{
	if (t->bytes == NULL && len > 0 && (t->bytes = malloc(SPORE__LOG_LINE)) == NULL) {
		give(l, t, bytes, len, true);
		return SPORE_ENOMEM;
	}
	while (len > 0) {
		if (t->len == SPORE__LOG_LINE)
			give_kept(l, t, true);
		size_t n = len < SPORE__LOG_LINE - t->len ? len : SPORE__LOG_LINE - t->len;
		memcpy(t->bytes + t->len, bytes, n);
		t->len += n;
		bytes += n;
		len -= n;
	}
	return SPORE_OK;
}

static enum spore_err feed_output(struct spore__lines *l, struct spore__lines_tail *t,
                                  const struct spore__log_block *block)
{
	enum spore_err err = SPORE_OK;
	const char *at = (const char *)block->payload, *end = at + block->len, *newline;
	if (t->run != block->run)
		end_line(l, t);
	t->run = block->run;
	t->wall = block->wall;
	t->monotonic = block->monotonic;
	for (; at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL; at = newline + 1) {
		size_t len = (size_t)(newline - at);
		if (t->len == 0 && len <= SPORE__LOG_LINE) {
			give(l, t, at, len, false);
			continue;
		}
		if (keep(l, t, at, len) != SPORE_OK)
			err = SPORE_ENOMEM;
		give_kept(l, t, false);
	}
	if (at < end && keep(l, t, at, (size_t)(end - at)) != SPORE_OK)
		err = SPORE_ENOMEM;
	if ((block->flags & SPORE__LOG_OPEN_END) == 0)
		end_line(l, t);
	return err;
}

// ---- what is not output

static void give_event(struct spore__lines *l, const struct spore__log_block *block, const char *event,
                       const char *text)
{
	const struct spore__record r = {
	    .stream = SPORE__STREAM_EVENTS,
	    .level = SPORE_WARN,
	    .run = block->run,
	    .wall = block->wall,
	    .monotonic = block->monotonic,
	    .text = text,
	    .len = strlen(text),
	    .event = event,
	    .event_len = strlen(event),
	};
	l->fn(l->arg, &r);
}

static void feed_records(struct spore__lines *l, const struct spore__log_block *block)
{
	char text[80];
	size_t used;
	struct spore__control_message m;
	for (size_t at = 0; at < block->len; at += used) {
		if (spore__control_decode(block->payload + at, block->len - at, &m, &used) != SPORE_OK) {
			(void)snprintf(text, sizeof text, "%zu bytes of log records were not understood",
			               block->len - at);
			give_event(l, block, "gap", text);
			return;
		}
		if (m.type == SPORE__CONTROL_LOST) {
			(void)snprintf(text, sizeof text, "%" PRIu64 " log records were lost here", m.number);
			give_event(l, block, "lost", text);
		} else if (m.type == SPORE__CONTROL_LOG) {
			const struct spore__record r = {
			    .stream = SPORE__STREAM_RECORDS,
			    .level = m.number <= SPORE_ERROR ? (unsigned)m.number : 0,
			    .run = block->run,
			    .wall = block->wall,
			    .monotonic = block->monotonic,
			    .said = m.time,
			    .text = m.text,
			    .len = m.text_len,
			    .fields = m.fields,
			};
			l->fn(l->arg, &r);
		}
	}
}

static bool find_text(const struct spore__msgpack_reader *map, const char *key, const char **text, uint32_t *len)
{
	struct spore__msgpack_reader at;
	return spore__msgpack_find(map, key, &at) && spore__msgpack_read_str(&at, text, len) == SPORE__MSGPACK_OK;
}

static unsigned find_level(const struct spore__msgpack_reader *map)
{
	struct spore__msgpack_reader at;
	const char *word;
	uint32_t len;
	int64_t number;
	if (find_text(map, "level", &word, &len))
		return spore__level_parse(word, len);
	if (spore__msgpack_find(map, "level", &at) && spore__msgpack_read_int(&at, &number) == SPORE__MSGPACK_OK &&
	    number >= SPORE_DEBUG && number <= SPORE_ERROR)
		return (unsigned)number;
	return SPORE_INFO;
}

static void feed_event(struct spore__lines *l, const struct spore__log_block *block)
{
	const char *event = "", *text = NULL;
	uint32_t event_len = 0, text_len = 0;
	struct spore__msgpack_reader map = spore__msgpack_reader(block->payload, block->len);
	if (spore__msgpack_check(block->payload, block->len) != SPORE__MSGPACK_OK) {
		give_event(l, block, "gap", "an event was not understood");
		return;
	}
	(void)find_text(&map, "event", &event, &event_len);
	if (event_len == 6 && memcmp(event, "exited", 6) == 0)
		spore__lines_flush(l); // what it said last, before its end
	if (!find_text(&map, "text", &text, &text_len)) {
		text = event;
		text_len = event_len;
	}
	const struct spore__record r = {
	    .stream = SPORE__STREAM_EVENTS,
	    .level = find_level(&map),
	    .run = block->run,
	    .wall = block->wall,
	    .monotonic = block->monotonic,
	    .text = text,
	    .len = text_len,
	    .event = event,
	    .event_len = event_len,
	    .fields = map,
	};
	l->fn(l->arg, &r);
}

static int64_t find_count(const struct spore__msgpack_reader *map, const char *key)
{
	struct spore__msgpack_reader at;
	int64_t n = 0;
	if (spore__msgpack_find(map, key, &at))
		(void)spore__msgpack_read_int(&at, &n);
	return n > 0 ? n : 0;
}

static void feed_lost(struct spore__lines *l, const struct spore__log_block *block)
{
	char text[400];
	const char *why = NULL;
	uint32_t why_len = 0;
	struct spore__msgpack_reader map = spore__msgpack_reader(block->payload, block->len);
	bool good = spore__msgpack_check(block->payload, block->len) == SPORE__MSGPACK_OK;
	end_lines(l); // what follows is not the rest of them
	int64_t bytes = good ? find_count(&map, "bytes") : 0, records = good ? find_count(&map, "records") : 0;
	int n = snprintf(text, sizeof text, "lost here:");
	if (bytes > 0)
		n += snprintf(text + n, sizeof text - (size_t)n, " %" PRId64 " bytes", bytes);
	if (records > 0)
		n += snprintf(text + n, sizeof text - (size_t)n, "%s %" PRId64 " records", bytes > 0 ? " and" : "",
		              records);
	if (bytes == 0 && records == 0)
		n += snprintf(text + n, sizeof text - (size_t)n, " output");
	if (good && find_text(&map, "why", &why, &why_len))
		(void)snprintf(text + n, sizeof text - (size_t)n, ": %.*s", (int)(why_len < 256 ? why_len : 256), why);
	const struct spore__record r = {
	    .stream = SPORE__STREAM_EVENTS,
	    .level = SPORE_WARN,
	    .run = block->run,
	    .wall = block->wall,
	    .monotonic = block->monotonic,
	    .text = text,
	    .len = strlen(text),
	    .event = "lost",
	    .event_len = 4,
	    .fields = good ? map : (struct spore__msgpack_reader){0},
	};
	l->fn(l->arg, &r);
}

// ---- blocks

bool spore__lines_pending(const struct spore__lines *l)
{
	for (size_t i = 0; i < sizeof l->tails / sizeof *l->tails; i++)
		if (l->tails[i].len > 0)
			return true;
	return false;
}

void spore__lines_flush(struct spore__lines *l)
{
	for (size_t i = 0; i < sizeof l->tails / sizeof *l->tails; i++)
		if (l->tails[i].len > 0)
			give_kept(l, &l->tails[i], true);
}

void spore__lines_gap(struct spore__lines *l, const char *text)
{
	end_lines(l);
	give_event(l, &(struct spore__log_block){.run = l->run, .wall = l->wall, .monotonic = l->monotonic}, "gap",
	           text);
}

enum spore_err spore__lines_feed(struct spore__lines *l, const struct spore__log_block *block)
{
	uint64_t missing = l->sequence > 0 && block->sequence > l->sequence + 1 ? block->sequence - l->sequence - 1 : 0;
	l->sequence = block->sequence;
	if (block->run != 0)
		l->run = block->run;
	l->wall = block->wall;
	l->monotonic = block->monotonic;
	if (missing > 0) {
		char text[80];
		(void)snprintf(text, sizeof text, "%" PRIu64 " block%s of the log %s missing here", missing,
		               missing == 1 ? "" : "s", missing == 1 ? "is" : "are");
		spore__lines_gap(l, text);
	}
	switch (block->kind) {
	case SPORE__LOG_STDOUT:
		return feed_output(l, &l->tails[SPORE__STREAM_STDOUT], block);
	case SPORE__LOG_STDERR:
		return feed_output(l, &l->tails[SPORE__STREAM_STDERR], block);
	case SPORE__LOG_TTY:
		return feed_output(l, &l->tails[SPORE__STREAM_TTY], block);
	case SPORE__LOG_RECORDS:
		feed_records(l, block);
		break;
	case SPORE__LOG_EVENT:
		feed_event(l, block);
		break;
	case SPORE__LOG_LOST:
		feed_lost(l, block);
		break;
	case SPORE__LOG_END:
		end_lines(l);
		break;
	case SPORE__LOG_FILE:
		break;
	}
	return SPORE_OK;
}
