// The bytes of a log file, which may have been cut off or changed: its blocks, and their lines and records.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "task/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Reads all that is handed out.
static void record(void *arg, const struct spore__record *r)
{
	uint64_t *sum = arg;
	struct spore__msgpack_reader fields = r->fields;
	char text[128];
	if (r->len > SPORE__LOG_PAYLOAD || (r->stream < SPORE__STREAM_RECORDS && r->len > SPORE__LOG_LINE))
		abort();
	for (size_t i = 0; i < r->len; i++)
		*sum += (unsigned char)r->text[i];
	for (size_t i = 0; i < r->event_len; i++)
		*sum += (unsigned char)r->event[i];
	if (fields.at != NULL)
		spore__msgpack_print(&fields, text, sizeof text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spore__lines lines;
	struct spore__log_block block;
	uint64_t sum = 0;
	size_t used = 0;
	spore__lines_init(&lines, record, &sum);
	for (size_t at = 0; at < size; at += used) {
		enum spore_err err = spore__log_decode(data + at, size - at, &block, &used);
		if (err == SPORE_EAGAIN)
			used = 1;
		if (used == 0 || used > size - at)
			abort();
		if (err == SPORE_OK && spore__lines_feed(&lines, &block) != SPORE_OK)
			abort();
	}
	// A checksum stops most changes, so the bytes are also taken for payloads: the first one says of which kind.
	if (size > 1) {
		block = (struct spore__log_block){.kind = (enum spore__log_kind)(data[0] % 9),
		                                  .flags = data[0] >> 7,
		                                  .run = data[0] / 9 % 3,
		                                  .sequence = lines.sequence + data[0] % 5,
		                                  .payload = data + 1,
		                                  .len = size - 1};
		if (spore__lines_feed(&lines, &block) != SPORE_OK)
			abort();
	}
	spore__lines_flush(&lines);
	spore__lines_gap(&lines, "end");
	spore__lines_finish(&lines);
	return 0;
}
