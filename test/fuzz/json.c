// JSON and MessagePack on any bytes: what is read is written, and read as the same again; what MessagePack is written as JSON is JSON.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "target.h"

static void as_text(const uint8_t *data, size_t size)
{
	struct spore__msgpack_writer once = {0}, text = {0}, twice = {0};
	struct spore__json_error error;
	unsigned losses = 0;
	if (spore__json_to_msgpack(data, size, &once, &error) == SPORE_OK) {
		check(spore__msgpack_check(once.data, once.len) == SPORE__MSGPACK_OK);
		check(spore__json_from_msgpack(once.data, once.len, &text, &losses, &error) == SPORE_OK);
		check((losses & ~(unsigned)SPORE__JSON_INT53) == 0);
		check(spore__json_to_msgpack(text.data, text.len, &twice, &error) == SPORE_OK);
		check(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	} else {
		check(error.offset <= size && error.why != NULL);
	}
	spore__msgpack_writer_finish(&once);
	spore__msgpack_writer_finish(&text);
	spore__msgpack_writer_finish(&twice);
}

static void as_values(const uint8_t *data, size_t size)
{
	struct spore__msgpack_writer text = {0}, again = {0};
	struct spore__json_error error;
	unsigned losses = 0;
	if (spore__json_from_msgpack(data, size, &text, &losses, &error) == SPORE_OK)
		check(spore__json_to_msgpack(text.data, text.len, &again, &error) == SPORE_OK);
	else
		check(error.offset <= size);
	spore__msgpack_writer_finish(&text);
	spore__msgpack_writer_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_text(data, size);
	as_values(data, size);
	return 0;
}
