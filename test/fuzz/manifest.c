// A manifest, and after a NUL byte an environment file.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "system/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *variable(void *arg, const char *name)
{
	(void)arg;
	return name[0] == 'H' ? "here" : name[0] == 'E' ? "" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct spore__manifest_world world = {variable, NULL, false};
	const char *text = (const char *)data, *nul = size > 0 ? memchr(text, '\0', size) : NULL;
	size_t len = nul != NULL ? (size_t)(nul - text) : size;
	struct spore__manifest m;
	bool ok = spore__manifest_parse(&m, "/p/shop/spore.yaml", text, len, &world);
	char *first = spore__yaml_first(&m.yaml);
	if (ok != (first == NULL))
		abort(); // a refusal says why, and only a refusal does
	for (size_t i = 0; ok && i < m.count; i++) {
		struct spore__msgpack_writer w = {0};
		spore__spec_encode(&m.tasks[i].spec, &w, true);
		if (m.tasks[i].source == NULL || w.err != 0)
			abort();
		spore__msgpack_writer_finish(&w);
	}
	free(first);
	spore__manifest_finish(&m);
	if (nul != NULL) {
		struct spore__strs out = {0};
		char *why;
		if (!spore__envfile_parse("f", nul + 1, size - len - 1, variable, NULL, &out, &why) && why == NULL)
			abort();
		free(why);
		spore__strs_finish(&out);
	}
	return 0;
}
