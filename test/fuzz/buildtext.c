// The files of build systems, as far as they are read: calls and their words, conditions, targets of a Makefile.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void calls(const char *text, const char *function)
{
	size_t len = strlen(text), last = 0;
	for (size_t at = 0; at < len;) {
		char *args = spore__text_call(text, function, &at);
		if (at > len || (args != NULL && at <= last))
			abort(); // it moves on, and ends
		last = at;
		if (args == NULL)
			return;
		(void)spore__text_conditional(text, at);
		size_t word_at = 0;
		for (char *word; (word = spore__text_word(args, &word_at)) != NULL; free(word))
			if (word_at > strlen(args))
				abort();
		free(args);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = spore__xstrndup((const char *)data, size);
	calls(text, "project");
	calls(text, "option");
	calls(text, "find_package");
	(void)spore__text_has_word(text, spore__text_extras);
	(void)spore__make_has_target(text, "install");
	(void)spore__make_has_target(text, "all");

	const struct spore__folder f = {.prefix = "/prefix"};
	const struct spore__build b = {.f = &f};
	struct spore__strs variables = {0};
	spore__make_variables(&b, text, &variables);
	spore__strs_finish(&variables);
	free(text);
	return 0;
}
