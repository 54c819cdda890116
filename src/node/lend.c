#include "node/lend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/hold.h"
#include "os/os.h"

enum { AGAIN_MS = 20 }; // until an old one that could not lend it is asked again

static bool subscribes(const struct spore__port *p)
{
	return spore__shape_of(p->shape) == SPORE__SHAPE_SUBSCRIBE;
}

bool spore__lend_may(const struct spore__port *p)
{
	return p->resumes && p->hold->speaks_lends;
}

size_t spore__lend_count(const struct spore__hold *hold)
{
	size_t count = 0;
	for (const struct spore__port *p = hold->ports; p != NULL; p = p->next_of_hold)
		count += subscribes(p) && p->joint_count > 0;
	return count;
}

static struct spore__port *of_name(const struct spore__hold *hold, const struct spore__port *p)
{
	struct spore__port *q = hold != NULL ? hold->ports : NULL;
	while (q != NULL && (strcmp(q->name, p->name) != 0 || !subscribes(q)))
		q = q->next_of_hold;
	return q;
}

bool spore__lend_fits(const struct spore__hold *old, const struct spore__hold *new, char *why, size_t size)
{
	for (const struct spore__port *p = old->ports; p != NULL; p = p->next_of_hold) {
		const struct spore__port *q = subscribes(p) && p->joint_count > 0 ? of_name(new, p) : NULL;
		if (q == NULL)
			continue;
		if (!spore__lend_may(q) || !new->beside)
			(void)snprintf(
			    why, size,
			    "its port %s is of an older libspore or hold, which cannot go on where the one before is; "
			    "use 'spore restart'",
			    q->name);
		else if (strcmp(spore__wire_slow(p->joints[0]->wire, p), spore__wire_slow(p->joints[0]->wire, q)) != 0)
			(void)snprintf(
			    why, size, "its port %s asks for '%s', where the one before has '%s'; use 'spore restart'",
			    q->name, spore__wire_slow(p->joints[0]->wire, q), spore__wire_slow(p->joints[0]->wire, p));
		else
			continue;
		return false;
	}
	return true;
}

// ---- spares: the same once more, at the node, for another new one in the place of one whose hold is killed

struct spore__lend_spare {
	struct spore__lend_spare *next;
	uint64_t serial;
	int fd;     // the end of the pair of sockets in which it waits, or will
	bool ready; // it does
	char port[SPORE__HOLD_WORD + 1], peer[SPORE__PORT_NAME + SPORE__HOLD_WORD], slow[16];
};

static struct spore__lend_spare **find(struct spore__task *task, const struct spore__port *p)
{
	struct spore__lend_spare **at = &task->spares;
	while (*at != NULL && strcmp((*at)->port, p->name) != 0)
		at = &(*at)->next;
	return at;
}

static void drop(struct spore__lend_spare **at)
{
	struct spore__lend_spare *s = *at;
	*at = s->next;
	close(s->fd);
	free(s);
}

void spore__lend_end(struct spore__task *task)
{
	while (task->spares != NULL)
		drop(&task->spares);
	task->lend_at = 0;
}

// One end of a pair of sockets goes to the hold of P, which is to send there what it has; the other one is the caller's. -1: not now.
static int ask(const struct spore__port *p, uint64_t serial)
{
	int ends[2];
	if (spore__os_socketpair(ends) != 0)
		return -1;
	bool asked = spore__hold_send_lend(p->hold, p->id, serial, ends[0]);
	close(ends[0]);
	if (asked)
		return ends[1];
	close(ends[1]);
	return -1;
}

// Not at once again, where it was asked for in vain.
static void ask_later(struct spore__tasks *t, struct spore__task *task)
{
	task->lend_at = uv_now(t->loop) + AGAIN_MS;
	spore__tasks_wake_at(t, task->lend_at);
}

static bool is_due(struct spore__tasks *t, const struct spore__task *task)
{
	if (task->lend_at <= uv_now(t->loop))
		return true;
	spore__tasks_wake_at(t, task->lend_at);
	return false;
}

// Q inherits something, of which there is a spare; else one is asked for.
static bool has_spare(struct spore__tasks *t, struct spore__task *task, const struct spore__port *q)
{
	struct spore__lend_spare **at = find(task, q), *s = *at;
	if (s != NULL && s->serial == q->inherits)
		return s->ready;
	if (s != NULL)
		drop(at);
	if (!is_due(t, task) || (s = calloc(1, sizeof *s)) == NULL)
		return false;
	s->fd = ask(q, q->inherits);
	if (s->fd < 0) {
		ask_later(t, task);
		free(s);
		return false;
	}
	s->serial = q->inherits;
	memcpy(s->port, q->name, sizeof s->port);
	memcpy(s->peer, q->lent_by, sizeof s->peer);
	memcpy(s->slow, q->lent_slow, sizeof s->slow);
	s->next = task->spares;
	task->spares = s;
	return false;
}

// Q, of another new one, gets the spare of the one before.
static bool take_spare(struct spore__task *task, struct spore__port *q)
{
	struct spore__lend_spare **at = find(task, q), *s = *at;
	if (s == NULL || !(s->ready || task->old == NULL) || !spore__hold_takes_channel(q->hold) ||
	    !spore__hold_send_lent(q, s->serial, s->fd, s->peer, s->slow))
		return false;
	q->inherits = s->serial;
	memcpy(q->lent_by, s->peer, sizeof q->lent_by);
	memcpy(q->lent_slow, s->slow, sizeof q->lent_slow);
	drop(at);
	return true;
}

// ---- from the old one

static bool is_lent(struct spore__tasks *t, struct spore__task *task, struct spore__port *p,
                    const struct spore__port *q)
{
	uint64_t serial = p->joints[0]->serial;
	if (q != NULL && q->inherits == serial)
		return true;
	if (q == NULL || p->lend_fd >= 0 || !is_due(t, task))
		return false;
	p->lend_fd = ask(p, serial);
	p->lends = serial;
	if (p->lend_fd < 0)
		ask_later(t, task);
	return false;
}

const struct spore__port *spore__lend_settle(struct spore__tasks *t, struct spore__task *task)
{
	const struct spore__port *waits = NULL;
	for (struct spore__port *q = task->hold != NULL && task->hold->beside ? task->hold->ports : NULL; q != NULL;
	     q = q->next_of_hold)
		if (subscribes(q) && (q->inherits != 0 || take_spare(task, q)) && !has_spare(t, task, q))
			waits = q;
	for (struct spore__port *p = task->old != NULL ? task->old->ports : NULL; p != NULL; p = p->next_of_hold)
		if (subscribes(p) && p->joint_count > 0 && !is_lent(t, task, p, of_name(task->hold, p)))
			waits = p;
	return waits;
}

bool spore__lend_goes_on(const struct spore__task *task)
{
	return task->spares != NULL && task->wanted && !task->done && !task->stopping;
}

void spore__lend_drop(struct spore__port *p)
{
	if (p->lend_fd >= 0)
		close(p->lend_fd);
	p->lend_fd = -1;
}

// What the old one lent goes on to the new one.
static void pass_on(struct spore__tasks *t, struct spore__task *task, struct spore__port *p, bool done)
{
	struct spore__joint *j = spore__joint_of(p, p->lends);
	struct spore__port *q = of_name(task->hold, p);
	bool passed = false;
	if (done && j != NULL && q != NULL && spore__hold_takes_channel(q->hold)) {
		const char *slow = spore__wire_slow(j->wire, p);
		if (j->ports[0] != NULL)
			spore__hold_port_name(j->ports[0]->hold, j->ports[0]->name, q->lent_by, sizeof q->lent_by);
		(void)snprintf(q->lent_slow, sizeof q->lent_slow, "%s", slow);
		passed = spore__hold_send_lent(q, p->lends, p->lend_fd, q->lent_by, slow);
	}
	if (passed)
		q->inherits = p->lends;
	else
		ask_later(t, task);
	spore__lend_drop(p);
}

void spore__lend_heard(struct spore__hold *hold, const struct spore__hold_message *m)
{
	struct spore__tasks *t = hold->tasks;
	struct spore__task *task = hold->task;
	struct spore__port *p = hold->ports;
	while (p != NULL && p->id != (uint64_t)m->number)
		p = p->next_of_hold;
	if (p == NULL || task == NULL)
		return;
	struct spore__lend_spare **at = find(task, p);
	if (p->lend_fd >= 0 && p->lends == m->serial) {
		pass_on(t, task, p, m->swap && task->old == hold);
	} else if (*at != NULL && (*at)->serial == m->serial && m->swap) {
		(*at)->ready = true;
	} else if (*at != NULL && (*at)->serial == m->serial) {
		drop(at);
		ask_later(t, task);
	}
	spore__task_touch(t, task);
}

void spore__lend_alone(struct spore__tasks *t, struct spore__hold *hold)
{
	for (struct spore__port *p = hold->ports; p != NULL; p = p->next_of_hold) {
		uint64_t serial = p->inherits;
		p->inherits = 0;
		if (serial != 0)
			spore__ports_relearn(p, serial);
		if (subscribes(p) && p->plug != NULL)
			spore__plug_is_dirty(&t->wires, p->plug);
	}
	if (hold->task != NULL)
		spore__lend_end(hold->task);
	t->wires.sweep = true;
}

bool spore__lend_waits(const struct spore__port *p)
{
	return p->hold->beside && subscribes(p);
}

bool spore__lend_may_return(const struct spore__task *task, const struct spore__plug *plug,
                            const struct spore__joint *j)
{
	const struct spore__port *publisher = j->ports[0] != NULL ? j->ports[0] : j->ports[1];
	const struct spore__hold *hold = task->hold;
	if (spore__shape_of(publisher->shape) != SPORE__SHAPE_PUBLISH)
		return false;
	for (const struct spore__lend_spare *s = spore__lend_goes_on(task) ? task->spares : NULL; s != NULL;
	     s = s->next)
		if (s->serial == j->serial)
			return true;
	if (hold == NULL || !hold->beside || hold->ended)
		return false;
	for (const struct spore__port *q = hold->ports; q != NULL; q = q->next_of_hold)
		if (q->plug == plug)
			return q->inherits == j->serial;
	return true; // its program has yet to open it
}
