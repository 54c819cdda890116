// A header from what any service says of itself: whatever it says, each line is one of C's that harms nobody, since it will be compiled.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stubs/model.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spore__buf out = {0};
	const char *why;
	if (spore__stub_header(data, size, "service", &out, &why)) {
		bool comment = false;
		for (const char *p = out.data; *p != '\0'; p++) {
			if (!comment && p[0] == '/' && p[1] == '*')
				comment = true, p++;
			else if (comment && p[0] == '*' && p[1] == '/')
				comment = false, p++;
			else if (!comment && p[0] == '/' && p[1] == '/')
				p += strcspn(p, "\n") - 1;
			else
				check(comment || strchr("\"'\\{}?%=", *p) == NULL); // no body, no text, no escape
		}
		check(!comment);
	}
	spore__buf_finish(&out);
	return 0;
}
