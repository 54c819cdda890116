// Values of a peer, read into those of C for transparent calls. What does not fit is an error that names the place; nothing is cut off or
// taken for something else.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stub.h"

enum {
	ROOM_MAX = 64 << 20, // bytes that a caller may ask to be kept free for it
};

struct spore_stub_memory {
	struct spore_stub_memory *next;
	void *given; // for the receiver to free, when all is well; NULL: it is behind this
	_Alignas(max_align_t) unsigned char bytes[];
};

void spore__stub_memory_free(struct spore_stub_memory **memory, bool failed)
{
	while (*memory != NULL) {
		struct spore_stub_memory *m = *memory;
		*memory = m->next;
		if (failed)
			free(m->given);
		free(m);
	}
}

void spore__stub_memory_keep(struct spore_stub_memory **memory)
{
	for (struct spore_stub_memory *m = *memory; m != NULL; m = m->next)
		m->given = NULL;
}

void spore_stub_get_fail(struct spore_stub_get *g, enum spore_err e, const char *format, ...)
{
	if (g->err != SPORE_OK)
		return;
	g->err = e;
	va_list ap;
	va_start(ap, format);
	(void)vsnprintf(g->why, sizeof g->why, format, ap);
	va_end(ap);
}

// Zeroed. NULL: G has failed.
static void *take_memory(struct spore_stub_get *g, size_t count, size_t size, bool given)
{
	const size_t largest = SIZE_MAX - sizeof(struct spore_stub_memory);
	given = given && !g->server;
	struct spore_stub_memory *m = NULL;
	size_t bytes = count == 0 ? 1 : size;
	if (count <= largest / (size > 0 ? size : 1)) {
		bytes = count * size > 0 ? count * size : 1;
		m = calloc(1, sizeof *m + (given ? 0 : bytes));
	}
	if (m != NULL && given) {
		m->given = calloc(1, bytes);
		if (m->given == NULL) {
			free(m);
			m = NULL;
		}
	}
	if (m == NULL) {
		spore_stub_get_fail(g, SPORE_ENOMEM, "out of memory");
		return NULL;
	}
	m->next = *g->memory;
	*g->memory = m;
	return given ? m->given : m->bytes;
}

static const char *type_name(const struct spore_stub_get *g)
{
	static const char *const names[] = {"nil",      "a bool", "an integer", "an integer", "a float",
	                                    "a string", "bytes",  "an array",   "a map",      "an extension"};
	struct spore_reader r = g->r;
	struct spore_value v;
	return spore_read(&r, &v) ? names[v.type] : "missing";
}

static void expected(struct spore_stub_get *g, const char *name, const char *what)
{
	spore_stub_get_fail(g, SPORE_EMALFORMED, "%s: %s was expected, it is %s", name, what, type_name(g));
}

static bool is_nil(struct spore_stub_get *g)
{
	return g->err == SPORE_OK && (g->r.at == NULL || spore_read_nil(&g->r));
}

// ---- structures and parameters

static bool enter_map(const struct spore_stub_get *g, uint32_t pairs, const char *const *names, size_t count,
                      struct spore_stub_fields *f)
{
	for (uint32_t i = 0; i < pairs; i++) {
		struct spore_reader key = f->after;
		const char *s;
		size_t len, k = count;
		if (!spore_read_skip(&f->after))
			return false;
		if (spore_read_str(&key, &s, &len))
			for (k = 0; k < count && (strlen(names[k]) != len || memcmp(names[k], s, len) != 0); k++)
				;
		if (k < count)
			f->at[k] = f->after;
		if (!spore_read_skip(&f->after))
			return false;
	}
	(void)g;
	return true;
}

static bool enter_array(uint32_t items, size_t count, struct spore_stub_fields *f)
{
	for (uint32_t i = 0; i < items; i++) {
		if (i < count)
			f->at[i] = f->after;
		if (!spore_read_skip(&f->after))
			return false;
	}
	return true;
}

bool spore_stub_enter(struct spore_stub_get *g, const char *what, const char *const *names, size_t count,
                      struct spore_stub_fields *f)
{
	uint32_t n;
	bool ok = false;
	if (g->err != SPORE_OK)
		return false;
	f->names = names;
	f->after = g->r;
	memset(f->at, 0, count * sizeof *f->at);
	if (f->after.at != NULL && spore_read_map(&f->after, &n))
		ok = enter_map(g, n, names, count, f);
	else if (f->after.at != NULL && spore_read_array(&f->after, &n))
		ok = enter_array(n, count, f);
	if (!ok)
		expected(g, what, "a map");
	return ok;
}

void spore_stub_maybe(struct spore_stub_get *g, const struct spore_stub_fields *f, size_t index)
{
	g->r = f->at[index];
}

void spore_stub_field(struct spore_stub_get *g, const struct spore_stub_fields *f, size_t index)
{
	g->r = f->at[index];
	if (g->r.at == NULL)
		spore_stub_get_fail(g, SPORE_EMALFORMED, "%s: it is missing", f->names[index]);
}

void spore_stub_leave(struct spore_stub_get *g, const struct spore_stub_fields *f)
{
	g->r = f->after;
}

// ---- numbers

static bool get_signed(struct spore_stub_get *g, const char *name, int64_t min, int64_t max, int64_t *i)
{
	double d;
	*i = 0;
	struct spore_reader r = g->r;
	bool ok = spore_read_int(&r, i);
	if (!ok && spore_read_float(&r, &d)) { // of a language that has only those
		ok = d >= -9007199254740992.0 && d <= 9007199254740992.0;
		*i = ok ? (int64_t)d : 0;
		ok = ok && (double)*i == d;
	}
	if (!ok)
		expected(g, name, "an integer");
	else if (*i < min || *i > max)
		spore_stub_get_fail(g, SPORE_EMALFORMED, "%s: %lld is out of range, %lld to %lld", name, (long long)*i,
		                    (long long)min, (long long)max);
	g->r = r;
	return g->err == SPORE_OK;
}

static bool get_unsigned(struct spore_stub_get *g, const char *name, uint64_t max, uint64_t *u)
{
	int64_t i = 0;
	struct spore_reader r = g->r;
	*u = 0;
	if (spore_read_uint(&r, u)) {
		g->r = r;
	} else if (!get_signed(g, name, INT64_MIN, INT64_MAX, &i)) {
		return false;
	} else {
		*u = (uint64_t)i;
	}
	if (i < 0 || *u > max)
		spore_stub_get_fail(g, SPORE_EMALFORMED, "%s: %s%llu is out of range, 0 to %llu", name,
		                    i < 0 ? "-" : "", i < 0 ? (unsigned long long)-(i + 1) + 1 : (unsigned long long)*u,
		                    (unsigned long long)max);
	return g->err == SPORE_OK;
}

#define SIGNED(type, min, max)                                                                                         \
	if (get_signed(g, name, min, max, &i))                                                                         \
	*(type *)value = (type)i
#define UNSIGNED(type, max)                                                                                            \
	if (get_unsigned(g, name, max, &u))                                                                            \
	*(type *)value = (type)u

static void get_scalar(struct spore_stub_get *g, enum spore_stub_scalar type, const char *name, void *value)
{
	int64_t i;
	uint64_t u;
	double d;
	switch (type) {
	case SPORE_STUB_BOOL:
		if (!spore_read_bool(&g->r, value))
			expected(g, name, "a bool");
		break;
	case SPORE_STUB_I8:
		SIGNED(int8_t, INT8_MIN, INT8_MAX);
		break;
	case SPORE_STUB_I16:
		SIGNED(int16_t, INT16_MIN, INT16_MAX);
		break;
	case SPORE_STUB_I32:
		SIGNED(int32_t, INT32_MIN, INT32_MAX);
		break;
	case SPORE_STUB_I64:
		SIGNED(int64_t, INT64_MIN, INT64_MAX);
		break;
	case SPORE_STUB_U8:
		UNSIGNED(uint8_t, UINT8_MAX);
		break;
	case SPORE_STUB_U16:
		UNSIGNED(uint16_t, UINT16_MAX);
		break;
	case SPORE_STUB_U32:
		UNSIGNED(uint32_t, UINT32_MAX);
		break;
	case SPORE_STUB_U64:
		UNSIGNED(uint64_t, UINT64_MAX);
		break;
	case SPORE_STUB_F32:
	case SPORE_STUB_F64:
		if (!spore_read_float(&g->r, &d))
			expected(g, name, "a number");
		else if (type == SPORE_STUB_F32)
			*(float *)value = (float)d;
		else
			*(double *)value = d;
		break;
	}
}

static size_t size_of(enum spore_stub_scalar type)
{
	static const unsigned char sizes[] = {sizeof(bool), 1, 2, 4, 8, 1, 2, 4, 8, 4, 8};
	return sizes[type];
}

void spore_stub_get(struct spore_stub_get *g, enum spore_stub_scalar type, const char *name, void *value)
{
	memset(value, 0, size_of(type));
	if (g->err != SPORE_OK)
		return;
	if (g->r.at == NULL)
		spore_stub_get_fail(g, SPORE_EMALFORMED, "%s: it is missing", name);
	else
		get_scalar(g, type, name, value);
}

// ---- buffers

// How many elements follow. False: none, or G has failed.
static bool get_count(struct spore_stub_get *g, const char *name, uint64_t n_max, size_t *n)
{
	uint32_t count;
	*n = 0;
	if (is_nil(g) || g->err != SPORE_OK)
		return false;
	if (!spore_read_array(&g->r, &count))
		expected(g, name, "an array");
	else if (count > n_max)
		spore_stub_get_fail(g, SPORE_ETOOBIG, "%s: it has %u elements, there is room for %llu", name, count,
		                    (unsigned long long)n_max);
	else
		*n = count;
	return g->err == SPORE_OK;
}

void *spore_stub_get_numbers(struct spore_stub_get *g, enum spore_stub_scalar type, const char *name, bool given,
                             uint64_t n_max, size_t *n)
{
	char *v = NULL;
	if (get_count(g, name, n_max, n))
		v = take_memory(g, *n, size_of(type), given);
	for (size_t i = 0; v != NULL && i < *n && g->err == SPORE_OK; i++)
		get_scalar(g, type, name, v + i * size_of(type));
	if (g->err != SPORE_OK)
		*n = 0;
	return g->err == SPORE_OK ? v : NULL;
}

void *spore_stub_get_array(struct spore_stub_get *g, const char *name, size_t size, bool given, uint64_t n_max,
                           size_t *n)
{
	void *v = NULL;
	if (get_count(g, name, n_max, n))
		v = take_memory(g, *n, size, given);
	if (v == NULL)
		*n = 0;
	return v;
}

char **spore_stub_get_strings(struct spore_stub_get *g, const char *name, bool given, uint64_t n_max, size_t *n)
{
	char **v = NULL;
	if (get_count(g, name, n_max, n))
		v = take_memory(g, *n, sizeof *v, given);
	for (size_t i = 0; v != NULL && i < *n && g->err == SPORE_OK; i++)
		v[i] = spore_stub_get_string(g, name, given);
	if (g->err != SPORE_OK)
		*n = 0;
	return g->err == SPORE_OK ? v : NULL;
}

// A string or bytes, in the message. False: nil, or G has failed.
static bool get_span(struct spore_stub_get *g, const char *name, const char *what, const void **data, size_t *len)
{
	*data = NULL;
	*len = 0;
	if (is_nil(g) || g->err != SPORE_OK)
		return false;
	if (!spore_read_bytes(&g->r, data, len)) {
		expected(g, name, what);
		return false;
	}
	return true;
}

void *spore_stub_get_bytes(struct spore_stub_get *g, const char *name, bool given, uint64_t n_max, size_t *n)
{
	const void *data;
	char *copy = NULL;
	if (get_span(g, name, "bytes", &data, n)) {
		if (*n > n_max)
			spore_stub_get_fail(g, SPORE_ETOOBIG, "%s: it has %zu bytes, there is room for %llu", name, *n,
			                    (unsigned long long)n_max);
		else
			copy = take_memory(g, *n + 1, 1, given); // who takes it for a text finds its end
		if (copy != NULL && *n > 0)
			memcpy(copy, data, *n);
	}
	if (copy == NULL)
		*n = 0;
	return copy;
}

void *spore_stub_get_value(struct spore_stub_get *g, const char *name, bool given, uint64_t n_max, size_t *n)
{
	const unsigned char *from = g->r.at;
	*n = 0;
	if (g->err != SPORE_OK || from == NULL)
		return NULL;
	if (!spore_read_skip(&g->r)) {
		expected(g, name, "a value");
		return NULL;
	}
	size_t len = (size_t)(g->r.at - from);
	void *copy = len <= n_max ? take_memory(g, len, 1, given) : NULL;
	if (len > n_max)
		spore_stub_get_fail(g, SPORE_ETOOBIG, "%s: it has %zu bytes", name, len);
	if (copy == NULL)
		return NULL;
	memcpy(copy, from, len);
	*n = len;
	return copy;
}

char *spore_stub_get_string(struct spore_stub_get *g, const char *name, bool given)
{
	const void *data;
	size_t len;
	if (!get_span(g, name, "a string", &data, &len))
		return NULL;
	if (len > 0 && memchr(data, '\0', len) != NULL) {
		spore_stub_get_fail(g, SPORE_EMALFORMED, "%s: there is a NUL in it", name);
		return NULL;
	}
	char *copy = take_memory(g, len + 1, 1, given);
	if (copy != NULL && len > 0)
		memcpy(copy, data, len);
	return copy;
}

void *spore_stub_get_pointer(struct spore_stub_get *g, size_t size, bool given)
{
	return is_nil(g) || g->err != SPORE_OK ? NULL : take_memory(g, 1, size, given);
}

void *spore_stub_get_room(struct spore_stub_get *g, const char *name, size_t size, uint64_t n_max, size_t *n)
{
	uint64_t u = 0;
	*n = 0;
	spore_stub_get(g, SPORE_STUB_U64, name, &u);
	if (g->err == SPORE_OK && (u > n_max || u > ROOM_MAX / size))
		spore_stub_get_fail(g, SPORE_ETOOBIG, "%s: room for %llu is more than is given", name,
		                    (unsigned long long)u);
	void *v = g->err == SPORE_OK ? take_memory(g, (size_t)u, size, false) : NULL;
	*n = v != NULL ? (size_t)u : 0;
	return v;
}

// ---- into memory of the caller

// False: nothing to be copied; G may have failed.
static bool fits(struct spore_stub_get *g, const char *name, const void *v, size_t n, size_t room)
{
	if (n > room)
		spore_stub_get_fail(g, SPORE_ETOOBIG, "%s: %zu do not fit into the %zu of the caller", name, n, room);
	return g->err == SPORE_OK && v != NULL && n > 0;
}

size_t spore_stub_fill_numbers(struct spore_stub_get *g, enum spore_stub_scalar type, const char *name, void *v,
                               size_t room, bool exact)
{
	size_t n = 0;
	const size_t size = size_of(type);
	if (get_count(g, name, SIZE_MAX, &n) && fits(g, name, v, n, room))
		for (size_t i = 0; i < n && g->err == SPORE_OK; i++)
			get_scalar(g, type, name, (char *)v + i * size);
	if (exact && v != NULL && n < room && g->err == SPORE_OK)
		memset((char *)v + n * size, 0, (room - n) * size);
	return g->err == SPORE_OK ? n : 0;
}

size_t spore_stub_fill_bytes(struct spore_stub_get *g, const char *name, void *v, size_t room, bool exact)
{
	const void *data;
	size_t n;
	if (get_span(g, name, "bytes", &data, &n) && fits(g, name, v, n, room))
		memcpy(v, data, n);
	if (exact && v != NULL && n < room && g->err == SPORE_OK)
		memset((char *)v + n, 0, room - n);
	return g->err == SPORE_OK ? n : 0;
}

size_t spore_stub_fill_text(struct spore_stub_get *g, const char *name, char *v, size_t room, bool ends)
{
	const void *data;
	size_t n;
	if (get_span(g, name, "a string", &data, &n) && fits(g, name, v, n, room))
		memcpy(v, data, n);
	if (ends && v != NULL && n < room && g->err == SPORE_OK)
		v[n] = '\0';
	return g->err == SPORE_OK ? n : 0;
}

size_t spore_stub_fill_array(struct spore_stub_get *g, const char *name, size_t room)
{
	size_t n = 0;
	if (get_count(g, name, SIZE_MAX, &n))
		(void)fits(g, name, g, n, room);
	return g->err == SPORE_OK ? n : 0;
}
