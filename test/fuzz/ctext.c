// What is read of a C file before a compiler sees it, and of what a compiler says about it.
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "source/diagnostic.h"
#include "source/directive.h"
#include "source/faithful.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct spore__directives d;
	char *error = NULL, *remedy = NULL;
	if (!spore__directives_parse(text, size, &d, &error, &remedy) && error == NULL)
		abort(); // a refusal says why
	free(error);
	free(remedy);
	spore__directives_finish(&d);
	(void)spore__faithful_refusal(text, size);

	char *said = spore__xstrndup(text, size);
	const char *at = said;
	struct spore__diagnostic diagnostic;
	while (spore__diagnostic_next(&at, &diagnostic)) {
		if (diagnostic.file == NULL || diagnostic.message == NULL)
			abort();
		spore__diagnostic_finish(&diagnostic);
	}
	free(said);
	return 0;
}
