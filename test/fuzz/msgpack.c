// The MessagePack codec on any bytes: a value that is read, printed and scanned has the same end for all, and what is written from it is
// read as the same again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "msgpack.h"
#include "target.h"

static void write_value(struct spore__msgpack_writer *w, const struct spore__msgpack_value *v)
{
	switch (v->type) {
	case SPORE__MSGPACK_NIL:
		spore__msgpack_nil(w);
		return;
	case SPORE__MSGPACK_BOOL:
		spore__msgpack_bool(w, v->boolean);
		return;
	case SPORE__MSGPACK_INT:
		spore__msgpack_int(w, v->i);
		return;
	case SPORE__MSGPACK_UINT:
		spore__msgpack_uint(w, v->u);
		return;
	case SPORE__MSGPACK_FLOAT:
		spore__msgpack_float(w, v->f);
		return;
	case SPORE__MSGPACK_STR:
		spore__msgpack_strn(w, (const char *)v->s.bytes, v->s.len);
		return;
	case SPORE__MSGPACK_BIN:
		spore__msgpack_bin(w, v->s.bytes, v->s.len);
		return;
	case SPORE__MSGPACK_ARRAY:
		spore__msgpack_array(w, v->count);
		return;
	case SPORE__MSGPACK_MAP:
		spore__msgpack_map(w, v->count);
		return;
	case SPORE__MSGPACK_EXT:
		spore__msgpack_ext(w, v->s.ext, v->s.bytes, v->s.len);
		return;
	}
}

// The heads and contents of the bytes one after the other, written again.
static void rewrite(const void *bytes, size_t len, struct spore__msgpack_writer *w)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(bytes, len);
	struct spore__msgpack_value v;
	while (r.at < r.end) {
		check(spore__msgpack_read(&r, &v) == SPORE__MSGPACK_OK);
		write_value(w, &v);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(data, size), found;
	struct spore__msgpack_scan scan = {0};
	char text[300];
	enum spore__msgpack_err whole = spore__msgpack_skip(&r);
	size_t len = (size_t)(r.at - data);

	struct spore__msgpack_reader printed = spore__msgpack_reader(data, size);
	spore__msgpack_print(&printed, text, sizeof text);
	check(strlen(text) < sizeof text);
	(void)spore__msgpack_find(&printed, "key", &found);

	enum spore__msgpack_err e = SPORE__MSGPACK_MORE;
	for (size_t n = 0; n <= size && e == SPORE__MSGPACK_MORE; n += n < 64 ? 1 : 97)
		e = spore__msgpack_scan(&scan, data, n, SIZE_MAX);
	if (e == SPORE__MSGPACK_OK)
		check(whole == SPORE__MSGPACK_OK && scan.offset == len);
	if (whole != SPORE__MSGPACK_OK)
		return 0;

	check(printed.at == r.at);
	check(spore__msgpack_check(data, len) == SPORE__MSGPACK_OK);
	struct spore__msgpack_writer once = {0}, twice = {0};
	rewrite(data, len, &once);
	check(once.err == 0);
	check(spore__msgpack_check(once.data, once.len) == SPORE__MSGPACK_OK);
	rewrite(once.data, once.len, &twice);
	check(twice.err == 0 && once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	spore__msgpack_writer_finish(&once);
	spore__msgpack_writer_finish(&twice);
	return 0;
}
