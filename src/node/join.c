// Channels: made when both ports of a wire are open, passed on to the holds, forgotten.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chan/transport.h"
#include "node/adopted.h"
#include "node/bridged.h"
#include "node/db_wires.h"
#include "node/declared.h"
#include "node/hold.h"
#include "node/lend.h"
#include "node/log.h"
#include "node/swap_off.h"
#include "node/wires.h"
#include "os/os.h"

// What can be made, the best first. The number is that of the layout.
static const struct {
	const char *feature, *transport;
} kinds[] = {
    {"ring-1", "ring"},   {"pipes-1", "pipes"},
    {"pipe-1", "pipe"},   {"stream-1", "stream"},
    {"lines-1", "lines"}, {"u32le-1", "u32le"},
    {"u32be-1", "u32be"}, {"netstring-1", "netstring"},
    {"bytes-1", "bytes"}, {"publication-1", "publication"},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

unsigned spore__channel_bit(const char *feature, size_t len)
{
	for (unsigned i = 0; i < KINDS; i++)
		if (strlen(kinds[i].feature) == len && memcmp(kinds[i].feature, feature, len) == 0)
			return 1U << i;
	return 0;
}

// ---- joints

struct spore__joint *spore__joint_of(const struct spore__port *p, uint64_t serial)
{
	for (size_t i = p->joint_count; i > 0; i--)
		if (p->joints[i - 1]->serial == serial)
			return p->joints[i - 1];
	return NULL;
}

static bool hang_on(struct spore__port *p, struct spore__joint *j)
{
	if (p->joint_count == p->joint_cap) {
		size_t cap = p->joint_cap == 0 ? 1 : p->joint_cap * 2;
		void *joints = realloc(p->joints, cap * sizeof(struct spore__joint *));
		if (joints == NULL)
			return false;
		p->joints = joints;
		p->joint_cap = cap;
	}
	p->joints[p->joint_count++] = j;
	return true;
}

static void take_off(struct spore__port *p, const struct spore__joint *j)
{
	for (size_t i = p->joint_count; i > 0; i--)
		if (p->joints[i - 1] == j) {
			memmove(&p->joints[i - 1], &p->joints[i], (p->joint_count - i) * sizeof(struct spore__joint *));
			p->joint_count--;
			return;
		}
}

static void remove_half(struct spore__wires *w, const struct spore__joint *j)
{
	for (struct spore__joint **at = &w->halves; *at != NULL; at = &(*at)->next_half)
		if (*at == j) {
			*at = j->next_half;
			return;
		}
}

static void add_half(struct spore__wires *w, struct spore__joint *j)
{
	j->next_half = w->halves;
	w->halves = j;
}

static bool has(const struct spore__port *p, const char *transport)
{
	for (unsigned i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].transport, transport) == 0)
			return (p->transports & (1U << i)) != 0;
	return false;
}

static bool publishes(const struct spore__port *p)
{
	return spore__shape_of(p->shape) == SPORE__SHAPE_PUBLISH;
}

static const char bridge[] = "bridge", publication[] = "publication";

bool spore__joint_relays(const struct spore__joint *j)
{
	return (j->wire != NULL && spore__fault_relays(&j->wire->fault)) ||
	       (publishes(j->ports[0]) && j->ports[1]->plain);
}

const char *spore__joint_transport(const struct spore__port *a, const struct spore__port *b)
{
	if (a->plain != b->plain) {
		// A plain end is a stream with the framing that it names; of what is published it gets that from a process between.
		const struct spore__port *plain = a->plain ? a : b, *other = a->plain ? b : a;
		const char *framing = strcmp(other->kind, "bytes") == 0 ? "bytes" : plain->framing;
		const char *needed = publishes(other) ? publication : framing;
		for (unsigned i = 0; i < KINDS; i++)
			if (strcmp(kinds[i].transport, framing) == 0 && has(plain, "stream") && has(other, needed))
				return kinds[i].transport;
		return "";
	}
	if (publishes(a) || publishes(b))
		return has(a, publication) && has(b, publication) ? publication : "";
	for (unsigned i = 0; i < KINDS; i++)
		if ((a->transports & b->transports & (1U << i)) != 0 && strcmp(kinds[i].transport, publication) != 0)
			return kinds[i].transport;
	return "";
}

// What was heard first is on the right.
static void turn(struct spore__joint *j)
{
	struct spore__port *p = j->ports[0];
	bool told = j->told[0];
	j->ports[0] = j->ports[1];
	j->ports[1] = p;
	j->told[0] = j->told[1];
	j->told[1] = told;
}

// The wire that J, which was found, is of.
static struct spore__wire *wire_of(struct spore__joint *j)
{
	struct spore__plug *a = j->ports[0]->plug, *b = j->ports[1]->plug;
	for (struct spore__wire_end *e = a->ends; e != NULL; e = e->next) {
		int side = e == &e->wire->ends[1];
		const struct spore__wire_end *other = &e->wire->ends[1 - side];
		if (other->plug != b || !spore__wire_fits_replica(e, j->ports[0]) ||
		    !spore__wire_fits_replica(other, j->ports[1]))
			continue;
		if (side == 1)
			turn(j);
		return e->wire;
	}
	return NULL;
}

// Does what was heard first stand on the left?
static bool is_in_order(const struct spore__joint *j)
{
	const struct spore__port *p = j->ports[0], *q = j->ports[1];
	if (!spore__bridged_stands(q, p))
		return true;
	return spore__bridged_stands(p, q) &&
	       spore__shape_of(p->shape) != SPORE__SHAPE_SERVE; // clients are written first
}

// What is wired is wanted, since the database that said so was lost.
static struct spore__wire *adopt(struct spore__tasks *t, struct spore__joint *j)
{
	struct spore__wish wish = {0};
	if (!is_in_order(j))
		turn(j);
	for (int i = 0; i < 2; i++) {
		const struct spore__plug *p = j->ports[i]->plug;
		memcpy(wish.ends[i].system, p->system, sizeof p->system);
		memcpy(wish.ends[i].task, p->task, sizeof p->task);
		memcpy(wish.ends[i].port, p->port, sizeof p->port);
		wish.tap |= j->ports[i]->pumped;
	}
	if (strcmp(wish.ends[0].system, wish.ends[1].system) == 0)
		memcpy(wish.owner, wish.ends[0].system, sizeof wish.owner);
	struct spore__wire *wire = spore__wire_add(t, &wish);
	if (wire != NULL)
		wire->unsaved = t->wires.unsaved = true;
	t->unsettled = true;
	return wire;
}

// Of one that an earlier node made.
static const char *transport_of(struct spore__joint *j)
{
	struct spore__tasks *t = j->ports[0]->hold->tasks;
	struct spore__plan plan;
	char why[16];
	if (j->wire != NULL && spore__bridged_plan(j->wire, j->ports[0], j->ports[1], &plan, why, sizeof why) &&
	    plan.bridged) {
		spore__bridged_found(t, j);
		return bridge;
	}
	if (spore__joint_relays(j))
		spore__adopted_watch(t, j);
	return spore__joint_transport(j->ports[0], j->ports[1]);
}

bool spore__joint_attach(struct spore__port *p, struct spore__joint *j, int side)
{
	struct spore__tasks *t = p->hold->tasks;
	if (!hang_on(p, j))
		return false;
	j->ports[side] = p;
	j->said[side] = true;
	if (j->ports[1 - side] == NULL) {
		add_half(&t->wires, j);
		return true;
	}
	remove_half(&t->wires, j);
	for (int i = 0; i < 2; i++) {
		spore__swap_look(j->ports[i]->hold);
		spore__swap_off_joined(j->ports[i]);
	}
	j->wire = wire_of(j);
	if (j->wire == NULL && t->wires.adopt)
		j->wire = adopt(t, j);
	if (j->transport[0] == '\0')
		j->transport = transport_of(j);
	if (j->wire == NULL)
		spore__joint_end(t, j, true); // it was unwired when the last node was killed
	return true;
}

void spore__joint_detach(struct spore__wires *w, struct spore__joint *j, int side)
{
	if (j->told[1 - side] && j->ports[1 - side] != NULL)
		spore__swap_off_awaits(j->ports[1 - side], j->serial, j->ports[side]->hold);
	take_off(j->ports[side], j);
	j->ports[side] = NULL;
	j->told[side] = false; // a hold that comes back is told again
	j->owes[side] = 0;
	if (j->ports[1 - side] != NULL) {
		add_half(w, j);
		return;
	}
	remove_half(w, j);
	spore__adopted_forget(j);
	free(j);
}

void spore__joint_move(struct spore__port *from, struct spore__port *to, struct spore__joint *j)
{
	int side = j->ports[1] == from;
	if (!hang_on(to, j))
		return; // that from which it goes will be gone, and the channel with it
	take_off(from, j);
	j->ports[side] = to;
	j->said[side] = true;
}

static void send_over(struct spore__port *p, uint64_t serial, bool unwire)
{
	p->leaving = p->renews;
	spore__hold_send_serial(p->hold, unwire ? SPORE__HOLD_UNWIRE : SPORE__HOLD_OVER, p->id, serial);
}

static void end_joint(struct spore__tasks *t, struct spore__joint *j, const bool unwire[2])
{
	if (j->ports[0] == NULL || j->ports[1] == NULL)
		remove_half(&t->wires, j);
	for (int i = 0; i < 2; i++) {
		struct spore__port *p = j->ports[i];
		if (p == NULL)
			continue;
		take_off(p, j);
		bool awaits = j->told[i] && j->ports[1 - i] == NULL; // its end is none, as long as another one may come
		send_over(p, j->serial, unwire[i] && !awaits);
		if (awaits)
			spore__swap_off_lost(p, j->serial);
		if (p->plug != NULL)
			spore__plug_is_dirty(&t->wires, p->plug);
		spore__swap_look(p->hold);
	}
	spore__adopted_forget(j);
	free(j);
}

void spore__joint_end(struct spore__tasks *t, struct spore__joint *j, bool unwire)
{
	end_joint(t, j, (const bool[]){unwire, unwire});
}

void spore__joint_change(struct spore__tasks *t, struct spore__joint *j)
{
	bool unwire[2];
	for (int i = 0; i < 2; i++)
		unwire[i] = j->ports[1 - i] != NULL && j->ports[1 - i]->renews;
	end_joint(t, j, unwire);
}

// ---- making

// Of COUNT pipes the first goes from ends[0] to ends[1], the second back. An end has what is to be read first.
static enum spore_err make_pipes(const char *transport, int count, struct spore__channel_end ends[2])
{
	for (int i = 0; i < 2; i++)
		ends[i] = (struct spore__channel_end){.transport = transport, .role = i};
	for (int i = 0; i < count; i++) {
		int pipe[2];
		if (spore__os_pipe(pipe) != 0) {
			for (int k = 0; k < 2; k++)
				spore__channel_end_close(&ends[k]);
			return SPORE_ESYSTEM;
		}
		struct spore__channel_end *writes = &ends[i], *reads = &ends[1 - i];
		writes->fds[writes->count++] = pipe[1];
		if (reads->count > 0)
			reads->fds[1] = reads->fds[0];
		reads->fds[0] = pipe[0];
		reads->count++;
	}
	return SPORE_OK;
}

enum spore_err spore__joint_make(struct spore__wires *w, const char *transport, struct spore__channel_end ends[2])
{
	if (strcmp(transport, "pipe") == 0)
		return make_pipes(transport, 1, ends);
	if (strcmp(transport, "pipes") == 0)
		return make_pipes(transport, 2, ends);
	return spore__spare_take(&w->spare, transport, ends);
}

static enum spore_err make(struct spore__wires *w, const struct spore__joint *j, struct spore__channel_end ends[2])
{
	enum spore_err err = spore__joint_make(w, j->transport, ends);
	for (int i = 0; i < 2 && err == SPORE_OK; i++)
		if (j->ports[i]->plain && strncmp(j->transport, "pipe", 4) != 0)
			ends[i].transport = "stream";
	return err;
}

const char *spore__wire_slow(const struct spore__wire *wire, const struct spore__port *subscriber)
{
	if (wire != NULL && wire->slow[0] != '\0')
		return wire->slow;
	return subscriber->slow[0] != '\0' ? subscriber->slow : "block";
}

const char *spore__joint_slow(const struct spore__joint *j)
{
	return publishes(j->ports[0]) ? spore__wire_slow(j->wire, j->ports[1]) : NULL;
}

static bool send_ends(const struct spore__joint *j, struct spore__channel_end ends[2])
{
	bool moves = spore__move_ends(j->ports[0], j->ports[1]);
	char peer[SPORE__PORT_NAME + SPORE__HOLD_WORD];
	for (int i = 0; i < 2; i++) {
		spore__hold_port_name(j->ports[1 - i]->hold, j->ports[1 - i]->name, peer, sizeof peer);
		if (!spore__hold_send_channel(j->ports[i]->hold, j->ports[i]->id, j->serial, &ends[i], peer,
		                              spore__joint_slow(j), j->wire->redeliver,
		                              moves && spore__shape_of(j->ports[i]->shape) == SPORE__SHAPE_CONNECT)) {
			// The one that got its end finds that the other one is gone.
			if (i == 1)
				send_over(j->ports[0], j->serial, false);
			return false;
		}
	}
	return true;
}

static void trouble(struct spore__wires *w, struct spore__wire *wire, enum spore_err err, int why)
{
	const char *remedy = why == EMFILE || why == ENFILE ? "; raise the limit of open files"
	                     : why == ETOOMANYREFS          ? "; too many descriptors are under way"
	                                                    : "";
	(void)snprintf(wire->trouble, sizeof wire->trouble, "no channel can be made: %s%s",
	               err == SPORE_ESYSTEM ? strerror(why) : spore_err_text(err), remedy);
	spore__wire_retry_at(wire, spore__wires_failed(w));
}

// The ends of J, whatever is between them. False: wire->trouble says why.
static bool make_ends(struct spore__tasks *t, struct spore__joint *j, const struct spore__plan *plan,
                      struct spore__channel_end ends[2])
{
	struct spore__wire *wire = j->wire;
	if (plan->bridged)
		return spore__bridged_make(t, j, plan, ends, wire->trouble, sizeof wire->trouble);
	if (spore__joint_relays(j)) {
		if (!spore__fault_make(t, j, ends, wire->trouble, sizeof wire->trouble))
			return false;
		for (int i = 0; i < 2; i++)
			if (j->ports[i]->plain)
				ends[i].transport = "stream";
		return true;
	}
	enum spore_err err = make(&t->wires, j, ends);
	if (err != SPORE_OK)
		trouble(&t->wires, wire, err, errno);
	return err == SPORE_OK;
}

static const char *planned_transport(const struct spore__plan *plan, const struct spore__port *p,
                                     const struct spore__port *q)
{
	if (!plan->bridged)
		return spore__joint_transport(p, q);
	return spore__bridged_transport(p) != NULL && spore__bridged_transport(q) != NULL ? bridge : "";
}

static void join(struct spore__tasks *t, struct spore__wire *wire, struct spore__port *p, struct spore__port *q)
{
	struct spore__channel_end ends[2];
	struct spore__plan plan;
	char why[16];
	if (!spore__bridged_plan(wire, p, q, &plan, why, sizeof why))
		return; // spore__wire_partner() has asked already
	const char *transport = planned_transport(&plan, p, q);
	struct spore__port *const ports[] = {p, q};
	for (int i = 0; i < 2; i++)
		if (!spore__hold_takes_channel(ports[i]->hold)) {
			if (wire->blocked == NULL)
				spore__wire_block(&t->wires, wire, ports[i]->hold);
			return;
		}
	struct spore__joint *j = transport[0] != '\0' ? calloc(1, sizeof *j) : NULL;
	if (j == NULL || !hang_on(p, j)) {
		free(j);
		if (transport[0] != '\0')
			trouble(&t->wires, wire, SPORE_ENOMEM, 0);
		return;
	}
	if (!hang_on(q, j)) {
		take_off(p, j);
		free(j);
		trouble(&t->wires, wire, SPORE_ENOMEM, 0);
		return;
	}
	*j = (struct spore__joint){.serial = ++t->wires.serial,
	                           .ports = {p, q},
	                           .transport = transport,
	                           .wire = wire,
	                           .since_ms = uv_now(t->loop)};
	bool made = make_ends(t, j, &plan, ends);
	bool sent = made && send_ends(j, ends);
	int saved = errno;
	for (int i = 0; made && i < 2; i++)
		spore__channel_end_close(&ends[i]);
	if (sent) {
		t->wires.failing = (struct spore__pause){0};
		// A subscriber that was cut off is joined again.
		spore__wire_forget_broken(wire, 1, q->hold->name.replica, SPORE__BROKEN_SLOW);
		spore__swap_off_joined(p);
		spore__swap_off_joined(q);
		return;
	}
	if (made)
		trouble(&t->wires, wire, SPORE_ESYSTEM, saved);
	else
		spore__wire_retry_at(wire, spore__wires_failed(&t->wires));
	take_off(p, j);
	take_off(q, j);
	free(j);
}

// ---- which

static bool fit(const struct spore__wire *wire, const struct spore__port *p, const struct spore__port *q)
{
	struct spore__plan plan;
	char why[16];
	return !spore__port_contradicts(p, why, sizeof why) && !spore__port_contradicts(q, why, sizeof why) &&
	       spore__bridged_plan(wire, p, q, &plan, why, sizeof why) && spore__fault_allows(wire, p, q, plan.bridged);
}

// Who was asked to stop takes nothing new: a program with libspore does not hear of it any more, and that the stdin or stdout of a task has ended
// its peer would read at once. And what comes for a port that still has to read what came before would be lost.
bool spore__port_is_going(const struct spore__port *p)
{
	if (p->leaving || p->hold->stop_sent || (p->hold->outdated && !p->pumped && spore__plain_is_stdio(p->name)))
		return true;
	const struct spore__hold_name *n = &p->hold->name;
	const struct spore__task *task =
	    p->plain ? spore__table_find(&p->hold->tasks->table, n->system, n->task, n->replica) : NULL;
	return task != NULL && (task->hold != p->hold || task->stopping || task->relaunch);
}

// Its hold could not pass a channel on, and is not asked again yet.
static bool is_paused(const struct spore__port *p)
{
	return spore__pause_lasts(&p->pause, uv_now(p->hold->tasks->loop));
}

static void note_pause(struct spore__wire *wire, const struct spore__port *p)
{
	char name[SPORE__PORT_NAME + SPORE__HOLD_WORD];
	spore__hold_port_name(p->hold, p->name, name, sizeof name);
	spore__wire_retry_at(wire, p->pause.until_ms);
	(void)snprintf(wire->trouble, sizeof wire->trouble,
	               "%.80s: its hold could not pass the last channel on; the next one is tried soon", name);
}

static bool is_free(const struct spore__port *p)
{
	if (spore__port_is_going(p) || is_paused(p) || spore__lend_waits(p))
		return false;
	return p->joint_count == 0 || spore__shape_of(p->shape) == SPORE__SHAPE_SERVE || publishes(p);
}

static bool has_replica(const struct spore__port *p, const struct spore__port *q)
{
	return p->hold->name.replica == q->hold->name.replica;
}

struct spore__port *spore__wire_partner(const struct spore__wire *wire, int side, const struct spore__port *p)
{
	const struct spore__wire_end *other = &wire->ends[1 - side];
	struct spore__port *best = NULL;
	for (struct spore__port *q = other->plug->ports; q != NULL; q = q->next) {
		bool serves = spore__shape_of(q->shape) == SPORE__SHAPE_SERVE || publishes(q);
		bool numbered = p->hold->name.replica != 0 && q->hold->name.replica != 0;
		if (!spore__wire_fits_replica(other, q) || !is_free(q) || q == p || !spore__swap_allows(p, q) ||
		    spore__wire_elder(wire, q) != NULL || !(side == 0 ? fit(wire, p, q) : fit(wire, q, p)))
			continue;
		if (!serves && numbered && !has_replica(p, q) && wire->ends[0].replica == 0 &&
		    wire->ends[1].replica == 0)
			continue;
		if (best == NULL || (has_replica(p, q) && !has_replica(p, best)) ||
		    (has_replica(p, q) == has_replica(p, best) && q->joint_count < best->joint_count))
			best = q;
	}
	return best;
}

void spore__wire_settle(struct spore__tasks *t, struct spore__wire *wire)
{
	if (wire->blocked != NULL)
		return;
	wire->trouble[0] = '\0';
	wire->retry_at = 0;
	if (spore__ahead_settle(t, wire) || wire->fault.cut)
		return;
	for (int side = 0; side < 2; side++)
		for (struct spore__port *p = wire->ends[side].plug->ports; p != NULL; p = p->next) {
			if (!spore__wire_fits_replica(&wire->ends[side], p) || spore__port_is_going(p) ||
			    spore__lend_waits(p) || spore__wire_elder(wire, p) != NULL)
				continue;
			if (is_paused(p))
				note_pause(wire, p);
			if (!spore__shape_is_single(spore__shape_of(p->shape)) || p->joint_count > 0 || is_paused(p))
				continue;
			struct spore__port *q = spore__wire_partner(wire, side, p);
			struct spore__port *from = side == 0 ? p : q, *to = side == 0 ? q : p;
			if (q != NULL && !spore__wire_pauses(t, wire, from, to))
				join(t, wire, from, to);
			if (wire->blocked != NULL)
				return;
		}
	spore__ahead_wish(t, wire);
}
