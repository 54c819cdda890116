// A folder of C or C++ files without a build system.
#include "source/build.h"
static bool detect(const char *dir, char **file)
{
	(void)dir;
	(void)file;
	return false;
}
static bool compile(struct spore__build *b)
{
	return spore__build_fail(b, "not yet");
}
const struct spore__build_ops spore__build_c = {.name = "c", .detect = detect, .compile = compile};
