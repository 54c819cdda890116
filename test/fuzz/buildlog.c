// What a failed build printed: the line that says why, what to change, what is missing; and what a debian/control asks for.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/diagnose.h"
#include "source/missing.h"
#include "source/packages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char status[] =
    "\nPackage: make\nStatus: install ok installed\nProvides: build-tool, other (= 1)\n\nPackage: gone\n"
    "Status: deinstall ok config-files\n\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = spore__xstrndup((const char *)data, size);
	char *reason = spore__diagnose_reason(text);
	if (reason == NULL || strchr(reason, '\n') != NULL)
		abort(); // it is one line of a message
	free(reason);

	// Without the search for symbols, which looks into every library of the machine.
	struct spore__amends amends = {0};
	if (strstr(text, "undefined reference to ") == NULL)
		(void)spore__diagnose_amend(text, &amends);
	spore__strs_finish(&amends.libs);
	free(amends.target);

	struct spore__needs needs = {0};
	spore__missing_read(text, &needs);
	for (size_t i = 0; i < needs.words.count; i++)
		if (strchr(needs.words.items[i], ' ') == NULL)
			abort(); // kind and name
	spore__needs_finish(&needs);

	struct spore__strs packages = {0};
	spore__packages_build_depends(text, status, &packages);
	if (spore__strs_has(&packages, "make"))
		abort(); // it is installed
	spore__strs_finish(&packages);
	free(text);
	return 0;
}
