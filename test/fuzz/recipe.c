#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "source/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spore__recipe recipe;
	char *error = NULL;
	if (!spore__recipe_parse("spore.yaml", (const char *)data, size, &recipe, &error) && error == NULL)
		abort(); // a refusal says why
	free(error);
	spore__recipe_finish(&recipe);
	return 0;
}
