// spore-system ports FOLDER: the ports that its spore.yaml says its program has, as a specification has them, a line for each. For `spore start
// FOLDER`, whose process reads no YAML.
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/fs.h"
#include "system/command.h"

int spore__system_ports(const struct spore__options *o)
{
	struct spore__manifest m = {0};
	struct spore__strs ports = {0};
	if (o->operands.count != 1)
		spore__die(SPORE__EXIT_USAGE, "start it as spore", "spore-system: ports is of one folder");
	char *path = spore__fs_join(o->operands.items[0], "spore.yaml");
	int status = spore__system_read_alone(path, &m);
	if (status == 0)
		status = spore__system_report(&m);
	if (status == 0)
		spore__manifest_list_ports(&m.program, &ports);
	for (size_t i = 0; i < ports.count; i++)
		puts(ports.items[i]);
	spore__strs_finish(&ports);
	spore__manifest_finish(&m);
	free(path);
	return status;
}
