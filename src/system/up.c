#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "system/follow.h"
#include "system/wait.h"

static void say_notes(const struct spore__run *r)
{
	for (size_t i = 0; i < r->m.yaml.count; i++) {
		const struct spore__finding *f = &r->m.yaml.findings[i];
		if (f->note)
			spore__report(NULL, "%s:%zu:%zu: note: %s", spore__system_shown(r->m.path), f->line, f->column,
			              f->text);
	}
}

int spore__system_plan(const struct spore__options *o)
{
	struct spore__run r;
	int status = spore__run_load(&r, "plan", o);
	if (status == 0)
		status = spore__run_build(&r);
	if (status == 0)
		status = spore__run_plan(&r, false);
	if (status == 0) {
		if (o->json)
			spore__run_print_json(&r);
		else
			spore__run_print(&r);
	}
	spore__run_finish(&r);
	return status;
}

int spore__system_up(const struct spore__options *o)
{
	struct spore__run r;
	if (o->detach && o->watch)
		spore__die(SPORE__EXIT_USAGE, "give one of them", "up: --detach and --watch exclude each other");
	int status = spore__run_load(&r, "up", o);
	if (status == 0) {
		say_notes(&r);
		status = spore__run_build(&r);
	}
	if (status == 0)
		status = spore__run_plan(&r, true);
	if (status == 0) {
		struct spore__follow f = {0};
		spore__run_print(&r);
		spore__follow_begin(&f);
		status = spore__run_apply(&r, o->swap);
		if (status == 0 && o->wait && o->detach)
			status = spore__wait_ready(&r, o->timeout_ms);
		if (status == 0 && !o->detach)
			status = spore__follow(&f, &r, o);
	}
	spore__run_finish(&r);
	return status;
}
