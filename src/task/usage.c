#include "task/usage.h"

#include <stdlib.h>

#include "base/mem.h"
#include "os/os.h"
#include "os/tree.h"

struct seen {
	struct spore__process p;
	struct spore__usage *owner; // NULL: nobody's, or not known yet
	bool known;
};

struct scan {
	struct seen *all;
	size_t count, cap;
};

static void see(void *arg, const struct spore__process *p)
{
	struct scan *s = arg;
	if (s->count == s->cap) {
		s->cap = s->cap == 0 ? 256 : 2 * s->cap;
		s->all = spore__xrealloc(s->all, s->cap * sizeof *s->all);
	}
	s->all[s->count++] = (struct seen){.p = *p};
}

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct seen *)a)->p.pid, y = ((const struct seen *)b)->p.pid;
	return x < y ? -1 : x > y;
}

static int by_root(const void *a, const void *b)
{
	int64_t x = (*(struct spore__usage *const *)a)->root, y = (*(struct spore__usage *const *)b)->root;
	return x < y ? -1 : x > y;
}

static struct spore__usage *root_of(struct spore__usage **roots, size_t count, pid_t pid)
{
	struct spore__usage key = {.root = pid}, *k = &key;
	struct spore__usage **found = bsearch(&k, roots, count, sizeof(struct spore__usage *), by_root);
	return found != NULL ? *found : NULL;
}

// Climbs to the nearest root or known ancestor, and notes the answer on the way. Processes come and go while they are listed, so
// that a number may have been used again and parents form a ring: no more steps than there are processes.
static struct spore__usage *owner_of(struct scan *s, struct seen *from, struct spore__usage **roots, size_t count)
{
	struct spore__usage *owner = NULL;
	struct seen *at = from;
	for (size_t steps = 0; at != NULL && steps < s->count; steps++) {
		if (at->known) {
			owner = at->owner;
			break;
		}
		owner = root_of(roots, count, at->p.parent);
		if (owner != NULL)
			break;
		struct seen key = {.p = {.pid = at->p.parent}};
		at = bsearch(&key, s->all, s->count, sizeof *s->all, by_pid);
	}
	for (struct seen *p = from; p != NULL && !p->known;) {
		p->known = true;
		p->owner = owner;
		if (p == at)
			break;
		struct seen key = {.p = {.pid = p->p.parent}};
		p = bsearch(&key, s->all, s->count, sizeof *s->all, by_pid);
	}
	return owner;
}

// Which counts those too that nobody waited for.
static void ask_cgroup(struct spore__usage *usage)
{
	struct spore__tree_use use;
	spore__tree_use_of(usage->cgroup, &use);
	if (use.user_us >= 0 && use.system_us >= 0)
		usage->cpu_us = (uint64_t)(use.user_us + use.system_us);
	usage->peak_kib = use.peak > 0 ? use.peak / 1024 : 0;
}

bool spore__usage_measure(struct spore__usage *usage, size_t count)
{
	struct scan s = {0};
	if (count == 0)
		return true;
	struct spore__usage **roots = spore__xmalloc(count * sizeof(struct spore__usage *));
	size_t root_count = 0;
	for (size_t i = 0; i < count; i++) {
		usage[i] = (struct spore__usage){.root = usage[i].root, .cgroup = usage[i].cgroup};
		if (usage[i].root > 0)
			roots[root_count++] = &usage[i];
	}
	bool listed = spore__os_processes(see, &s);
	if (s.count > 0) {
		qsort(s.all, s.count, sizeof *s.all, by_pid);
		qsort(roots, root_count, sizeof(struct spore__usage *), by_root);
	}
	for (size_t i = 0; i < s.count; i++) {
		struct spore__usage *owner = owner_of(&s, &s.all[i], roots, root_count);
		if (owner == NULL)
			continue;
		owner->cpu_us += s.all[i].p.cpu_us;
		owner->memory_kib += s.all[i].p.memory_kib;
		owner->processes++;
	}
	for (size_t i = 0; i < count; i++)
		if (usage[i].cgroup != NULL && usage[i].root > 0)
			ask_cgroup(&usage[i]);
	free(s.all);
	free(roots);
	return listed;
}
