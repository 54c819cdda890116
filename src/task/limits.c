// Of the limits that a task has, those of each process are the kernel's (setrlimit). What all its processes use together is limited by a
// control group with controllers where there is one; where there is none that is said, with the reason.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/os.h"
#include "task/hold.h"

// Says of the limit KEY, when there is one, HOW it is kept; WHY it is not is NULL where it is.
static bool note(struct spore__hold *h, const char *key, bool wanted, const char *how, const char *why)
{
	char *out = h->state.limits;
	size_t len = strlen(out), size = sizeof h->state.limits;
	if (!wanted)
		return true;
	(void)snprintf(out + len, size - len, "%s%s=%s", len > 0 ? " " : "", key, how);
	if (why == NULL || !h->spec.limits_required)
		return true;
	if (h->state.why[0] == '\0')
		(void)snprintf(h->state.why, sizeof h->state.why,
		               "%s cannot be enforced, and all limits are required: %s", key, why);
	return false;
}

static bool may_be_nicer(int64_t nice)
{
	return nice >= 0 || geteuid() == 0;
}

// Several limits mostly have the same reason.
static void note_why(struct spore__hold *h, const char *why)
{
	char *out = h->state.limits_why;
	size_t len = strlen(out), size = sizeof h->state.limits_why;
	if (strstr(out, why) == NULL)
		(void)snprintf(out + len, size - len, "%s%s", len > 0 ? "; " : "", why);
}

// WITHOUT says how it is kept without a control group.
static bool limit_all(struct spore__hold *h, const char *key, enum spore__tree_limit what, int64_t value,
                      const char *without, bool *good)
{
	char why[192];
	if (value <= 0)
		return false;
	bool limited = spore__tree_limit(&h->tree, what, value, why, sizeof why) == 0;
	if (!limited)
		note_why(h, why);
	*good &= note(h, key, true, limited ? "enforced" : without, limited ? NULL : why);
	return limited;
}

int spore__hold_limits_make(struct spore__hold *h, struct spore__hold_limits *l)
{
	static const char no[] = "not-enforced", yes[] = "enforced";
	const struct spore__spec *s = &h->spec;
	bool ok = true;
	*l = (struct spore__hold_limits){
	    .rlimits = {.files = (uint64_t)s->limit_files, .core = (uint64_t)s->limit_core}};
	h->state.limits[0] = h->state.limits_why[0] = '\0';
	if (!limit_all(h, "memory", SPORE__TREE_MEMORY, s->limit_memory, "each-process", &ok))
		l->rlimits.memory = (uint64_t)s->limit_memory;
	ok &= note(h, "files", s->limit_files > 0, yes, NULL);
	(void)limit_all(h, "processes", SPORE__TREE_PROCESSES, s->limit_processes, no, &ok);
	ok &= note(h, "core", s->limit_core > 0, yes, NULL);
	(void)limit_all(h, "cpu", SPORE__TREE_CPU, s->limit_cpu_milli, no, &ok);
	bool nice = may_be_nicer(s->nice);
	l->nice = nice ? (int)s->nice : 0;
	if (l->nice != 0)
		spore__tree_nice(&h->tree, l->nice);
	ok &= note(h, "nice", s->nice != 0, nice ? yes : no, nice ? NULL : "a negative one is for root");
	bool cpus = s->affinity != NULL && spore__confine_cpus(s->affinity, &l->cpus);
	l->pinned = cpus && spore__os_can_pin(&l->cpus);
	ok &= note(h, "affinity", s->affinity != NULL, l->pinned ? yes : no,
	           l->pinned ? NULL
	           : cpus    ? "this machine has none of these processors for it"
	                     : "these are no processors");
	h->dirty = true;
	return ok ? 0 : -1;
}

int spore__hold_confine_make(struct spore__hold *h, struct spore__task_confine *c)
{
	*c = (struct spore__task_confine){0};
	if (!h->spec.confine)
		return 0;
	if (spore__confine_make(&h->spec, h->folder, c) != 0) {
		(void)snprintf(h->state.why, sizeof h->state.why, "it cannot be confined%s%s",
		               errno == ENOTSUP ? " here: " : ": ",
		               errno == ENOTSUP ? "that takes Linux 5.13 or later with Landlock" : strerror(errno));
		return -1;
	}
	return note(h, "confine", true, spore__os_confines_signals() ? "enforced" : "all-but-signals", NULL) ? 0 : -1;
}
