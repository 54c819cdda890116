// Values of C, written for transparent calls.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spore/stub.h"

static size_t size_of(enum spore_stub_scalar type)
{
	static const unsigned char sizes[] = {
	    [SPORE_STUB_BOOL] = sizeof(bool),
	    [SPORE_STUB_I8] = 1,
	    [SPORE_STUB_I16] = 2,
	    [SPORE_STUB_I32] = 4,
	    [SPORE_STUB_I64] = 8,
	    [SPORE_STUB_U8] = 1,
	    [SPORE_STUB_U16] = 2,
	    [SPORE_STUB_U32] = 4,
	    [SPORE_STUB_U64] = 8,
	    [SPORE_STUB_F32] = 4,
	    [SPORE_STUB_F64] = 8,
	};
	return sizes[type];
}

#define SIGNED(type) spore_write_int(w, *(const type *)value)
#define UNSIGNED(type) spore_write_uint(w, *(const type *)value)

void spore_stub_put(struct spore_writer *w, enum spore_stub_scalar type, const void *value)
{
	switch (type) {
	case SPORE_STUB_BOOL:
		spore_write_bool(w, *(const bool *)value);
		break;
	case SPORE_STUB_I8:
		SIGNED(int8_t);
		break;
	case SPORE_STUB_I16:
		SIGNED(int16_t);
		break;
	case SPORE_STUB_I32:
		SIGNED(int32_t);
		break;
	case SPORE_STUB_I64:
		SIGNED(int64_t);
		break;
	case SPORE_STUB_U8:
		UNSIGNED(uint8_t);
		break;
	case SPORE_STUB_U16:
		UNSIGNED(uint16_t);
		break;
	case SPORE_STUB_U32:
		UNSIGNED(uint32_t);
		break;
	case SPORE_STUB_U64:
		UNSIGNED(uint64_t);
		break;
	case SPORE_STUB_F32:
		spore_write_float(w, (double)*(const float *)value);
		break;
	case SPORE_STUB_F64:
		spore_write_float(w, *(const double *)value);
		break;
	}
}

// One that no count of MessagePack holds makes the writer fail.
static bool count_of(struct spore_writer *w, size_t n)
{
	if (n <= UINT32_MAX)
		return true;
	spore_write_strn(w, "", n); // over 4 GiB: SPORE_ETOOBIG
	return false;
}

void spore_stub_put_array(struct spore_writer *w, size_t n)
{
	if (count_of(w, n))
		spore_write_array(w, (uint32_t)n);
}

void spore_stub_put_numbers(struct spore_writer *w, enum spore_stub_scalar type, const void *v, size_t n)
{
	const size_t size = size_of(type);
	if (v == NULL)
		n = 0;
	spore_stub_put_array(w, n);
	for (size_t i = 0; i < n && w->err == 0; i++)
		spore_stub_put(w, type, (const char *)v + i * size);
}

void spore_stub_put_strings(struct spore_writer *w, const char *const *v, size_t n)
{
	if (v == NULL)
		n = 0;
	spore_stub_put_array(w, n);
	for (size_t i = 0; i < n && w->err == 0; i++)
		spore_write_str(w, v[i]);
}

void spore_stub_put_bytes(struct spore_writer *w, const void *data, size_t n)
{
	if (data == NULL)
		spore_write_nil(w);
	else
		spore_write_bytes(w, data, n);
}

void spore_stub_put_value(struct spore_writer *w, const void *value, size_t n)
{
	if (value != NULL && n > 0 && spore_value_check(value, n) != SPORE_OK)
		w->err = EINVAL; // nobody could read what is behind it
	else if (value == NULL || n == 0)
		spore_write_nil(w);
	else
		spore_write_raw(w, value, n);
}

void spore_stub_put_text(struct spore_writer *w, const char *s, size_t n)
{
	if (s == NULL)
		spore_write_nil(w);
	else
		spore_write_strn(w, s, n);
}

void spore_stub_put_until(struct spore_writer *w, const char *s, size_t room)
{
	const char *end = s != NULL ? memchr(s, '\0', room) : NULL;
	spore_stub_put_text(w, s, end != NULL ? (size_t)(end - s) : room);
}

void spore_stub_free(const void *p)
{
	free((void *)(uintptr_t)p);
}
