// RESP as it is written.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bridge/resp.h"
#include "bridge/text.h"

static void head(struct spore__buf *out, char type, int64_t n)
{
	spore__buf_char(out, type);
	spore__buf_int(out, n);
	spore__buf_add(out, "\r\n", 2);
}

void spore__resp_bulk(struct spore__buf *out, const void *bytes, size_t len)
{
	head(out, '$', (int64_t)len);
	spore__buf_add(out, bytes, len);
	spore__buf_add(out, "\r\n", 2);
}

// The shortest digits that are read as the same again.
static size_t float_text(double f, char text[40])
{
	if (isnan(f) || isinf(f))
		return (size_t)snprintf(text, 40, "%s", isnan(f) ? "nan" : f < 0 ? "-inf" : "inf");
	for (int digits = 15;; digits++) {
		int len = snprintf(text, 40, "%.*g", digits, f);
		double again = 0;
		if (digits == 17 || (sscanf(text, "%lf", &again) == 1 && again == f))
			return (size_t)len;
	}
}

static void reply_float(struct spore__buf *out, double f, bool resp3)
{
	char text[40];
	size_t len = float_text(f, text);
	if (!resp3) {
		spore__resp_bulk(out, text, len);
		return;
	}
	spore__buf_char(out, ',');
	spore__buf_add(out, text, len);
	spore__buf_add(out, "\r\n", 2);
}

static void reply_uint(struct spore__buf *out, uint64_t u, bool resp3)
{
	if (resp3) {
		spore__buf_printf(out, "(%llu\r\n", (unsigned long long)u);
		return;
	}
	char text[24];
	int len = snprintf(text, sizeof text, "%llu", (unsigned long long)u);
	spore__resp_bulk(out, text, (size_t)len);
}

// "OK" is what clients look for as a simple string.
static void reply_string(struct spore__buf *out, const struct spore__msgpack_value *v)
{
	if (v->type == SPORE__MSGPACK_STR && v->s.len == 2 && memcmp(v->s.bytes, "OK", 2) == 0)
		spore__buf_str(out, "+OK\r\n");
	else
		spore__resp_bulk(out, v->s.bytes, v->s.len);
}

static void reply(struct spore__buf *out, struct spore__msgpack_reader *r, bool resp3)
{
	struct spore__msgpack_value v;
	if (spore__msgpack_read(r, &v) != SPORE__MSGPACK_OK)
		return;
	switch (v.type) {
	case SPORE__MSGPACK_NIL:
		spore__buf_str(out, resp3 ? "_\r\n" : "$-1\r\n");
		break;
	case SPORE__MSGPACK_BOOL:
		if (resp3)
			spore__buf_str(out, v.boolean ? "#t\r\n" : "#f\r\n");
		else
			head(out, ':', v.boolean ? 1 : 0);
		break;
	case SPORE__MSGPACK_INT:
		head(out, ':', v.i);
		break;
	case SPORE__MSGPACK_UINT:
		reply_uint(out, v.u, resp3);
		break;
	case SPORE__MSGPACK_FLOAT:
		reply_float(out, v.f, resp3);
		break;
	case SPORE__MSGPACK_STR:
	case SPORE__MSGPACK_BIN:
	case SPORE__MSGPACK_EXT:
		reply_string(out, &v);
		break;
	case SPORE__MSGPACK_ARRAY:
		head(out, '*', v.count);
		for (uint32_t i = 0; i < v.count; i++)
			reply(out, r, resp3);
		break;
	case SPORE__MSGPACK_MAP:
		if (resp3)
			head(out, '%', v.count);
		else
			head(out, '*', (int64_t)v.count * 2);
		for (uint64_t i = 0; i < (uint64_t)v.count * 2; i++)
			reply(out, r, resp3);
		break;
	}
}

void spore__resp_reply(struct spore__buf *out, struct spore__span value, bool resp3)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(value.bytes, value.len);
	reply(out, &r, resp3);
}

// One argument, of a value that is no array or map.
static void argument(struct spore__buf *out, const struct spore__msgpack_value *v)
{
	char text[40];
	int len;
	switch (v->type) {
	case SPORE__MSGPACK_BOOL:
		spore__resp_bulk(out, v->boolean ? "1" : "0", 1);
		break;
	case SPORE__MSGPACK_INT:
		len = snprintf(text, sizeof text, "%lld", (long long)v->i);
		spore__resp_bulk(out, text, (size_t)len);
		break;
	case SPORE__MSGPACK_UINT:
		len = snprintf(text, sizeof text, "%llu", (unsigned long long)v->u);
		spore__resp_bulk(out, text, (size_t)len);
		break;
	case SPORE__MSGPACK_FLOAT:
		spore__resp_bulk(out, text, float_text(v->f, text));
		break;
	case SPORE__MSGPACK_STR:
	case SPORE__MSGPACK_BIN:
	case SPORE__MSGPACK_EXT:
		spore__resp_bulk(out, v->s.bytes, v->s.len);
		break;
	default:
		spore__resp_bulk(out, "", 0); // nil
		break;
	}
}

static bool is_scalar(const struct spore__msgpack_value *v)
{
	return v->type != SPORE__MSGPACK_ARRAY && v->type != SPORE__MSGPACK_MAP;
}

enum spore_err spore__resp_command(struct spore__buf *out, struct spore__span method, struct spore__span params,
                                   const char **why)
{
	size_t before = out->len;
	struct spore__msgpack_reader r = spore__msgpack_reader(params.bytes, params.len);
	struct spore__msgpack_value v;
	*why = "a command of RESP takes a list of strings and numbers";
	if (spore__msgpack_read(&r, &v) != SPORE__MSGPACK_OK)
		return SPORE_EINVALID;
	uint32_t count = v.type == SPORE__MSGPACK_ARRAY || v.type == SPORE__MSGPACK_MAP ? v.count
	                 : v.type == SPORE__MSGPACK_NIL                                 ? 0
	                                                                                : 1;
	if (v.type == SPORE__MSGPACK_MAP && count > 0)
		return SPORE_EINVALID;
	head(out, '*', (int64_t)count + 1);
	spore__resp_bulk(out, method.bytes, method.len);
	if (is_scalar(&v)) {
		if (count == 1)
			argument(out, &v);
		return SPORE_OK;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (spore__msgpack_read(&r, &v) != SPORE__MSGPACK_OK || !is_scalar(&v)) {
			out->len = before;
			return SPORE_EINVALID;
		}
		argument(out, &v);
	}
	return SPORE_OK;
}
