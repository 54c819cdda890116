// What holds say of the ports of their programs.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/alone.h"
#include "node/hold.h"
#include "node/lend.h"
#include "node/log.h"
#include "node/names.h"
#include "node/swap_off.h"
#include "node/wires.h"

static void copy(char *out, size_t size, const struct spore__hold_word *word)
{
	size_t len = word->len < size ? word->len : size - 1;
	memcpy(out, word->s, len);
	out[len] = '\0';
}

static struct spore__wires *wires_of(struct spore__hold *hold)
{
	return &hold->tasks->wires;
}

static struct spore__port *find(const struct spore__hold *hold, int64_t id)
{
	struct spore__port *p = hold->ports;
	while (p != NULL && p->id != (uint64_t)id)
		p = p->next_of_hold;
	return p;
}

// Its channels are over, or come back when the hold is heard again.
static void free_port(struct spore__hold *hold, struct spore__port *p)
{
	struct spore__wires *w = wires_of(hold);
	for (struct spore__port **at = &hold->ports; *at != NULL; at = &(*at)->next_of_hold)
		if (*at == p) {
			*at = p->next_of_hold;
			break;
		}
	while (p->joint_count > 0) {
		struct spore__joint *j = p->joints[p->joint_count - 1];
		spore__joint_detach(w, j, j->ports[1] == p);
	}
	free(p->joints);
	spore__ahead_port_lost(w, p);
	spore__swap_off_joined(p);
	spore__lend_drop(p);
	if (p->plug != NULL) {
		struct spore__port **at = &p->plug->ports;
		while (*at != p)
			at = &(*at)->next;
		*at = p->next;
		spore__plug_is_dirty(w, p->plug);
		spore__plug_unused(w, p->plug);
	}
	free(p);
	w->sweep = true;
}

static void free_all(struct spore__hold *hold)
{
	while (hold->ports != NULL)
		free_port(hold, hold->ports);
}

static void is_known(struct spore__hold *hold)
{
	hold->ports_known = true;
	hold->tasks->unsettled |= hold->tasks->kept;
	wires_of(hold)->sweep = true;
	spore__ahead_hold_known(hold->tasks);
	spore__alone_look(hold->tasks);
	spore__swap_look(hold);
}

void spore__ports_hello(struct spore__hold *hold, const struct spore__hold_message *m)
{
	hold->speaks_ports = m->ports;
	hold->speaks_swap = m->swaps;
	hold->speaks_early = m->early;
	hold->speaks_heirs = m->heirs;
	hold->speaks_lends = m->lends;
	hold->beside = m->beside;
	hold->speaks_moves = m->moves;
	if (!m->ports)
		is_known(hold); // an older one: there are none
}

void spore__ports_begin(struct spore__hold *hold, const struct spore__hold_message *m)
{
	free_all(hold);
	hold->unsaid = 0;
	hold->ports_due = m->serial;
	hold->ports_known = false; // until all of them are heard
	if (m->serial == 0)
		is_known(hold);
	spore__wire_unblock(wires_of(hold), hold, SPORE__HOLD_UNWIRED);
}

static bool plug_in(struct spore__hold *hold, struct spore__port *p)
{
	if (!spore__name_is_valid(p->name))
		return true; // it can be seen, not wired
	p->plug = spore__plug_find(wires_of(hold), hold->name.system, hold->name.task, p->name, true);
	if (p->plug == NULL)
		return false;
	p->next = p->plug->ports;
	p->plug->ports = p;
	p->plug->seen = true;
	p->plug->connects = spore__shape_of(p->shape) == SPORE__SHAPE_CONNECT;
	memcpy(p->plug->protocol, p->protocol, sizeof p->plug->protocol);
	spore__plug_is_dirty(wires_of(hold), p->plug);
	return true;
}

static void take_options(struct spore__port *p, const struct spore__hold_message *m)
{
	struct spore__msgpack_reader at, list = m->list;
	struct spore__hold_word protocol;
	uint32_t count = 0;
	if (spore__msgpack_find(&m->map, "protocol", &at) &&
	    spore__msgpack_read_str(&at, &protocol.s, &protocol.len) == SPORE__MSGPACK_OK)
		copy(p->protocol, sizeof p->protocol, &protocol);
	at = (struct spore__msgpack_reader){0};
	if (spore__msgpack_find(&m->map, "slow", &at) &&
	    spore__msgpack_read_str(&at, &protocol.s, &protocol.len) == SPORE__MSGPACK_OK)
		copy(p->slow, sizeof p->slow, &protocol);
	at = (struct spore__msgpack_reader){0};
	if (spore__msgpack_find(&m->map, "framing", &at) &&
	    spore__msgpack_read_str(&at, &protocol.s, &protocol.len) == SPORE__MSGPACK_OK) {
		copy(p->framing, sizeof p->framing, &protocol);
		p->plain = true;
	}
	struct spore__hold_word as;
	char word[16];
	at = (struct spore__msgpack_reader){0};
	if (spore__msgpack_find(&m->map, "as", &at) &&
	    spore__msgpack_read_str(&at, &as.s, &as.len) == SPORE__MSGPACK_OK) {
		copy(word, sizeof word, &as);
		p->as = spore__port_as_of(word);
	}
	at = (struct spore__msgpack_reader){0};
	p->pumped = spore__msgpack_find(&m->map, "pump", &at);
	p->renews = spore__msgpack_find(&m->map, "renews", &at);
	(void)spore__msgpack_read_array(&list, &count);
	for (uint32_t i = 0; i < count; i++) {
		const char *s;
		uint32_t len;
		if (spore__msgpack_read_str(&list, &s, &len) != SPORE__MSGPACK_OK)
			break;
		p->transports |= spore__channel_bit(s, len);
		p->swaps |= len == 6 && memcmp(s, "swap-1", 6) == 0;
		p->moves |= len == 7 && memcmp(s, "moves-1", 7) == 0;
		p->early |= len == 7 && memcmp(s, "early-1", 7) == 0;
		p->resumes |= len == 9 && memcmp(s, "resumes-1", 9) == 0;
		p->beside |= len == 8 && memcmp(s, "beside-1", 8) == 0;
	}
}

// A channel that an earlier node made, or that this one did before the connection was lost.
void spore__ports_relearn(struct spore__port *p, uint64_t serial)
{
	struct spore__hold *hold = p->hold;
	struct spore__wires *w = wires_of(hold);
	struct spore__port *other;
	if (spore__heirs_take(p, serial))
		return;
	if (spore__lend_waits(p)) {
		p->inherits = serial;
		return;
	}
	if (spore__ahead_take(w, serial, &other) && other == NULL) {
		// Who waited went while the hold gave the other end to its program: it has a channel with nobody.
		spore__hold_send_serial(hold, SPORE__HOLD_OVER, p->id, serial);
		return;
	}
	struct spore__joint *j = w->halves;
	while (j != NULL && j->serial != serial)
		j = j->next_half;
	if (j != NULL) {
		(void)spore__joint_attach(p, j, j->ports[1] == NULL);
		return;
	}
	j = calloc(1, sizeof *j);
	if (j == NULL)
		return;
	j->serial = serial;
	j->transport = "";
	if (serial >= w->serial)
		w->serial = serial;
	if (!spore__joint_attach(p, j, 0))
		free(j);
	else if (other != NULL)
		(void)spore__joint_attach(other, j, 1);
}

static void relearn_all(struct spore__port *p, struct spore__msgpack_reader held)
{
	uint32_t count = 0;
	(void)spore__msgpack_read_array(&held, &count);
	for (uint32_t i = 0; i < count; i++) {
		int64_t serial;
		if (spore__msgpack_read_int(&held, &serial) != SPORE__MSGPACK_OK || serial < 0)
			break;
		spore__ports_relearn(p, (uint64_t)serial);
	}
}

void spore__ports_open(struct spore__hold *hold, const struct spore__hold_message *m)
{
	struct spore__port *p = find(hold, m->number) == NULL ? calloc(1, sizeof *p) : NULL;
	if (p != NULL) {
		p->hold = hold;
		p->lend_fd = -1;
		p->id = (uint64_t)m->number;
		copy(p->name, sizeof p->name, &m->port);
		copy(p->kind, sizeof p->kind, &m->kind);
		copy(p->shape, sizeof p->shape, &m->shape);
		take_options(p, m);
		hold->pumped |= p->pumped ? spore__plain_bit(p->name) : 0;
		p->next_of_hold = hold->ports;
		hold->ports = p;
		bool plugged = plug_in(hold, p);
		if (plugged)
			relearn_all(p, m->held);
		if (plugged && m->told != 0)
			spore__swap_off_found(p, m->told);
		if (!plugged)
			spore__node_log("%s.%s: no memory for its port %s", hold->name.system, hold->name.task,
			                p->name);
	}
	if (hold->ports_due > 0 && --hold->ports_due == 0)
		is_known(hold);
	spore__swap_look(hold);
}

void spore__ports_close(struct spore__hold *hold, const struct spore__hold_message *m)
{
	struct spore__port *p = find(hold, m->number);
	if (p != NULL)
		free_port(hold, p);
}

static void answered(struct spore__hold *hold)
{
	if (hold->unsaid > 0)
		hold->unsaid--;
	spore__wire_unblock(wires_of(hold), hold, 1);
}

void spore__ports_wired(struct spore__hold *hold, const struct spore__hold_message *m)
{
	const struct spore__port *p = find(hold, m->number);
	struct spore__joint *j = p != NULL ? spore__joint_of(p, m->serial) : NULL;
	if (j != NULL)
		j->said[j->ports[1] == p] = true;
	answered(hold);
}

void spore__ports_over(struct spore__hold *hold, const struct spore__hold_message *m)
{
	struct spore__port *p = find(hold, m->number);
	struct spore__joint *j = p != NULL ? spore__joint_of(p, m->serial) : NULL;
	if (j != NULL) {
		// It is open and was not given the channel: not at once again.
		spore__pause_begin(&p->pause, uv_now(hold->tasks->loop));
		spore__joint_detach(wires_of(hold), j, j->ports[1] == p);
		wires_of(hold)->sweep = true;
		if (p->plug != NULL)
			spore__plug_is_dirty(wires_of(hold), p->plug);
	}
	if (p != NULL && p->inherits == m->serial) {
		p->inherits = 0;
		spore__swap_look(hold);
	}
	spore__ahead_over(wires_of(hold), hold, m->serial);
	if (m->number != 0) // else it was sent for no port
		answered(hold);
}

void spore__ports_swap(struct spore__hold *hold, const struct spore__hold_message *m)
{
	const struct spore__port *p = find(hold, m->number);
	struct spore__joint *j = p != NULL ? spore__joint_of(p, m->serial) : NULL;
	if (j == NULL)
		return;
	int side = j->ports[1] == p;
	if (j->owes[side] > 0)
		j->owes[side]--;
	const struct spore__port *other = j->ports[1 - side];
	spore__swap_look(other != NULL ? other->hold : NULL);
	spore__move_heard(hold->tasks, j);
}

static const struct spore__task *task_of(const struct spore__tasks *t, const struct spore__plug *plug, int64_t replica)
{
	size_t count, first = spore__table_range(&t->table, plug->system, plug->task, &count);
	for (size_t i = first; i < first + count; i++)
		if (t->table.tasks[i]->replica == replica)
			return t->table.tasks[i];
	return NULL;
}

// PEER is the name of a port of a replica of E's task. NULL: it is none.
static const struct spore__task *sender(const struct spore__tasks *t, const struct spore__wire_end *e, const char *peer)
{
	struct spore__name n;
	char task[SPORE__PORT_NAME];
	const char *dot = strrchr(peer, '.');
	if (dot == NULL || strcmp(dot + 1, e->plug->port) != 0)
		return NULL;
	(void)snprintf(task, sizeof task, "%.*s", (int)(dot - peer), peer);
	if (!spore__name_parse(task, &n) || strcmp(n.system, e->plug->system) != 0 ||
	    strcmp(n.task, e->plug->task) != 0 || (e->replica != 0 && e->replica != n.replica))
		return NULL;
	return task_of(t, e->plug, n.replica);
}

void spore__wire_forget_broken(struct spore__wire *wire, int side, int64_t replica, const char *transport)
{
	struct spore__wire_broken **at = &wire->broken, *b;
	while ((b = *at) != NULL)
		if (b->side == side && b->replica == replica &&
		    (transport == NULL || strcmp(b->transport, transport) == 0)) {
			*at = b->next;
			free(b);
		} else {
			at = &b->next;
		}
}

static void note_broken(struct spore__wire *wire, int side, const struct spore__task *task, const char *from,
                        const char *to, const char *transport)
{
	struct spore__wire_broken *b = malloc(sizeof *b);
	if (b == NULL)
		return;
	spore__wire_forget_broken(wire, side, task->replica, NULL);
	b->next = wire->broken;
	wire->broken = b;
	b->side = side;
	b->replica = task->replica;
	b->generation = task->generation;
	bool runs = task->run > 0 && task->phase != SPORE__PHASE_WAITING;
	b->run = task->run > 0 ? task->run : task->last_run + 1;
	b->last = runs ? b->run : task->last_run + 1;
	(void)snprintf(b->from, sizeof b->from, "%s", from);
	(void)snprintf(b->to, sizeof b->to, "%s", to);
	(void)snprintf(b->transport, sizeof b->transport, "%s", transport);
}

void spore__joint_broken(struct spore__tasks *t, const struct spore__joint *j, int side)
{
	const struct spore__port *p = j->ports[side];
	char names[2][SPORE__PORT_NAME + SPORE__HOLD_WORD];
	const struct spore__task *task =
	    p != NULL && p->plug != NULL ? task_of(t, p->plug, p->hold->name.replica) : NULL;
	if (j->wire == NULL || j->ports[1 - side] == NULL || task == NULL)
		return;
	for (int i = 0; i < 2; i++)
		spore__hold_port_name(j->ports[i]->hold, j->ports[i]->name, names[i], sizeof names[i]);
	note_broken(j->wire, side, task, names[side], names[1 - side],
	            j->bridged              ? SPORE__BROKEN_UNREAD
	            : !p->plain             ? ""
	            : p->framing[0] != '\0' ? p->framing
	                                    : "lines");
}

void spore__ports_broken(struct spore__hold *hold, const struct spore__hold_message *m)
{
	char peer[SPORE__PORT_NAME], own[SPORE__PORT_NAME + SPORE__HOLD_WORD] = "", transport[16];
	const struct spore__port *p = find(hold, m->number);
	copy(peer, sizeof peer, &m->peer);
	copy(transport, sizeof transport, &m->kind);
	if (p != NULL)
		spore__hold_port_name(hold, p->name, own, sizeof own);
	for (struct spore__wire_end *e = p != NULL && p->plug != NULL ? p->plug->ends : NULL; e != NULL; e = e->next) {
		struct spore__wire *wire = e->wire;
		int side = e == &wire->ends[0]; // the other one
		const struct spore__task *task = sender(hold->tasks, &wire->ends[side], peer);
		if (task == NULL || !spore__wire_fits_replica(e, p))
			continue;
		note_broken(wire, side, task, peer, own, transport);
	}
}

static bool is_same(const struct spore__task *task, const struct spore__wire_broken *b)
{
	return task != NULL && task->generation == b->generation &&
	       (task->run == 0 || (task->run >= b->run && task->run <= b->last));
}

const struct spore__wire_broken *spore__wire_broken(const struct spore__tasks *t, const struct spore__wire *wire,
                                                    const struct spore__wire_broken *b)
{
	while (b != NULL && !is_same(task_of(t, wire->ends[b->side].plug, b->replica), b))
		b = b->next;
	return b;
}

// What became of the channel was said before, where it was unwired or the other end is gone.
void spore__ports_ended(struct spore__hold *hold, const struct spore__hold_message *m)
{
	spore__hold_send_serial(hold, SPORE__HOLD_ENDED, (uint64_t)m->number, m->serial);
}

void spore__ports_lost(struct spore__hold *hold)
{
	free_all(hold);
	spore__ahead_hold_lost(wires_of(hold), hold);
	hold->unsaid = 0;
	hold->ports_due = 0;
	hold->ports_known = false;
	wires_of(hold)->sweep = true;
	spore__wire_unblock(wires_of(hold), hold, SIZE_MAX);
}

void spore__ports_flushed(struct spore__hold *hold)
{
	spore__wire_unblock(wires_of(hold), hold, SPORE__HOLD_UNWIRED);
}
