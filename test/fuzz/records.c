// The text records of the store: index entries and what artifacts were made from. Others may have written the files.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/index.h"
#include "source/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What was read can be written, and read again to the same.
static void index_round(const char *bytes, size_t size)
{
	struct spore__index index = {0}, again = {0};
	struct spore__buf first = {0}, second = {0};
	char *text = spore__xstrndup(bytes, size);
	if (spore__index_parse(text, &index) == 0) {
		spore__index_write(&index, &first);
		char *copy = spore__xstrdup(first.data);
		if (spore__index_parse(copy, &again) != 0)
			abort();
		spore__index_write(&again, &second);
		if (strcmp(first.data, second.data) != 0)
			abort();
		(void)spore__index_program(&index, NULL);
		free(copy);
	}
	spore__index_finish(&index);
	spore__index_finish(&again);
	spore__buf_finish(&first);
	spore__buf_finish(&second);
	free(text);
}

static void meta_round(const char *bytes, size_t size)
{
	struct spore__meta meta = {0};
	struct spore__buf out = {0};
	char *text = spore__xstrndup(bytes, size);
	if (spore__meta_parse(text, &meta) == 0) {
		char *id = spore__meta_id(&meta, "x");
		if (strlen(id) != SPORE__HASH_HEX + 2)
			abort();
		free(id);
		spore__meta_write(&meta, &out);
	}
	spore__meta_finish(&meta);
	spore__buf_finish(&out);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	index_round((const char *)data, size);
	meta_round((const char *)data, size);
	return 0;
}
