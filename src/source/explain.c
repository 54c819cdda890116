#include "source/explain.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/diagnostic.h"
#include "source/missing.h"
#include "source/remedy.h"

void spore__explain_packages(struct spore__job *b, const struct spore__strs *names)
{
	struct spore__needs needs = {0};
	struct spore__strs packages = {0};
	struct spore__buf list = {0};
	for (size_t i = 0; i < names->count; i++) {
		spore__needs_check(&needs, "package", names->items[i]);
		if (!spore__missing_has("package", names->items[i]))
			spore__buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", names->items[i]);
	}
	spore__missing_packages(&needs, "", &packages);
	(void)spore__job_fail(
	    b,
	    spore__xasprintf("%s: pkg-config does not know %s", b->typed,
	                     list.len > 0 ? list.data : "one of its packages"),
	    packages.count > 0
	        ? spore__remedy_install(&packages)
	        : spore__xstrdup("install the development package that has it, or correct the name in the file"));
	spore__buf_finish(&list);
	spore__strs_finish(&packages);
	spore__needs_finish(&needs);
}

void spore__explain_compile(struct spore__job *b, const struct spore__directives *d, const char *dir, int status)
{
	spore__buf_str(&b->output, "");
	const char *text = b->output.data;
	struct spore__diagnostic diagnostic;
	unsigned errors = 0;
	char *first = NULL;
	while (spore__diagnostic_next(&text, &diagnostic)) {
		if (!diagnostic.linker && strcmp(diagnostic.severity, "error") == 0 && errors++ == 0)
			first = diagnostic.file != NULL ? spore__xasprintf("%s:%ld: %s", diagnostic.file,
			                                                   diagnostic.line, diagnostic.message)
			                                : spore__xstrdup(diagnostic.message);
		spore__diagnostic_finish(&diagnostic);
	}
	bool full =
	    strstr(b->output.data, "No space left on device") != NULL || (first == NULL && spore__job_disk_full(b));
	char *error;
	if (full)
		error = spore__xasprintf("%s: does not compile: the disk is full", b->typed);
	else if (first != NULL && errors == 1)
		error = spore__xasprintf("%s: does not compile: %s", b->typed, first);
	else if (first != NULL)
		error = spore__xasprintf("%s: does not compile: %u errors, the first: %s", b->typed, errors, first);
	else if (strstr(b->output.data, "File too large") != NULL)
		error = spore__xasprintf("%s: does not compile: a file is larger than the limit", b->typed);
	else if (status > 128)
		error = spore__xasprintf("%s: does not compile: the compiler was ended by signal %d", b->typed,
		                         status - 128);
	else if (strstr(b->output.data, "undefined reference to") != NULL ||
	         strstr(b->output.data, "cannot find -l") != NULL)
		error = spore__xasprintf("%s: does not link", b->typed);
	else
		error = spore__xasprintf("%s: does not compile: the compiler ended with status %d", b->typed, status);
	char *remedy = full ? spore__xstrdup("free some space there (spore store gc), then try again")
	                    : spore__remedy_compile(b->output.data, d, dir);
	if (remedy == NULL && first == NULL && status > 128)
		remedy = spore__xstrdup("try again; if it is ended each time, it may need more memory than there is");
	(void)spore__job_fail(b, error, remedy);
	free(first);
}
