#include "task/spec.h"

#include <ctype.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "task/address.h"

enum {
	TEXTS_MAX = 10000, // strings of one list
	DAY_MS = 24 * 3600 * 1000,
};

static const char *const restarts[] = {"never", "on-failure", "always", NULL};
static const char *const readies[] = {"started", "notify", "tcp", "exec", "log", NULL};
static const char *const alives[] = {"none", "tcp", "exec", "notify", NULL};
static const char *const stdins[] = {"null", "open", "file", NULL};
static const char *const overflows[] = {"block", "drop", NULL};

#define AT(member) offsetof(struct spore__spec, member)
#define STR(key, member)                                                                                               \
	{                                                                                                              \
		key, SPORE__SPEC_STR, AT(member), NULL, 0, 0, 0, false                                                 \
	}
#define TEXTS(key, member)                                                                                             \
	{                                                                                                              \
		key, SPORE__SPEC_TEXTS, AT(member), NULL, 0, 0, 0, false                                               \
	}
#define BOOL(key, member, standard)                                                                                    \
	{                                                                                                              \
		key, SPORE__SPEC_BOOL, AT(member), NULL, standard, 0, 1, false                                         \
	}
#define ENUM(key, member, words, standard, live)                                                                       \
	{                                                                                                              \
		key, SPORE__SPEC_ENUM, AT(member), words, standard, 0, 0, live                                         \
	}
#define INT(key, member, standard, min, max)                                                                           \
	{                                                                                                              \
		key, SPORE__SPEC_INT, AT(member), NULL, standard, min, max, false                                      \
	}
#define LIVE_INT(key, member, standard, min, max)                                                                      \
	{                                                                                                              \
		key, SPORE__SPEC_INT, AT(member), NULL, standard, min, max, true                                       \
	}
#define LIVE_TEXTS(key, member)                                                                                        \
	{                                                                                                              \
		key, SPORE__SPEC_TEXTS, AT(member), NULL, 0, 0, 0, true                                                \
	}

// Enums are kept in members of enum types, which the compilers here make as wide as an int.
_Static_assert(sizeof(enum spore__restart) == sizeof(int), "spec_enum reads and writes an int");

const struct spore__spec_field spore__spec_fields[] = {
    STR("system", system),
    STR("task", task),
    INT("replica", replica, 0, 0, SPORE__REPLICAS_MAX),
    STR("source", source),
    STR("artifact", artifact),
    STR("version", version),
    STR("store", store),
    TEXTS("argv", argv),
    TEXTS("env", env),
    TEXTS("secrets", secrets),
    TEXTS("config", config),
    STR("cwd", cwd),
    BOOL("control", control, 0),
    BOOL("tty", tty, 0),
    ENUM("stdin", stdin_from, stdins, SPORE__STDIN_NULL, false),
    STR("stdin.file", stdin_file),
    STR("wire.stdin", wire_stdin),
    STR("wire.stdout", wire_stdout),
    STR("wire.stdio", wire_stdio),
    BOOL("tap.stdin", tap_stdin, 0),
    BOOL("tap.stdout", tap_stdout, 0),
    BOOL("tap.stdio", tap_stdio, 0),
    ENUM("restart", restart, restarts, SPORE__RESTART_NEVER, true),
    LIVE_INT("restart.delay_ms", restart_delay_ms, 200, 0, DAY_MS),
    LIVE_INT("restart.max_ms", restart_max_ms, 30000, 0, DAY_MS),
    LIVE_INT("restart.limit", restart_limit, 0, 0, INT32_MAX),
    LIVE_INT("restart.reset_ms", restart_reset_ms, 10000, 0, DAY_MS),
    {"stop.stdin", SPORE__SPEC_BOOL, AT(stop_stdin), NULL, 0, 0, 1, true},
    LIVE_INT("stop.signal", stop_signal, SIGTERM, 1, 64),
    LIVE_INT("stop.grace_ms", stop_grace_ms, 5000, 0, DAY_MS),
    ENUM("ready", ready, readies, SPORE__READY_STARTED, false),
    STR("ready.address", ready_address),
    TEXTS("ready.exec", ready_exec),
    STR("ready.log", ready_log),
    INT("ready.fd", ready_fd, 0, 0, 255),
    INT("ready.timeout_ms", ready_timeout_ms, 60000, 0, DAY_MS),
    ENUM("alive", alive, alives, SPORE__ALIVE_NONE, false),
    STR("alive.address", alive_address),
    TEXTS("alive.exec", alive_exec),
    INT("alive.every_ms", alive_every_ms, 10000, 10, DAY_MS),
    INT("alive.timeout_ms", alive_timeout_ms, 2000, 10, DAY_MS),
    INT("alive.failures", alive_failures, 3, 1, 1000),
    INT("limits.memory", limit_memory, 0, 0, INT64_MAX),
    INT("limits.files", limit_files, 0, 0, INT32_MAX),
    INT("limits.processes", limit_processes, 0, 0, INT32_MAX),
    INT("limits.core", limit_core, 0, 0, INT64_MAX),
    INT("limits.cpu_milli", limit_cpu_milli, 0, 0, INT32_MAX),
    BOOL("limits.required", limits_required, 0),
    INT("nice", nice, 0, -20, 19),
    STR("affinity", affinity),
    BOOL("confine", confine, 0),
    BOOL("confine.network", confine_network, 0),
    TEXTS("confine.read", confine_read),
    TEXTS("confine.write", confine_write),
    INT("log.bytes", log_bytes, 64 << 20, 1 << 16, INT64_MAX),
    INT("log.files", log_files, 8, 2, 1000),
    ENUM("log.overflow", overflow, overflows, SPORE__OVERFLOW_BLOCK, false),
    LIVE_TEXTS("after", after),
    {"every", SPORE__SPEC_STR, AT(every), NULL, 0, 0, 0, true},
    LIVE_TEXTS("profiles", profiles),
    LIVE_TEXTS("ports", ports),
    {"enabled", SPORE__SPEC_BOOL, AT(enabled), NULL, 1, 0, 1, true},
    {NULL, SPORE__SPEC_STR, 0, NULL, 0, 0, 0, false},
};

static void *member(const struct spore__spec *s, const struct spore__spec_field *f)
{
	return (char *)(uintptr_t)s + f->offset;
}

static int64_t number(const struct spore__spec *s, const struct spore__spec_field *f)
{
	const void *at = member(s, f);
	return f->type == SPORE__SPEC_BOOL   ? *(const bool *)at
	       : f->type == SPORE__SPEC_ENUM ? *(const int *)at
	                                     : *(const int64_t *)at;
}

static void set_number(struct spore__spec *s, const struct spore__spec_field *f, int64_t value)
{
	void *at = member(s, f);
	if (f->type == SPORE__SPEC_BOOL)
		*(bool *)at = value != 0;
	else if (f->type == SPORE__SPEC_ENUM)
		*(int *)at = (int)value;
	else
		*(int64_t *)at = value;
}

static bool is_number(const struct spore__spec_field *f)
{
	return f->type != SPORE__SPEC_STR && f->type != SPORE__SPEC_TEXTS;
}

void spore__spec_init(struct spore__spec *s)
{
	memset(s, 0, sizeof *s);
	for (const struct spore__spec_field *f = spore__spec_fields; f->key != NULL; f++)
		if (is_number(f))
			set_number(s, f, f->standard);
}

static void free_texts(spore__texts texts)
{
	for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
		free(texts[i]);
	free(texts);
}

void spore__spec_finish(struct spore__spec *s)
{
	for (const struct spore__spec_field *f = spore__spec_fields; f->key != NULL; f++) {
		if (f->type == SPORE__SPEC_STR)
			free(*(char **)member(s, f));
		else if (f->type == SPORE__SPEC_TEXTS)
			free_texts(*(spore__texts *)member(s, f));
	}
	spore__spec_init(s);
}

static uint32_t texts_count(const spore__texts texts)
{
	uint32_t n = 0;
	while (texts != NULL && texts[n] != NULL)
		n++;
	return n;
}

static bool is_standard(const struct spore__spec *s, const struct spore__spec_field *f)
{
	if (f->type == SPORE__SPEC_STR)
		return *(char **)member(s, f) == NULL;
	if (f->type == SPORE__SPEC_TEXTS)
		return texts_count(*(spore__texts *)member(s, f)) == 0;
	return number(s, f) == f->standard;
}

static bool is_secret(const struct spore__spec *s, const char *variable)
{
	size_t len = strcspn(variable, "=");
	for (size_t i = 0; s->secrets != NULL && s->secrets[i] != NULL; i++)
		if (strlen(s->secrets[i]) == len && strncmp(s->secrets[i], variable, len) == 0)
			return true;
	return false;
}

static void encode_texts(const struct spore__spec *s, const struct spore__spec_field *f,
                         struct spore__msgpack_writer *w, bool shown)
{
	const spore__texts texts = *(spore__texts *)member(s, f);
	bool hide = shown && (f->offset == AT(env) || f->offset == AT(config));
	spore__msgpack_array(w, texts_count(texts));
	for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
		size_t name = strcspn(texts[i], "=");
		if (hide && name < 256 && is_secret(s, texts[i])) {
			char text[264];
			(void)snprintf(text, sizeof text, "%.*s=***", (int)name, texts[i]);
			spore__msgpack_str(w, text);
		} else {
			spore__msgpack_str(w, texts[i]);
		}
	}
}

void spore__spec_encode(const struct spore__spec *s, struct spore__msgpack_writer *w, bool shown)
{
	uint32_t count = 0;
	for (const struct spore__spec_field *f = spore__spec_fields; f->key != NULL; f++)
		count += !is_standard(s, f);
	spore__msgpack_map(w, count);
	for (const struct spore__spec_field *f = spore__spec_fields; f->key != NULL; f++) {
		if (is_standard(s, f))
			continue;
		spore__msgpack_str(w, f->key);
		if (f->type == SPORE__SPEC_STR)
			spore__msgpack_str(w, *(char **)member(s, f));
		else if (f->type == SPORE__SPEC_TEXTS)
			encode_texts(s, f, w, shown);
		else if (f->type == SPORE__SPEC_ENUM)
			spore__msgpack_str(w, f->words[number(s, f)]);
		else if (f->type == SPORE__SPEC_BOOL)
			spore__msgpack_bool(w, number(s, f) != 0);
		else
			spore__msgpack_int(w, number(s, f));
	}
}

struct decoding {
	struct spore__spec *spec;
	char *why;
	size_t size;
	enum spore_err err;
};

static void wrong(struct decoding *d, enum spore_err err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void wrong(struct decoding *d, enum spore_err err, const char *fmt, ...)
{
	if (d->err != SPORE_OK)
		return;
	d->err = err;
	va_list ap;
	va_start(ap, fmt);
	if (d->why != NULL)
		(void)vsnprintf(d->why, d->size, fmt, ap);
	va_end(ap);
}

static char *take_text(struct decoding *d, const struct spore__spec_field *f, struct spore__msgpack_reader *r)
{
	const char *text;
	uint32_t len;
	if (spore__msgpack_read_str(r, &text, &len) != SPORE__MSGPACK_OK || memchr(text, '\0', len) != NULL) {
		wrong(d, SPORE_EMALFORMED, "%s: text without NUL is wanted", f->key);
		return NULL;
	}
	char *copy = malloc((size_t)len + 1);
	if (copy == NULL) {
		wrong(d, SPORE_ENOMEM, "out of memory");
		return NULL;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

static void take_texts(struct decoding *d, const struct spore__spec_field *f, struct spore__msgpack_reader *r)
{
	uint32_t count;
	if (spore__msgpack_read_array(r, &count) != SPORE__MSGPACK_OK) {
		wrong(d, SPORE_EMALFORMED, "%s: a list of texts is wanted", f->key);
		return;
	}
	if (count > TEXTS_MAX) {
		wrong(d, SPORE_ETOOBIG, "%s: more than %d texts", f->key, TEXTS_MAX);
		return;
	}
	spore__texts texts = calloc((size_t)count + 1, sizeof *texts);
	if (texts == NULL) {
		wrong(d, SPORE_ENOMEM, "out of memory");
		return;
	}
	for (uint32_t i = 0; i < count && d->err == SPORE_OK; i++)
		texts[i] = take_text(d, f, r);
	free_texts(*(spore__texts *)member(d->spec, f));
	*(spore__texts *)member(d->spec, f) = texts;
}

static void take_word(struct decoding *d, const struct spore__spec_field *f, struct spore__msgpack_reader *r)
{
	struct spore__msgpack_value v;
	if (spore__msgpack_read(r, &v) == SPORE__MSGPACK_OK)
		for (int i = 0; f->words[i] != NULL; i++)
			if (spore__msgpack_is(&v, f->words[i])) {
				set_number(d->spec, f, i);
				return;
			}
	wrong(d, SPORE_EINVALID, "%s: not a word that is known", f->key);
}

static void take_number(struct decoding *d, const struct spore__spec_field *f, struct spore__msgpack_reader *r)
{
	int64_t i = 0;
	bool b = false;
	if ((f->type == SPORE__SPEC_BOOL ? spore__msgpack_read_bool(r, &b) : spore__msgpack_read_int(r, &i)) !=
	    SPORE__MSGPACK_OK)
		wrong(d, SPORE_EMALFORMED, "%s: %s is wanted", f->key,
		      f->type == SPORE__SPEC_BOOL ? "a bool" : "a number");
	else if (f->type == SPORE__SPEC_INT && (i < f->min || i > f->max))
		wrong(d, SPORE_EINVALID, "%s: %lld is not between %lld and %lld", f->key, (long long)i,
		      (long long)f->min, (long long)f->max);
	else
		set_number(d->spec, f, f->type == SPORE__SPEC_BOOL ? b : i);
}

static void take_field(struct decoding *d, const struct spore__spec_field *f, struct spore__msgpack_reader *r)
{
	if (f->type == SPORE__SPEC_STR) {
		char *text = take_text(d, f, r);
		free(*(char **)member(d->spec, f));
		*(char **)member(d->spec, f) = text;
	} else if (f->type == SPORE__SPEC_TEXTS) {
		take_texts(d, f, r);
	} else if (f->type == SPORE__SPEC_ENUM) {
		take_word(d, f, r);
	} else {
		take_number(d, f, r);
	}
}

static const struct spore__spec_field *field_of(const struct spore__msgpack_value *key)
{
	for (const struct spore__spec_field *f = spore__spec_fields; f->key != NULL; f++)
		if (spore__msgpack_is(key, f->key))
			return f;
	return NULL;
}

static bool is_address(const char *text)
{
	struct spore__address addresses[SPORE__ADDRESSES];
	return text == NULL || spore__address_parse(text, addresses) > 0;
}

static void check(struct decoding *d)
{
	const struct spore__spec *s = d->spec;
	bool in = s->wire_stdin != NULL || s->tap_stdin, out = s->wire_stdout != NULL || s->tap_stdout,
	     both = s->wire_stdio != NULL || s->tap_stdio;
	if (s->task == NULL || !spore__name_is_valid(s->task))
		wrong(d, SPORE_EINVALID, "task: a name of letters, digits, _ and - is wanted");
	else if (s->system != NULL && s->system[0] != '\0' && !spore__name_is_valid(s->system))
		wrong(d, SPORE_EINVALID, "system: a name of letters, digits, _ and - is wanted");
	else if (texts_count(s->argv) == 0 || s->argv[0][0] != '/')
		wrong(d, SPORE_EINVALID, "argv: it begins with an absolute path");
	else if (s->cwd != NULL && s->cwd[0] != '/')
		wrong(d, SPORE_EINVALID, "cwd: not an absolute path");
	else if (s->stdin_from == SPORE__STDIN_FILE && s->stdin_file == NULL)
		wrong(d, SPORE_EINVALID, "stdin.file: missing");
	else if (both && (in || out))
		wrong(d, SPORE_EINVALID, "wire.stdio: its stdin and stdout cannot be wired beside it");
	else if ((s->wire_stdin != NULL && s->tap_stdin) || (s->wire_stdout != NULL && s->tap_stdout) ||
	         (s->wire_stdio != NULL && s->tap_stdio))
		wrong(d, SPORE_EINVALID, "tap: it is wired directly as well");
	else if (s->tty && (in || out || both))
		wrong(d, SPORE_EINVALID, "tty: stdin and stdout are its terminal, and cannot be wired");
	else if (s->stdin_from != SPORE__STDIN_NULL && (in || both))
		wrong(d, SPORE_EINVALID, "stdin: it is wired, and cannot be kept open or come from a file");
	else if ((s->ready == SPORE__READY_TCP && s->ready_address == NULL) ||
	         (s->alive == SPORE__ALIVE_TCP && s->alive_address == NULL))
		wrong(d, SPORE_EINVALID, "%s.address: missing", s->ready == SPORE__READY_TCP ? "ready" : "alive");
	else if (!is_address(s->ready_address) || !is_address(s->alive_address))
		wrong(d, SPORE_EINVALID, "%s.address: an IP address or localhost, and a port, are wanted",
		      is_address(s->ready_address) ? "alive" : "ready");
	else if ((s->ready == SPORE__READY_EXEC && texts_count(s->ready_exec) == 0) ||
	         (s->alive == SPORE__ALIVE_EXEC && texts_count(s->alive_exec) == 0))
		wrong(d, SPORE_EINVALID, "%s.exec: missing", s->ready == SPORE__READY_EXEC ? "ready" : "alive");
	else if (s->ready == SPORE__READY_LOG && s->ready_log == NULL)
		wrong(d, SPORE_EINVALID, "ready.log: missing");
}

enum spore_err spore__spec_decode(struct spore__msgpack_reader r, struct spore__spec *s, char *why, size_t size)
{
	struct decoding d = {.spec = s, .why = why, .size = size};
	uint32_t count;
	spore__spec_init(s);
	if ((size_t)(r.end - r.at) > SPORE__SPEC_MAX)
		wrong(&d, SPORE_ETOOBIG, "more than %d bytes", SPORE__SPEC_MAX);
	else if (spore__msgpack_read_map(&r, &count) != SPORE__MSGPACK_OK)
		wrong(&d, SPORE_EMALFORMED, "not a map");
	for (uint32_t i = 0; d.err == SPORE_OK && i < count; i++) {
		struct spore__msgpack_value key;
		if (spore__msgpack_read(&r, &key) != SPORE__MSGPACK_OK || key.type != SPORE__MSGPACK_STR) {
			wrong(&d, SPORE_EMALFORMED, "a key is no text");
			break;
		}
		const struct spore__spec_field *f = field_of(&key);
		if (f != NULL)
			take_field(&d, f, &r);
		else if (spore__msgpack_skip(&r) != SPORE__MSGPACK_OK)
			wrong(&d, SPORE_EMALFORMED, "cut off");
	}
	if (d.err == SPORE_OK)
		check(&d);
	return d.err;
}

static bool texts_equal(const spore__texts a, const spore__texts b)
{
	uint32_t n = texts_count(a);
	if (n != texts_count(b))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

void spore__spec_compare(const struct spore__spec *a, const struct spore__spec *b,
                         void (*fn)(void *arg, const struct spore__spec_field *field), void *arg)
{
	for (const struct spore__spec_field *f = spore__spec_fields; f->key != NULL; f++) {
		bool equal;
		if (f->type == SPORE__SPEC_STR) {
			const char *x = *(char **)member(a, f), *y = *(char **)member(b, f);
			equal = strcmp(x != NULL ? x : "", y != NULL ? y : "") == 0;
		} else if (f->type == SPORE__SPEC_TEXTS) {
			equal = texts_equal(*(spore__texts *)member(a, f), *(spore__texts *)member(b, f));
		} else {
			equal = number(a, f) == number(b, f);
		}
		if (!equal)
			fn(arg, f);
	}
}

static void swap(void *a, void *b, size_t size)
{
	unsigned char kept[sizeof(int64_t)];
	memcpy(kept, a, size);
	memcpy(a, b, size);
	memcpy(b, kept, size);
}

void spore__spec_take_live(struct spore__spec *s, struct spore__spec *from)
{
	static const size_t sizes[] = {
	    [SPORE__SPEC_STR] = sizeof(char *),  [SPORE__SPEC_TEXTS] = sizeof(spore__texts),
	    [SPORE__SPEC_INT] = sizeof(int64_t), [SPORE__SPEC_BOOL] = sizeof(bool),
	    [SPORE__SPEC_ENUM] = sizeof(int),
	};
	for (const struct spore__spec_field *f = spore__spec_fields; f->key != NULL; f++)
		if (f->live)
			swap(member(s, f), member(from, f), sizes[f->type]);
}

bool spore__name_is_valid(const char *name)
{
	size_t len = strlen(name);
	if (len == 0 || len > SPORE__NAME_MAX || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_' && name[i] != '-')
			return false;
	return true;
}

void spore__spec_name(const struct spore__spec *s, char *out, size_t size)
{
	const char *system = s->system != NULL ? s->system : "";
	const char *slash = system[0] != '\0' ? "/" : "";
	if (s->replica > 0)
		(void)snprintf(out, size, "%s%s%s@%lld", system, slash, s->task, (long long)s->replica);
	else
		(void)snprintf(out, size, "%s%s%s", system, slash, s->task);
}
