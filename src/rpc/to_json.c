#include "rpc/to_json.h"

#include <stdio.h>
#include <string.h>

// A key of a map as a string in OUT, cut off at SIZE.
static bool take_key(struct spore__msgpack_reader *r, char *out, size_t size)
{
	struct spore__msgpack_value v;
	struct spore__msgpack_reader at = *r;
	if (spore__msgpack_read(&at, &v) != SPORE__MSGPACK_OK || spore__msgpack_skip(r) != SPORE__MSGPACK_OK)
		return false;
	if (v.type == SPORE__MSGPACK_STR || v.type == SPORE__MSGPACK_BIN)
		(void)snprintf(out, size, "%.*s", (int)(v.s.len < size ? v.s.len : size), (const char *)v.s.bytes);
	else if (v.type == SPORE__MSGPACK_INT)
		(void)snprintf(out, size, "%lld", (long long)v.i);
	else
		(void)snprintf(out, size, "?");
	return true;
}

static bool put_map(struct spore__msgpack_reader *r, uint32_t count, struct spore__json *j)
{
	bool ok = true;
	for (; ok && count > 0; count--) {
		char key[256];
		ok = take_key(r, key, sizeof key) && spore__rpc_to_json(r, j, key);
	}
	return ok;
}

bool spore__rpc_to_json(struct spore__msgpack_reader *r, struct spore__json *j, const char *key)
{
	struct spore__msgpack_value v;
	bool ok = true;
	if (spore__msgpack_read(r, &v) != SPORE__MSGPACK_OK) {
		spore__json_null(j, key);
		return false;
	}
	switch (v.type) {
	case SPORE__MSGPACK_NIL:
		spore__json_null(j, key);
		break;
	case SPORE__MSGPACK_BOOL:
		spore__json_bool(j, key, v.boolean);
		break;
	case SPORE__MSGPACK_INT:
		spore__json_int(j, key, v.i);
		break;
	case SPORE__MSGPACK_UINT:
		spore__json_float(j, key, (double)v.u);
		break;
	case SPORE__MSGPACK_FLOAT:
		spore__json_float(j, key, v.f);
		break;
	case SPORE__MSGPACK_STR:
	case SPORE__MSGPACK_BIN:
	case SPORE__MSGPACK_EXT:
		spore__json_strn(j, key, (const char *)v.s.bytes, v.s.len);
		break;
	case SPORE__MSGPACK_ARRAY:
		spore__json_open(j, key, '[');
		for (uint32_t i = 0; ok && i < v.count; i++)
			ok = spore__rpc_to_json(r, j, NULL);
		spore__json_close(j, ']');
		break;
	case SPORE__MSGPACK_MAP:
		spore__json_open(j, key, '{');
		ok = put_map(r, v.count, j);
		spore__json_close(j, '}');
		break;
	}
	return ok;
}
