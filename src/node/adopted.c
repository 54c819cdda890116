#include "node/adopted.h"

#include <stdio.h>

#include "node/bridged.h"
#include "node/fault.h"
#include "node/hold.h"

enum { LOOK_MS = 500 };

bool spore__adopted_folder(const struct spore__tasks *t, const struct spore__joint *j, int side, char out[PATH_MAX])
{
	char hold[SPORE__HOLD_NAME];
	if (j->ports[side] == NULL)
		return false;
	spore__hold_name_format(&j->ports[side]->hold->name, hold);
	return (size_t)snprintf(out, PATH_MAX, "%s/holds/%s", t->state, hold) < PATH_MAX;
}

// The first after AFTER, or of all.
static struct spore__joint *next(struct spore__tasks *t, const struct spore__joint *after)
{
	bool found = after == NULL;
	for (const struct spore__hold *h = t->holds; h != NULL; h = h->next)
		for (const struct spore__port *p = h->ports; p != NULL; p = p->next_of_hold)
			for (size_t i = 0; i < p->joint_count; i++) {
				struct spore__joint *j = p->joints[i];
				if (found && j->adopted && j->ports[0] == p)
					return j;
				found |= j == after && j->ports[0] == p;
			}
	return NULL;
}

static void on_look(uv_timer_t *timer)
{
	struct spore__tasks *t = timer->data;
	struct spore__joint *j = next(t, NULL);
	if (j == NULL)
		(void)uv_timer_stop(timer);
	while (j != NULL) {
		struct spore__joint *after = next(t, j);
		if (!(j->bridged ? spore__bridged_is_there(t, j) : spore__fault_is_there(t, j)))
			spore__joint_end(t, j, false);
		j = after;
	}
}

void spore__adopted_watch(struct spore__tasks *t, struct spore__joint *j)
{
	j->adopted = true;
	if (!uv_is_active((uv_handle_t *)&t->wires.look))
		(void)uv_timer_start(&t->wires.look, on_look, LOOK_MS, LOOK_MS);
}
