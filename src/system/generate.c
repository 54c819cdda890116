// What the build makes from the table of keys: spore-manifest(7), from a page written by hand in which the line @KEYS@ stands for them. Not part
// of spore itself.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fs.h"
#include "system/schema.h"

int main(int argc, char **argv)
{
	static const char mark[] = "\n@KEYS@\n";
	struct spore__buf page = {0}, keys = {0};
	if (argc != 2)
		spore__die(SPORE__EXIT_USAGE, "usage: spore-generate-manifest PAGE", "the page is missing");
	if (spore__fs_read(argv[1], &page) != 0)
		spore__die(SPORE__EXIT_SPORE, NULL, "%s: %s", argv[1], strerror(errno));
	char *at = page.len > 0 ? strstr(page.data, mark) : NULL;
	if (at == NULL)
		spore__die(SPORE__EXIT_SPORE, "write it where the keys belong", "%s: it has no line @KEYS@", argv[1]);
	*at = '\0';
	spore__schema_man(&keys);
	printf("%s\n%s%s", page.data, keys.data, at + sizeof mark - 1);
	spore__buf_finish(&page);
	spore__buf_finish(&keys);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : SPORE__EXIT_SPORE;
}
