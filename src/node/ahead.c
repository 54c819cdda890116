#include "node/ahead.h"

#include <stdlib.h>
#include <string.h>

#include "node/bridged.h"
#include "node/declared.h"
#include "node/hold.h"
#include "node/wires.h"

enum {
	PAUSE_MS = 1,  // until what opens its ports one after the other has done so
	KEPT_MAX = 32, // of the node: each takes 132 KiB
	AT_ONCE = 4,   // then others have their turn
	LOOK_MS = 20,  // after a hold is known: many may be started at once
};
static const char transport[] = "ring";

struct spore__ahead {
	struct spore__ahead *next;
	uint64_t serial;
	struct spore__wire *wire; // NULL: gone
	struct spore__port *port; // that waits; NULL: gone
	struct spore__hold *hold; // that keeps the other end
	bool withdrawn;           // it was asked for that
};

// ---- where one can be

// The only port that is open at WIRE, and at which end. NULL: none, or there are several.
static struct spore__port *waiting_port(const struct spore__wire *wire, int *side)
{
	const struct spore__port *others[2] = {wire->ends[0].plug->ports, wire->ends[1].plug->ports};
	*side = others[0] == NULL;
	struct spore__port *p = wire->ends[*side].plug->ports;
	if (p == NULL || p->next != NULL || others[1 - *side] != NULL)
		return NULL;
	return p;
}

static bool is_calm(const struct spore__task *task)
{
	return task->old == NULL && task->swap == SPORE__SWAP_NONE && !task->stopping && task->replica == 0;
}

// The hold of the one task that can have the other port.
static struct spore__hold *keeper(struct spore__tasks *t, const struct spore__plug *plug)
{
	size_t count, first = spore__table_range(&t->table, plug->system, plug->task, &count);
	const struct spore__task *task = count == 1 ? t->table.tasks[first] : NULL;
	struct spore__hold *hold = task != NULL && is_calm(task) ? task->hold : NULL;
	return hold != NULL && hold->connected && hold->ports_known && hold->speaks_early && !hold->stop_sent ? hold
	                                                                                                      : NULL;
}

// The port at the other end of WIRE as it is thought to be: as it was when it was open, else as one that connects.
static void imagine(const struct spore__wire *wire, int side, const struct spore__port *p, struct spore__hold *hold,
                    struct spore__port *q)
{
	struct spore__plug *plug = wire->ends[side].plug;
	*q = (struct spore__port){.plug = plug, .hold = hold, .transports = p->transports, .early = true};
	memcpy(q->name, plug->port, sizeof plug->port);
	memcpy(q->kind, p->kind, sizeof q->kind);
	(void)strcpy(q->shape, "connect");
	memcpy(q->protocol, plug->seen ? plug->protocol : p->protocol, sizeof q->protocol);
}

// May WIRE have one? *P waits, *Q stands for the port at the hold that keeps it.
static bool may_have(struct spore__tasks *t, const struct spore__wire *wire, struct spore__port **p,
                     struct spore__port *q)
{
	int side;
	struct spore__plan plan;
	char why[16];
	*p = waiting_port(wire, &side);
	if (*p == NULL || !(*p)->early || spore__pause_lasts(&wire->unahead, uv_now(t->loop)) ||
	    !(*p)->hold->speaks_early || (*p)->joint_count > 0 || (*p)->hold->stop_sent ||
	    spore__shape_of((*p)->shape) != SPORE__SHAPE_CONNECT || spore__pause_lasts(&(*p)->pause, uv_now(t->loop)) ||
	    (*p)->hold->task == NULL || !is_calm((*p)->hold->task) || wire->fault.cut ||
	    spore__fault_relays(&wire->fault) || wire->ends[0].replica != 0 || wire->ends[1].replica != 0)
		return false;
	struct spore__hold *hold = keeper(t, wire->ends[1 - side].plug);
	const struct spore__plug *plug = wire->ends[1 - side].plug;
	if (hold == NULL || hold == (*p)->hold || (plug->seen && !plug->connects))
		return false;
	imagine(wire, 1 - side, *p, hold, q);
	if (spore__wire_elder(wire, *p) != NULL || spore__wire_elder(wire, q) != NULL ||
	    spore__port_contradicts(*p, why, sizeof why) || spore__port_contradicts(q, why, sizeof why))
		return false;
	const struct spore__port *ends[2] = {side == 0 ? *p : q, side == 0 ? q : *p};
	return spore__bridged_plan(wire, ends[0], ends[1], &plan, why, sizeof why) && !plan.bridged &&
	       strcmp(spore__joint_transport(*p, q), transport) == 0;
}

// ---- those that there are

static void discard(struct spore__wires *w, struct spore__ahead **at)
{
	struct spore__ahead *r = *at;
	*at = r->next;
	w->aheads.count--;
	if (r->wire != NULL) {
		r->wire->ahead = NULL;
		spore__wire_is_dirty(w, r->wire);
	}
	free(r);
}

static void withdraw(struct spore__ahead *r)
{
	if (!r->withdrawn)
		spore__hold_send_serial(r->hold, SPORE__HOLD_OVER, 0, r->serial);
	r->withdrawn = true;
}

// The program at the port that waits sees by itself that the other end is closed.
static void leave_port(struct spore__ahead *r)
{
	if (r->port != NULL)
		spore__hold_send_serial(r->port->hold, SPORE__HOLD_OVER, r->port->id, r->serial);
	r->port = NULL;
}

static struct spore__ahead **find(struct spore__wires *w, uint64_t serial)
{
	struct spore__ahead **at = &w->aheads.first;
	while (*at != NULL && (*at)->serial != serial)
		at = &(*at)->next;
	return at;
}

bool spore__ahead_take(struct spore__wires *w, uint64_t serial, struct spore__port **waiting)
{
	struct spore__ahead **at = find(w, serial);
	*waiting = *at != NULL ? (*at)->port : NULL;
	if (*at == NULL)
		return false;
	discard(w, at);
	return true;
}

void spore__ahead_over(struct spore__wires *w, struct spore__hold *hold, uint64_t serial)
{
	struct spore__ahead **at = find(w, serial), *r = *at;
	if (r == NULL)
		return;
	uint64_t now = uv_now(hold->tasks->loop);
	if (r->hold != hold) { // the program that waits did not get its end
		if (r->port != NULL)
			spore__pause_begin(&r->port->pause, now);
		r->port = NULL;
		withdraw(r);
		return;
	}
	if (!r->withdrawn && r->wire != NULL) // it has no room, or the port is another one
		spore__pause_begin(&r->wire->unahead, now);
	leave_port(r);
	discard(w, at);
}

void spore__ahead_port_lost(struct spore__wires *w, const struct spore__port *p)
{
	for (struct spore__ahead *r = w->aheads.first; r != NULL; r = r->next)
		if (r->port == p) {
			r->port = NULL;
			withdraw(r);
		}
}

void spore__ahead_hold_lost(struct spore__wires *w, const struct spore__hold *hold)
{
	for (struct spore__ahead **at = &w->aheads.first; *at != NULL;) {
		if ((*at)->hold != hold) {
			at = &(*at)->next;
			continue;
		}
		leave_port(*at);
		discard(w, at);
	}
}

void spore__ahead_wire_lost(struct spore__wires *w, const struct spore__wire *wire)
{
	for (struct spore__ahead *r = w->aheads.first; r != NULL; r = r->next)
		if (r->wire == wire) {
			r->wire = NULL;
			withdraw(r);
		}
}

bool spore__ahead_settle(struct spore__tasks *t, struct spore__wire *wire)
{
	struct spore__port *p, q;
	if (wire->ahead != NULL &&
	    (!may_have(t, wire, &p, &q) || p != wire->ahead->port || q.hold != wire->ahead->hold))
		withdraw(wire->ahead);
	return wire->ahead != NULL;
}

// ---- making

static void make(struct spore__tasks *t, struct spore__wire *wire, struct spore__port *p, const struct spore__port *q)
{
	struct spore__wires *w = &t->wires;
	struct spore__channel_end ends[2];
	struct spore__ahead *r = calloc(1, sizeof *r);
	if (r == NULL || spore__joint_make(w, transport, ends) != SPORE_OK) {
		free(r);
		return; // there is time to make one when it is needed
	}
	*r = (struct spore__ahead){
	    .next = w->aheads.first, .serial = ++w->serial, .wire = wire, .port = p, .hold = q->hold};
	bool kept = spore__hold_send_keep(q, r->serial, &ends[1], p, wire->redeliver);
	if (kept) {
		w->aheads.first = wire->ahead = r;
		w->aheads.count++;
		if (!spore__hold_send_early(p, r->serial, &ends[0], q, wire->redeliver)) {
			r->port = NULL;
			withdraw(r);
		}
	} else {
		free(r);
	}
	for (int i = 0; i < 2; i++)
		spore__channel_end_close(&ends[i]);
}

static void make_some(uv_timer_t *timer)
{
	struct spore__tasks *t = timer->data;
	struct spore__wires *w = &t->wires;
	unsigned made = 0;
	bool more = false;
	for (struct spore__wire *wire = w->first; wire != NULL; wire = wire->next) {
		struct spore__port *p, q;
		more |= wire->wishes && made == AT_ONCE;
		if (!wire->wishes || made == AT_ONCE)
			continue;
		wire->wishes = false;
		if (wire->ahead != NULL || w->aheads.count >= KEPT_MAX || !may_have(t, wire, &p, &q) ||
		    !spore__hold_takes_channel(p->hold) || !spore__hold_takes_channel(q.hold))
			continue;
		make(t, wire, p, &q);
		made++;
	}
	if (more)
		(void)uv_timer_start(timer, make_some, PAUSE_MS, 0);
}

void spore__ahead_wish(struct spore__tasks *t, struct spore__wire *wire)
{
	struct spore__port *p, q;
	if (wire->wishes || wire->ahead != NULL || !may_have(t, wire, &p, &q))
		return;
	wire->wishes = true;
	if (!uv_is_active((uv_handle_t *)&t->wires.aheads.timer))
		(void)uv_timer_start(&t->wires.aheads.timer, make_some, PAUSE_MS, 0);
}

static void look_at_all(uv_timer_t *timer)
{
	struct spore__tasks *t = timer->data;
	for (struct spore__wire *wire = t->wires.first; wire != NULL; wire = wire->next)
		spore__ahead_wish(t, wire);
}

void spore__ahead_hold_known(struct spore__tasks *t)
{
	uv_timer_t *look = &t->wires.aheads.look;
	if (!uv_is_active((uv_handle_t *)look))
		(void)uv_timer_start(look, look_at_all, LOOK_MS, 0);
}

int spore__aheads_init(struct spore__tasks *t)
{
	struct spore__aheads *a = &t->wires.aheads;
	int err = uv_timer_init(t->loop, &a->timer);
	if (err == 0)
		err = uv_timer_init(t->loop, &a->look);
	a->timer.data = a->look.data = t;
	return err;
}
