// What is seen at a port: a line each, or an entry of a recording.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/json.h"
#include "look/record.h"
#include "look/shown.h"
#include "look/tap.h"

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t = {0};
	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static void put_time(struct spore__buf *out, bool date)
{
	struct tm tm;
	char text[40];
	uint64_t ns = now_ns(CLOCK_REALTIME);
	time_t s = (time_t)(ns / 1000000000U);
	(void)(date ? gmtime_r(&s, &tm) : localtime_r(&s, &tm));
	(void)strftime(text, sizeof text, date ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &tm);
	spore__buf_printf(out, "%s.%06" PRIu64 "%s", text, ns / 1000 % 1000000, date ? "Z" : "");
}

static void put_json(struct spore__tap *t, const struct spore__seen *s, bool sent, const struct spore__spied *m,
                     uint64_t missed)
{
	struct spore__json j = {.out = &t->line};
	struct spore__buf text = {0};
	spore__json_open(&j, NULL, '{');
	put_time(&text, true);
	spore__json_str(&j, "time", text.data);
	spore__json_str(&j, "direction", sent ? "sent" : "received");
	spore__json_int(&j, "channel", (int64_t)s->serial);
	if (m == NULL) {
		spore__json_int(&j, s->peep != NULL ? "missed_bytes" : "missed", (int64_t)missed);
	} else {
		spore__json_int(&j, "bytes", (int64_t)m->len);
		if (m->kept < m->len)
			spore__json_bool(&j, "cut", true);
		text.len = 0;
		if (spore__json_is_text((const char *)m->data, (size_t)m->kept)) {
			spore__json_strn(&j, "text", (const char *)m->data, (size_t)m->kept);
		} else {
			spore__put_base64(&text, m->data, (size_t)m->kept);
			spore__json_strn(&j, "base64", text.data, text.len);
		}
	}
	spore__json_close(&j, '}');
	spore__buf_char(&t->line, '\n');
	spore__buf_finish(&text);
}

static void put_line(struct spore__tap *t, const struct spore__seen *s, bool sent, const struct spore__spied *m)
{
	put_time(&t->line, false);
	if (t->link.serves)
		spore__buf_printf(&t->line, " %" PRIu64, s->serial);
	spore__buf_printf(&t->line, " %s %" PRIu64 " ", sent ? "->" : "<-", m->len);
	if (t->look->hex)
		spore__put_hex(&t->line, m->data, (size_t)m->kept);
	else
		spore__put_bytes(&t->line, m->data, (size_t)m->kept);
	spore__buf_printf(&t->line, "%s\n", m->kept < m->len ? "..." : "");
}

_Noreturn void spore__tap_cannot_write(const struct spore__tap *t)
{
	if ((t->file == NULL || t->file == stdout) && errno == EPIPE)
		exit(SPORE__EXIT_OK); // whoever read has seen enough
	spore__die(SPORE__EXIT_SPORE, "make room, or name another file", "%s: %s cannot be written: %s", t->look->what,
	           t->file != NULL ? t->look->output : "standard output", strerror(errno));
}

static void record(struct spore__tap *t, enum spore__rec_what what, const void *bytes, uint64_t len)
{
	unsigned char head[SPORE__REC_HEAD];
	uint64_t now = now_ns(CLOCK_MONOTONIC);
	if (t->began == 0)
		t->began = now;
	const struct spore__rec_entry e = {.ns = now - t->began, .len = (uint32_t)len, .what = what};
	spore__rec_encode(&e, bytes, head);
	if (fwrite(head, 1, sizeof head, t->file) != sizeof head ||
	    (len > 0 && fwrite(bytes, 1, (size_t)len, t->file) != (size_t)len))
		spore__tap_cannot_write(t);
}

void spore__tap_show(struct spore__tap *t, const struct spore__seen *s, bool sent, const struct spore__spied *m)
{
	if (t->file != NULL) {
		record(t, sent ? SPORE__REC_SENT : SPORE__REC_RECEIVED, m->data, m->len);
		return;
	}
	t->line.len = 0;
	if (t->look->json)
		put_json(t, s, sent, m, 0);
	else if (!t->look->raw)
		put_line(t, s, sent, m);
	const char *bytes = t->look->raw ? (const char *)m->data : t->line.data;
	size_t len = t->look->raw ? (size_t)m->kept : t->line.len;
	if (len > 0 && fwrite(bytes, 1, len, stdout) != len)
		spore__tap_cannot_write(t);
}

static uint64_t missed_by(const struct spore__seen *s, int direction)
{
	if (s->heard != NULL)
		return direction == 0 ? spore__heard_missed(s->heard) : 0;
	return s->peep != NULL ? spore__peep_missed(s->peep, direction) : spore__spy_missed(s->spy, direction);
}

void spore__tap_show_missed(struct spore__tap *t, struct spore__seen *s, int direction)
{
	uint64_t missed = missed_by(s, direction) - s->missed[direction];
	bool sent = (unsigned)direction == s->role;
	if (missed == 0)
		return;
	s->missed[direction] += missed;
	t->missed += missed;
	t->unit = s->peep != NULL ? "bytes" : "messages";
	t->line.len = 0;
	if (t->file != NULL) {
		unsigned char count[8];
		for (int i = 0; i < 8; i++)
			count[i] = (unsigned char)(missed >> (8 * i));
		record(t, SPORE__REC_MISSED, count, sizeof count);
	} else if (t->look->json) {
		put_json(t, s, sent, NULL, missed);
	} else if (!t->look->raw) {
		put_time(&t->line, false);
		spore__buf_printf(&t->line, " %s %" PRIu64 " %s were too fast to be seen\n", sent ? "->" : "<-", missed,
		                  t->unit);
	}
	if (t->file == NULL && t->line.len > 0 && fwrite(t->line.data, 1, t->line.len, stdout) != t->line.len)
		spore__tap_cannot_write(t);
}
