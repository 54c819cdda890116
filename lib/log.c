#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "connection.h"
#include "logline.h"
#include "spore/spore.h"

struct record {
	enum spore_level level;
	uint64_t time;
	const char *message;
	const struct spore_field *fields;
	size_t count;
};

static void put(struct spore__msgpack_writer *w, const void *arg)
{
	const struct record *r = arg;
	spore__control_put_log(w, r->level, r->time, r->message, r->fields, r->count);
}

// Called under the connection's lock, which guards `line`.
static void print(const struct spore__control_message *m)
{
	static char line[SPORE__CONTROL_FRAME];
	if (spore__logline_shown(m->number))
		spore__connection_print(line, spore__logline_format(m, NULL, line, sizeof line));
}

void spore_log_record(enum spore_level level, const char *message, const struct spore_field *fields, size_t count)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	const struct record r = {
	    .level = level,
	    .time = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec,
	    .message = message,
	    .fields = fields,
	    .count = fields != NULL ? count : 0,
	};
	spore__connection_say(put, &r, print);
}

void spore_log_list(enum spore_level level, const char *message, ...)
{
	struct spore_field fields[SPORE__CONTROL_FIELDS];
	size_t count = 0;
	va_list ap;
	va_start(ap, message);
	while (count < SPORE__CONTROL_FIELDS) {
		fields[count] = va_arg(ap, struct spore_field);
		if (fields[count].kind == SPORE_KIND_NONE)
			break;
		count++;
	}
	va_end(ap);
	spore_log_record(level, message, fields, count);
}

void spore_logf(enum spore_level level, const char *format, ...)
{
	char message[4096];
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(message, sizeof message, format, ap);
	va_end(ap);
	spore_log_record(level, n >= 0 ? message : format, NULL, 0);
}
