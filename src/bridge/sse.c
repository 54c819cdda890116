#include "bridge/sse.h"

#include <string.h>

#include "bridge/text.h"

void spore__sse_begin(struct spore__sse *s)
{
	s->line.len = s->kind.len = s->data.len = s->next_id.len = s->id.len = 0;
	s->retry_ms = -1;
	s->begun = s->cr = s->some = s->over = false;
}

void spore__sse_finish(struct spore__sse *s)
{
	spore__buf_finish(&s->line);
	spore__buf_finish(&s->kind);
	spore__buf_finish(&s->data);
	spore__buf_finish(&s->id);
	spore__buf_finish(&s->next_id);
}

static struct spore__span span(const struct spore__buf *b)
{
	return (struct spore__span){(const unsigned char *)b->data, b->len};
}

static void set(struct spore__buf *b, const char *bytes, size_t len)
{
	b->len = 0;
	if (len > 0)
		spore__buf_add(b, bytes, len);
}

static void dispatch(struct spore__sse *s)
{
	if (s->some) {
		set(&s->id, s->next_id.data, s->next_id.len);
		s->data.len--; // the last end of a line is none of it
		s->event(s->arg, span(&s->kind), span(&s->data));
	}
	s->some = false;
	s->kind.len = s->data.len = 0;
}

static void field(struct spore__sse *s, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	size_t name = colon == NULL ? len : (size_t)(colon - line);
	const char *value = colon == NULL ? line + len : colon + 1;
	size_t size = (size_t)(line + len - value);
	if (size > 0 && *value == ' ') {
		value++;
		size--;
	}
	uint64_t ms;
	if (name == 4 && memcmp(line, "data", 4) == 0) {
		s->some = true;
		spore__buf_add(&s->data, value, size);
		spore__buf_char(&s->data, '\n');
	} else if (name == 5 && memcmp(line, "event", 5) == 0) {
		set(&s->kind, value, size);
	} else if (name == 2 && memcmp(line, "id", 2) == 0) {
		if (memchr(value, 0, size) == NULL)
			set(&s->next_id, value, size);
	} else if (name == 5 && memcmp(line, "retry", 5) == 0 && spore__text_number(value, size, INT32_MAX, &ms)) {
		s->retry_ms = (int64_t)ms;
	}
}

static void line_is_over(struct spore__sse *s, const char *line, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf";
	if (!s->begun && len >= 3 && memcmp(line, mark, 3) == 0) {
		line += 3;
		len -= 3;
	}
	s->begun = true;
	if (len == 0)
		dispatch(s);
	else if (s->data.len + len > s->limit)
		s->over = true;
	else if (line[0] != ':')
		field(s, line, len);
}

bool spore__sse_feed(struct spore__sse *s, const void *bytes, size_t len)
{
	const char *at = bytes, *end = at + len;
	while (at < end && !s->over) {
		if (s->cr && *at == '\n')
			at++; // it is of the line before
		s->cr = false;
		const char *stop = at;
		while (stop < end && *stop != '\n' && *stop != '\r')
			stop++;
		if (s->line.len + (size_t)(stop - at) > s->limit) {
			s->over = true;
			break;
		}
		if (stop == end) {
			if (stop > at)
				spore__buf_add(&s->line, at, (size_t)(stop - at));
			break;
		}
		s->cr = *stop == '\r';
		if (s->line.len == 0) {
			line_is_over(s, at, (size_t)(stop - at));
		} else {
			spore__buf_add(&s->line, at, (size_t)(stop - at));
			line_is_over(s, s->line.data, s->line.len);
			s->line.len = 0;
		}
		at = stop + 1;
	}
	return !s->over;
}
