// tasks.swap.
#include "node/hold.h"
#include "node/methods.h"
#include "node/swap.h"
#include "node/task_params.h"
#include "node/waits.h"

// All or none: when one may not, nothing is begun.
static void swap(struct spore__rpc_call *call)
{
	struct spore__tasks *t = &((struct spore__node *)spore__rpc_call_data(call))->tasks;
	struct spore__selection s;
	int64_t timeout_ms;
	char why[1024];
	if (!spore__param_timeout(call, 2, &timeout_ms) || !spore__selection_take(t, call, false, &s))
		return;
	bool may = true;
	for (size_t i = 0; may && i < s.count; i++)
		may = spore__swap_may(t, s.tasks[i], why, sizeof why);
	if (!may)
		spore__rpc_call_fail(call, SPORE_EINVALID, "%s", why);
	struct spore__wait *w = may ? spore__wait_create(t, call, SPORE__WAIT_SWAPPED, s.count) : NULL;
	for (size_t i = 0; w != NULL && i < s.count; i++) {
		spore__wait_add(w, s.tasks[i], s.tasks[i]->hold->name.generation);
		spore__swap_intend(t, s.tasks[i]);
	}
	if (w != NULL && !spore__tasks_commit(t)) {
		spore__wait_refuse(w);
		w = NULL;
	}
	for (size_t i = 0; w != NULL && i < s.count; i++)
		spore__swap_begin(t, s.tasks[i]);
	spore__selection_finish(&s);
	if (w == NULL)
		return;
	spore__wait_limit(w, timeout_ms);
	spore__wait_begin(w);
}

static const struct spore__rpc_field params[] = {
    {"names", "array", "names of tasks: [SYSTEM/]TASK[@REPLICA]", false},
    {"from", "str", "the caller's folder, whose system is meant where none is said", true},
    {"timeout_ms", "int", "answer after so long in any case", true},
    {0},
};
static const struct spore__rpc_field result[] = {
    {"swapped", "array", "names of those that are", false},
    {"waiting", "array", "of maps: name, why; those that are not there yet", false},
    {0},
};
static const enum spore_err errors[] = {SPORE_EINVALID, SPORE_ENOTFOUND, SPORE_ECANCELLED,
                                        SPORE_ENOMEM,   SPORE_ESYSTEM,   SPORE_OK};

const struct spore__rpc_method spore__swap_methods[] = {
    {"tasks.swap", swap, "start other instances beside those that run, and hand their channels over", params, result,
     errors},
    {0},
};
