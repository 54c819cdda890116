#include "system/wait.h"

#include "node/tasks_wait.h"

int spore__wait_ready(struct spore__run *r, int64_t timeout_ms)
{
	struct spore__strs names = {0};
	spore__run_names(r, &names);
	int status =
	    names.count > 0 ? spore__tasks_wait(&r->node, names.items, names.count, "ready", timeout_ms, true) : 0;
	spore__strs_finish(&names);
	if (status == 0)
		spore__run_doubt_wires(r);
	return status;
}
