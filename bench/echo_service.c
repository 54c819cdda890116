// A service of MessagePack-RPC on standard input and output, for bench/web: set(k, v), get(k), echo(v). It answers what has come with one write.
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "msgpack.h"

enum { ROOM = 1 << 20, KEPT = 256 };

static unsigned char kept[KEPT];
static uint32_t kept_len;

static bool take(struct spore__msgpack_reader *r, struct spore__msgpack_writer *w)
{
	struct spore__msgpack_reader at = *r, all = *r;
	uint32_t count, params;
	int64_t type, id;
	const char *method;
	uint32_t len;
	if (spore__msgpack_skip(&all) != SPORE__MSGPACK_OK)
		return false;
	*r = all;
	if (spore__msgpack_read_array(&at, &count) != SPORE__MSGPACK_OK || count != 4 ||
	    spore__msgpack_read_int(&at, &type) != SPORE__MSGPACK_OK ||
	    spore__msgpack_read_int(&at, &id) != SPORE__MSGPACK_OK ||
	    spore__msgpack_read_str(&at, &method, &len) != SPORE__MSGPACK_OK ||
	    spore__msgpack_read_array(&at, &params) != SPORE__MSGPACK_OK)
		exit(1);
	spore__msgpack_array(w, 4);
	spore__msgpack_int(w, 1);
	spore__msgpack_int(w, id);
	spore__msgpack_nil(w);
	struct spore__msgpack_reader first = at;
	(void)spore__msgpack_skip(&at);
	if (len == 3 && memcmp(method, "set", 3) == 0) {
		struct spore__msgpack_value v;
		if (spore__msgpack_read(&at, &v) == SPORE__MSGPACK_OK && v.s.len <= KEPT) {
			memcpy(kept, v.s.bytes, v.s.len);
			kept_len = v.s.len;
		}
		spore__msgpack_str(w, "OK");
	} else if (len == 3 && memcmp(method, "get", 3) == 0) {
		spore__msgpack_strn(w, (const char *)kept, kept_len);
	} else {
		spore__msgpack_raw(w, first.at, (size_t)(at.at - first.at));
	}
	return true;
}

int main(void)
{
	static unsigned char in[ROOM];
	struct spore__msgpack_writer w = {0};
	size_t have = 0;
	for (;;) {
		ssize_t n = read(0, in + have, sizeof in - have);
		if (n <= 0)
			break;
		have += (size_t)n;
		struct spore__msgpack_reader r = spore__msgpack_reader(in, have);
		w.len = 0;
		while (r.at < r.end && take(&r, &w)) {
		}
		size_t used = (size_t)(r.at - in);
		memmove(in, in + used, have - used);
		have -= used;
		for (size_t at = 0; at < w.len;) {
			ssize_t put = write(1, w.data + at, w.len - at);
			if (put <= 0)
				return 1;
			at += (size_t)put;
		}
	}
	spore__msgpack_writer_finish(&w);
	return 0;
}
