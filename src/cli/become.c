#include "cli/become.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/fs.h"

void spore__command_become(const struct spore__args *args, const char *program, const char *command)
{
	struct spore__strs argv = {0};
	char *libexec = spore__dirs_libexec();
	spore__strs_take(&argv, spore__fs_join(libexec, program));
	if (command != NULL)
		spore__strs_add(&argv, command);
	for (size_t i = 0; i < args->given_count; i++) {
		const char *name = args->command->options[args->given[i].option].name;
		const char *value = args->given[i].value;
		if (value != NULL)
			spore__strs_addf(&argv, "--%s=%s", name, value);
		else
			spore__strs_addf(&argv, "--%s", name);
	}
	spore__strs_add(&argv, "--");
	for (size_t i = 0; i < args->operand_count; i++)
		spore__strs_add(&argv, args->operands[i]);
	(void)execv(argv.items[0], argv.items);
	spore__die(SPORE__EXIT_SPORE, "install spore whole, or name the folder of its programs in SPORE_LIBEXEC",
	           "cannot start %s: %s", argv.items[0], strerror(errno));
}
