#include "logs/print.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "logline.h"
#include "logs/fields.h"
#include "logs/json_line.h"
#include "logs/when.h"

enum { ENOUGH = 128 * 1024 };

// What is made of a record while it is shown.
struct shown {
	const struct spore__log_origin *o;
	const struct spore__record *r;
	struct spore__json_line json;
	bool is_json;    // `json` is to be finished
	bool understood; // a record with level, text and fields rather than a line
	unsigned level;  // of the record; 0: it says none
	uint64_t said;
	const char *body; // for people, without time and prefix
	size_t body_len;
};

void spore__log_print_finish(struct spore__log_print *p)
{
	spore__buf_finish(&p->out);
	spore__buf_finish(&p->body);
	spore__buf_finish(&p->scratch);
	spore__buf_finish(&p->head);
}

void spore__log_print_flush(struct spore__log_print *p)
{
	size_t done = 0;
	while (done < p->out.len) {
		ssize_t n = write(STDOUT_FILENO, p->out.data + done, p->out.len - done);
		if (n >= 0) {
			done += (size_t)n;
		} else if (errno == EPIPE) {
			_exit(SPORE__EXIT_OK); // whoever read it has seen enough
		} else if (errno == EAGAIN) {
			struct pollfd fd = {.fd = STDOUT_FILENO, .events = POLLOUT};
			(void)poll(&fd, 1, -1);
		} else if (errno != EINTR) {
			spore__die(SPORE__EXIT_SPORE, NULL, "logs: cannot write standard output: %s", strerror(errno));
		}
	}
	p->out.len = 0;
}

// ---- what is shown

static bool is_output(const struct spore__record *r)
{
	return r->stream <= SPORE__STREAM_TTY;
}

static void understand(const struct spore__log_print *p, struct shown *s)
{
	const struct spore__record *r = s->r;
	s->level = r->level;
	s->said = r->said;
	s->understood = !is_output(r);
	if (s->understood || r->continues || r->len == 0 || r->text[0] != '{' || (p->raw && p->level == 0))
		return;
	s->is_json = spore__json_line_parse(r->text, r->len, &s->json);
	if (!s->is_json)
		return;
	s->level = s->json.level;
	s->said = s->json.said;
	s->understood = s->json.message != NULL;
}

static void make_body(struct spore__log_print *p, struct shown *s)
{
	const struct spore__record *r = s->r;
	if (!s->understood) {
		s->body = r->text;
		s->body_len = r->len;
		return;
	}
	const char *level = spore__level_word(s->level);
	p->body.len = 0;
	if (r->stream == SPORE__STREAM_EVENTS)
		spore__buf_str(&p->body, "-- ");
	else if (level != NULL)
		spore__buf_printf(&p->body, "%-5s ", level);
	if (s->is_json) {
		spore__fields_escape(&p->body, s->json.message, s->json.message_len, false);
		spore__fields_text_json(&p->body, &s->json);
	} else {
		spore__fields_escape(&p->body, r->text, r->len, false);
		if (r->stream == SPORE__STREAM_RECORDS)
			spore__fields_text(&p->body, r->fields);
	}
	spore__buf_str(&p->body, "");
	s->body = p->body.data;
	s->body_len = p->body.len;
}

static bool matches(struct spore__log_print *p, const struct shown *s)
{
	if (p->grep == NULL && p->literal == NULL)
		return true;
	p->scratch.len = 0;
	spore__buf_add(&p->scratch, s->body, s->body_len);
	for (char *nul = p->scratch.data;
	     (nul = memchr(nul, '\0', s->body_len - (size_t)(nul - p->scratch.data))) != NULL;)
		*nul = ' ';
	return p->literal != NULL ? strstr(p->scratch.data, p->literal) != NULL
	                          : regexec(p->grep, p->scratch.data, 0, NULL, 0) == 0;
}

// ---- for people

// A sequence ESC [ digits m, which changes nothing but colours.
static size_t color_length(const char *s, size_t len)
{
	size_t n = 2;
	if (len < 3 || s[0] != '\x1b' || s[1] != '[')
		return 0;
	while (n < len && (s[n] == ';' || (s[n] >= '0' && s[n] <= '9')))
		n++;
	return n < len && s[n] == 'm' ? n + 1 : 0;
}

// A program's line on a terminal: nothing of it may do more than stand there.
static void add_line(struct spore__log_print *p, const char *text, size_t len)
{
	struct spore__buf *out = &p->out;
	const unsigned char *s = (const unsigned char *)text;
	bool colored = false;
	for (size_t i = 0, n; i<len; i += n> 0 ? n : 1) {
		n = spore__logline_character(s + i, len - i);
		if (n == 0 && s[i] == '\t')
			n = 1;
		if (n > 0) {
			spore__buf_add(out, text + i, n);
		} else if ((n = color_length(text + i, len - i)) > 0) {
			if (p->colors)
				spore__buf_add(out, text + i, n);
			colored = p->colors;
		} else if (s[i] != '\r' || i + 1 < len) { // the end of a terminal's line
			spore__buf_printf(out, "\\x%02x", s[i]);
		}
	}
	if (colored)
		spore__buf_str(out, "\x1b[0m");
}

static void add_colored(struct spore__buf *out, const char *color, const char *text, size_t len)
{
	spore__buf_str(out, color);
	spore__buf_add(out, text, len);
	spore__buf_str(out, "\x1b[0m");
}

static const char *color_of_level(unsigned level)
{
	return level == SPORE_ERROR ? "\x1b[31m" : level == SPORE_WARN ? "\x1b[33m" : "\x1b[2m";
}

static void add_body(struct spore__log_print *p, const struct shown *s)
{
	const char *level = spore__level_word(s->level);
	size_t colored = 0;
	if (p->colors && s->r->stream == SPORE__STREAM_EVENTS)
		colored = s->body_len;
	else if (p->colors && s->understood && level != NULL)
		colored = strlen(level);
	if (colored > 0)
		add_colored(&p->out, color_of_level(s->level), s->body, colored);
	if (p->terminal && !s->understood)
		add_line(p, s->body, s->body_len);
	else
		spore__buf_add(&p->out, s->body + colored, s->body_len - colored);
}

static void add_prefix(struct spore__log_print *p, const struct shown *s)
{
	static const char *const colors[] = {"\x1b[36m", "\x1b[32m", "\x1b[35m", "\x1b[34m", "\x1b[33m",
	                                     "\x1b[96m", "\x1b[92m", "\x1b[95m", "\x1b[94m", "\x1b[93m"};
	char time[SPORE__WHEN_SIZE];
	if (p->times) {
		spore__when_format_local(s->r->wall, time);
		spore__buf_str(&p->out, time);
		spore__buf_char(&p->out, ' ');
	}
	if (s->o->name == NULL)
		return;
	if (strlen(s->o->name) > p->width)
		p->width = strlen(s->o->name);
	if (p->colors)
		spore__buf_str(&p->out, colors[s->o->color % (sizeof colors / sizeof *colors)]);
	spore__buf_printf(&p->out, "%-*s |", (int)p->width, s->o->name);
	spore__buf_str(&p->out, p->colors ? "\x1b[0m " : " ");
}

void spore__log_print_end(struct spore__log_print *p)
{
	if (p->open_id != NULL && !p->raw)
		spore__buf_char(&p->out, '\n');
	p->open_id = NULL;
}

static void add_for_people(struct spore__log_print *p, const struct shown *s)
{
	const struct spore__record *r = s->r;
	bool goes_on = r->continues && p->open_id == s->o->id && p->open_stream == r->stream;
	if (p->open_id != NULL && !goes_on)
		spore__log_print_end(p);
	if (!goes_on && (p->times || s->o->name != NULL))
		add_prefix(p, s);
	add_body(p, s);
	bool open = r->partial && !s->understood;
	if (!open)
		spore__buf_char(&p->out, '\n');
	p->open_id = open ? s->o->id : NULL;
	p->open_stream = r->stream;
}

static void add_raw(struct spore__log_print *p, const struct spore__record *r)
{
	if (!is_output(r))
		return;
	spore__buf_add(&p->out, r->text, r->len);
	if (!r->partial)
		spore__buf_char(&p->out, '\n');
}

// ---- for programs

static void add_time(struct spore__json *j, const char *key, uint64_t ns)
{
	char time[SPORE__WHEN_SIZE];
	if (ns != 0)
		spore__when_format(ns, time);
	spore__json_str(j, key, ns != 0 ? time : NULL);
}

static void add_text(struct spore__log_print *p, struct spore__json *j, const struct shown *s)
{
	const struct spore__record *r = s->r;
	if (s->is_json && s->json.message != NULL)
		spore__json_strn(j, "text", s->json.message, s->json.message_len);
	else
		spore__json_strn(j, "text", r->text, r->len);
	p->scratch.len = 0;
	if (!spore__json_is_text(r->text, r->len))
		spore__fields_base64(&p->scratch, r->text, r->len);
	spore__json_str(j, "base64", p->scratch.len > 0 ? p->scratch.data : NULL);
}

// The members that the records of a block have in common; made once for all of them.
static void add_head(struct spore__log_print *p, const struct shown *s)
{
	const struct spore__log_origin *o = s->o;
	const struct spore__record *r = s->r;
	struct spore__json j = {.out = &p->head};
	if (p->head.len > 0 && p->head_id == o->id && p->head_run == r->run && p->head_wall == r->wall &&
	    p->head_monotonic == r->monotonic)
		return;
	p->head_id = o->id;
	p->head_run = r->run;
	p->head_wall = r->wall;
	p->head_monotonic = r->monotonic;
	p->head.len = 0;
	add_time(&j, "time", r->wall);
	spore__json_int(&j, "monotonic_ns", (int64_t)r->monotonic);
	spore__json_str(&j, "boot", o->boot[0] != '\0' ? o->boot : NULL);
	spore__json_str(&j, "system", o->system[0] != '\0' ? o->system : NULL);
	spore__json_str(&j, "task", o->task);
	spore__json_int(&j, "replica", o->replica);
	spore__json_int(&j, "generation", (int64_t)o->generation);
	spore__json_int(&j, "run", r->run);
}

// Every record has all members, in this order.
static void add_json(struct spore__log_print *p, const struct shown *s)
{
	const struct spore__record *r = s->r;
	struct spore__json j = {.out = &p->out};
	add_head(p, s);
	spore__json_open(&j, NULL, '{');
	spore__buf_add(&p->out, p->head.data, p->head.len);
	j.comma = true;
	add_time(&j, "said", s->said);
	spore__json_str(&j, "stream", spore__stream_word(r->stream));
	spore__json_str(&j, "level", spore__level_word(s->level));
	if (r->event != NULL)
		spore__json_strn(&j, "event", r->event, r->event_len);
	else
		spore__json_str(&j, "event", NULL);
	add_text(p, &j, s);
	spore__json_bool(&j, "continues", r->continues);
	spore__json_bool(&j, "partial", r->partial);
	if (s->is_json)
		spore__fields_json_json(&j, "fields", &s->json);
	else
		spore__fields_json(&j, "fields", r);
	spore__json_close(&j, '}');
	spore__buf_char(&p->out, '\n');
}

// ---- records

static bool is_wanted(struct spore__log_print *p, struct shown *s)
{
	unsigned level = s->level != 0 ? s->level : SPORE_INFO;
	if (level < p->level)
		return false;
	if (p->grep == NULL && p->literal == NULL && (p->counting || p->json))
		return true;
	make_body(p, s);
	return matches(p, s);
}

static void show(struct spore__log_print *p, const struct shown *s)
{
	if (p->counting) {
		p->count++;
		return;
	}
	if (p->skip > 0) {
		p->skip--;
		return;
	}
	if (p->raw)
		add_raw(p, s->r);
	else if (p->json)
		add_json(p, s);
	else
		add_for_people(p, s);
	if (p->out.len >= ENOUGH)
		spore__log_print_flush(p);
}

void spore__log_print_record(struct spore__log_print *p, const struct spore__log_origin *o,
                             const struct spore__record *r)
{
	struct shown s = {.o = o, .r = r};
	if ((p->streams & 1U << r->stream) == 0 || r->wall < p->since || r->wall > p->until)
		return;
	if (p->raw && !is_output(r))
		return;
	if (p->counting && p->level == 0 && p->grep == NULL && p->literal == NULL) {
		p->count++;
		return;
	}
	understand(p, &s);
	if (is_wanted(p, &s))
		show(p, &s);
	if (s.is_json)
		spore__json_line_finish(&s.json);
}
