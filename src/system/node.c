#include "system/node.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "rpc/to_json.h"

char *spore__answer_text(const struct spore__msgpack_reader *map, const char *key)
{
	struct spore__msgpack_reader at;
	const char *s;
	uint32_t len;
	if (!spore__msgpack_find(map, key, &at) || spore__msgpack_read_str(&at, &s, &len) != SPORE__MSGPACK_OK)
		return spore__xstrdup("");
	return spore__xstrndup(s, len);
}

bool spore__answer_flag(const struct spore__msgpack_reader *map, const char *key)
{
	struct spore__msgpack_reader at;
	bool value = false;
	return spore__msgpack_find(map, key, &at) && spore__msgpack_read_bool(&at, &value) == SPORE__MSGPACK_OK &&
	       value;
}

void spore__answer_texts(const struct spore__msgpack_reader *map, const char *key, struct spore__strs *out)
{
	struct spore__msgpack_reader at;
	uint32_t count = 0;
	if (!spore__msgpack_find(map, key, &at) || spore__msgpack_read_array(&at, &count) != SPORE__MSGPACK_OK)
		return;
	for (; count > 0; count--) {
		const char *s;
		uint32_t len;
		if (spore__msgpack_read_str(&at, &s, &len) != SPORE__MSGPACK_OK)
			return;
		spore__strs_take(out, spore__xstrndup(s, len));
	}
}

void spore__answer_print(const struct spore__msgpack_reader *map)
{
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	struct spore__msgpack_reader at = *map;
	(void)spore__rpc_to_json(&at, &j, NULL);
	puts(out.data);
	spore__buf_finish(&out);
}
