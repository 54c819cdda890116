// What a wire is like, and what it waits for, in words.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bridge/dead.h"
#include "bridge/plan.h"
#include "node/bridged.h"
#include "node/declared.h"
#include "node/hold.h"
#include "node/tasks.h"
#include "node/wires.h"

// Was the subscriber at J cut off by its publisher, which has closed that channel? Neither hold knows.
static bool is_cut_off(const struct spore__joint *j)
{
	const struct spore__tasks *t = j->ports[0]->hold->tasks;
	char names[2][SPORE__PORT_NAME + SPORE__HOLD_WORD];
	for (const struct spore__wire_broken *b = j->wire->broken; (b = spore__wire_broken(t, j->wire, b)) != NULL;
	     b = b->next) {
		if (strcmp(b->transport, SPORE__BROKEN_SLOW) != 0)
			continue;
		for (int i = 0; i < 2; i++)
			spore__hold_port_name(j->ports[i]->hold, j->ports[i]->name, names[i], sizeof names[i]);
		if (strcmp(names[0], b->to) == 0 && strcmp(names[1], b->from) == 0)
			return true;
	}
	return false;
}

size_t spore__wire_joints(const struct spore__wire *wire, size_t *unsaid, const char **transport)
{
	size_t count = 0;
	*unsaid = 0;
	*transport = "";
	for (const struct spore__port *p = wire->ends[0].plug->ports; p != NULL; p = p->next)
		for (size_t i = 0; i < p->joint_count; i++) {
			const struct spore__joint *j = p->joints[i];
			if (j->wire != wire || j->ports[0] == NULL || j->ports[1] == NULL || is_cut_off(j))
				continue;
			count++;
			*unsaid += !j->said[0] || !j->said[1] || j->moves;
			bool pumped = j->ports[0]->pumped || j->ports[1]->pumped;
			*transport = pumped && strcmp(j->transport, "bridge") != 0 ? "pump" : j->transport;
		}
	return count;
}

static const struct spore__port *open_port(const struct spore__wire_end *e)
{
	for (const struct spore__port *p = e->plug->ports; p != NULL; p = p->next)
		if (spore__wire_fits_replica(e, p))
			return p;
	return NULL;
}

void spore__wire_face(const struct spore__wire_end *e, const struct spore__spec *spec, struct spore__declared *room,
                      char name[SPORE__PORT_NAME], struct spore__face *face)
{
	const struct spore__port *p = open_port(e);
	spore__wire_end_name(e, name);
	*face = (struct spore__face){
	    name, "", "", "", e->protocol, "", spore__port_is_standard(e->plug->port), SPORE__AS_NONE, 0};
	if (face->plain) {
		face->kind = "bytes";
		face->shape = "connect";
	}
	if (p != NULL) {
		face->kind = p->kind;
		face->shape = p->shape;
		face->protocol = p->protocol;
		face->framing = p->framing;
		face->plain = p->plain;
		face->as = p->as;
	} else if (spec != NULL && spore__declared_find(spec->ports, e->plug->port, room)) {
		face->as = spore__port_as_of(room->as);
		face->plain |= !spec->control || face->as != SPORE__AS_NONE;
		face->kind = face->plain && room->kind[0] == '\0' ? "bytes" : room->kind;
		face->shape = face->plain && room->shape[0] == '\0' ? "connect" : room->shape;
		face->protocol = room->protocol;
		face->framing = room->framing;
	}
}

// Why nothing is plugged into E. False: something is.
static bool waits_for_port(const struct spore__tasks *t, const struct spore__wire_end *e, char *why, size_t size)
{
	const struct spore__plug *plug = e->plug;
	size_t count, first = spore__table_range(&t->table, plug->system, plug->task, &count);
	char task[SPORE__PORT_NAME];
	if (open_port(e) != NULL)
		return false;
	(void)snprintf(task, sizeof task, "%s%s%s", plug->system, plug->system[0] != '\0' ? "/" : "", plug->task);
	const struct spore__task *runs = NULL;
	for (size_t i = first; i < first + count; i++)
		if (spore__task_is_active(t->table.tasks[i]) &&
		    (e->replica == 0 || t->table.tasks[i]->replica == e->replica))
			runs = t->table.tasks[i];
	bool ended = count > 0 && t->table.tasks[first]->state == SPORE__TASK_ENDED;
	bool failed = count > 0 && t->table.tasks[first]->state == SPORE__TASK_FAILED;
	const struct spore__hold *hold = runs != NULL ? runs->hold != NULL ? runs->hold : runs->old : NULL;
	if (count == 0)
		(void)snprintf(why, size, "there is no task %s", task);
	else if (runs == NULL && failed)
		(void)snprintf(
		    why, size,
		    "%s does not run: it is failed; 'spore logs %s' may say why, and 'spore start %s' runs it "
		    "again",
		    task, task, task);
	else if (runs == NULL)
		(void)snprintf(why, size, "%s does not run: it is %s%s%s%s", task,
		               spore__task_state_word(t->table.tasks[first]->state), ended ? "; 'spore start " : "",
		               ended ? task : "", ended ? "' runs it again" : "");
	else if (hold->connected && hold->ports_known && !hold->speaks_ports)
		(void)snprintf(why, size, "the hold of %s is older than ports; 'spore restart %s' makes a new one",
		               task, task);
	else if (!hold->ports_known)
		(void)snprintf(why, size, "the hold of %s has not been heard yet", task);
	else
		(void)snprintf(why, size, "%s has no port %s open%s", task, plug->port,
		               runs->state == SPORE__TASK_RUNNING ? "" : "; it is not ready");
	return true;
}

// The wire that has the one channel of P, or is to have it. NULL: it is free.
static const struct spore__wire *taken_by(const struct spore__port *p, const struct spore__wire *wire)
{
	if (!spore__shape_is_single(spore__shape_of(p->shape)))
		return NULL;
	for (size_t i = 0; i < p->joint_count; i++)
		if (p->joints[i]->wire != NULL && p->joints[i]->wire != wire)
			return p->joints[i]->wire;
	return spore__wire_elder(wire, p);
}

static bool is_taken(const struct spore__wire *wire, char *why, size_t size)
{
	for (int i = 0; i < 2; i++) {
		const struct spore__port *p = open_port(&wire->ends[i]);
		const struct spore__wire *other = p != NULL ? taken_by(p, wire) : NULL;
		if (other == NULL)
			continue;
		char name[SPORE__PORT_NAME], from[SPORE__PORT_NAME], to[SPORE__PORT_NAME];
		spore__wire_end_name(&wire->ends[i], name);
		spore__wire_end_name(&other->ends[0], from);
		spore__wire_end_name(&other->ends[1], to);
		(void)snprintf(why, size,
		               "%s has one channel only, and %s to %s was first; 'spore unwire %s %s' leaves it to "
		               "this one",
		               name, from, to, from, to);
		return true;
	}
	return false;
}

// One of several replicas to which the other end has no channel left.
static void look_for_leftover(const struct spore__tasks *t, const struct spore__wire *wire, char *why, size_t size)
{
	char name[SPORE__PORT_NAME + SPORE__HOLD_WORD], other[SPORE__PORT_NAME];
	for (int side = 0; side < 2; side++)
		for (const struct spore__port *p = wire->ends[side].plug->ports; p != NULL; p = p->next) {
			if (!spore__wire_leaves(t, wire, side, p))
				continue;
			spore__hold_port_name(p->hold, p->name, name, sizeof name);
			spore__wire_end_name(&wire->ends[1 - side], other);
			(void)snprintf(why, size,
			               "%s waits: %s has no channel for it; give both tasks as many replicas", name,
			               other);
			return;
		}
}

static bool is_outdated(const struct spore__port *p)
{
	return p->hold->outdated && spore__port_is_going(p);
}

// Of ports that are open, with these FACES. PLAN is set where they do fit.
static bool is_unfit(const struct spore__wire *wire, const struct spore__face faces[2], struct spore__plan *plan,
                     char *why, size_t size)
{
	if (spore__port_contradicts(open_port(&wire->ends[0]), why, size) ||
	    spore__port_contradicts(open_port(&wire->ends[1]), why, size) ||
	    !spore__plan_wire(&faces[0], &faces[1], wire->duplex, wire->lossless, plan, why, size) ||
	    is_taken(wire, why, size))
		return true;
	if (!spore__fault_relays(&wire->fault) ||
	    spore__fault_fits(wire, &wire->fault, faces, plan->bridged, why, size))
		return false;
	size_t len = strlen(why);
	(void)snprintf(why + len, size - len, "; first 'spore fault %s off'", faces[0].name);
	return true;
}

bool spore__wire_is_unfit(const struct spore__wire *wire, char *why, size_t size)
{
	struct spore__declared room;
	struct spore__plan plan;
	struct spore__face faces[2];
	char left[SPORE__PORT_NAME], right[SPORE__PORT_NAME];
	if (open_port(&wire->ends[0]) == NULL || open_port(&wire->ends[1]) == NULL)
		return false;
	spore__wire_face(&wire->ends[0], NULL, &room, left, &faces[0]);
	spore__wire_face(&wire->ends[1], NULL, &room, right, &faces[1]);
	return is_unfit(wire, faces, &plan, why, size);
}

static void why_not(struct spore__tasks *t, const struct spore__wire *wire, char *why, size_t size)
{
	struct spore__face faces[2];
	struct spore__declared room;
	char left[SPORE__PORT_NAME], right[SPORE__PORT_NAME];
	if (wire->fault.cut) {
		spore__wire_end_name(&wire->ends[0], left);
		(void)snprintf(why, size, "it is cut on purpose; 'spore fault %s off' makes it whole", left);
		return;
	}
	if (waits_for_port(t, &wire->ends[0], why, size) || waits_for_port(t, &wire->ends[1], why, size))
		return;
	const struct spore__port *p = open_port(&wire->ends[0]), *q = open_port(&wire->ends[1]);
	spore__wire_face(&wire->ends[0], NULL, &room, left, &faces[0]);
	spore__wire_face(&wire->ends[1], NULL, &room, right, &faces[1]);
	if (p->hold->stop_sent || q->hold->stop_sent) {
		const struct spore__hold_name *n = &(p->hold->stop_sent ? p : q)->hold->name;
		(void)snprintf(why, size, "%s%s%s is being stopped", n->system, n->system[0] != '\0' ? "/" : "",
		               n->task);
		return;
	}
	if (is_outdated(p) || is_outdated(q)) {
		const struct spore__hold_name *n = &(is_outdated(p) ? p : q)->hold->name;
		(void)snprintf(why, size, "%s%s%s is to be replaced by 'spore up'", n->system,
		               n->system[0] != '\0' ? "/" : "", n->task);
		return;
	}
	struct spore__plan plan;
	if (is_unfit(wire, faces, &plan, why, size))
		return;
	if (p->transports == 0 || q->transports == 0)
		(void)snprintf(why, size, "the program of %s knows no transport that this node can make",
		               p->transports == 0 ? left : right);
	else if (plan.bridged && (spore__bridged_transport(p) == NULL || spore__bridged_transport(q) == NULL))
		(void)snprintf(why, size, "the program of %s knows no stream, which a bridge needs",
		               spore__bridged_transport(p) == NULL ? left : right);
	else if (!plan.bridged && (p->transports & q->transports) == 0)
		(void)snprintf(why, size, "the programs of %s and %s know no transport in common", left, right);
	else if (wire->trouble[0] != '\0')
		(void)snprintf(why, size, "%s", wire->trouble);
	else if (wire->blocked != NULL)
		(void)snprintf(why, size, "%s%s%s does not read what it is told", wire->blocked->name.system,
		               wire->blocked->name.system[0] != '\0' ? "/" : "", wire->blocked->name.task);
	else
		look_for_leftover(t, wire, why, size);
}

static void why_fault(const struct spore__wire *wire, char *why, size_t size)
{
	if (wire->changes)
		(void)snprintf(why, size, "its fault changes once what is under way has been received");
	if (wire->changes || wire->lost == 0)
		return;
	bool one = wire->lost == 1;
	if (spore__fault_relays(&wire->fault))
		(void)snprintf(why, size,
		               "%" PRIu64 " message%s that a fault held back %s lost: the process that makes it ended",
		               wire->lost, one ? "" : "s", one ? "is" : "are");
	else
		(void)snprintf(why, size, "%" PRIu64 " message%s with the process between its ends %s lost: it ended",
		               wire->lost, one ? " that was" : "s that were", one ? "is" : "are");
}

static void put_text(struct spore__msgpack_writer *w, const char *key, const char *value)
{
	spore__msgpack_str(w, key);
	spore__msgpack_str(w, value);
}

// Messages that its bridges could not translate, and that nobody has looked after.
static uint64_t parked(struct spore__tasks *t, const struct spore__wire *wire)
{
	uint64_t all = 0, waiting, ever;
	for (const struct spore__port *p = wire->ends[0].plug->ports; p != NULL; p = p->next)
		for (size_t i = 0; i < p->joint_count; i++) {
			const struct spore__joint *j = p->joints[i];
			char names[2][SPORE__PORT_NAME + SPORE__HOLD_WORD];
			if (j->wire != wire || j->ports[0] == NULL || j->ports[1] == NULL)
				continue;
			for (int k = 0; k < 2; k++)
				spore__hold_port_name(j->ports[k]->hold, j->ports[k]->name, names[k], sizeof names[k]);
			spore__dead_count(t->state, names[0], names[1], &waiting, &ever);
			all += waiting;
		}
	return all;
}

// Of a listener the whole way is told. "ADDRESS (PROTOCOL)".
static void plan_listener(const struct spore__wire *wire, const struct spore__face *to, char chain[SPORE__PLAN_CHAIN],
                          char losses[SPORE__PLAN_TEXT])
{
	char address[SPORE__LISTENS], name[SPORE__LISTENS + 16], right[SPORE__PORT_NAME], why[16];
	struct spore__plan plan;
	(void)snprintf(address, sizeof address, "%s", wire->listens);
	char *bracket = strrchr(address, '('), *end = strrchr(address, ')');
	if (bracket == NULL || end == NULL || bracket == address)
		return;
	bracket[-1] = *end = '\0';
	(void)snprintf(name, sizeof name, "listen %s", address);
	spore__wire_end_name(&wire->ends[1], right);
	if (!spore__plan_listener(name, bracket + 1, to, false, &plan, why, sizeof why) || !plan.bridged)
		return;
	spore__plan_chain(&plan, chain);
	spore__plan_losses(&plan, name, right, losses);
}

// The bridge of WIRE as far as its ports are known, and what is lost in it: "" for none.
static void put_bridge(struct spore__tasks *t, struct spore__msgpack_writer *w, const struct spore__wire *wire,
                       const char *transport)
{
	struct spore__face from, to;
	struct spore__declared rooms[2];
	char left[SPORE__PORT_NAME], right[SPORE__PORT_NAME], why[16];
	char chain[SPORE__PLAN_CHAIN] = "", losses[SPORE__PLAN_TEXT] = "", text[SPORE__PLAN_CHAIN + 16];
	struct spore__plan plan;
	spore__wire_face(&wire->ends[0], NULL, &rooms[0], left, &from);
	spore__wire_face(&wire->ends[1], NULL, &rooms[1], right, &to);
	from.wished = wire->ends[0].protocol;
	to.wished = wire->ends[1].protocol;
	if (spore__plan_wire(&from, &to, wire->duplex, wire->lossless, &plan, why, sizeof why) && plan.bridged) {
		spore__plan_chain(&plan, chain);
		spore__plan_losses(&plan, left, right, losses);
	}
	bool bridged = strcmp(transport, "bridge") == 0 && chain[0] != '\0', parks = chain[0] != '\0';
	(void)snprintf(text, sizeof text, "%s%s%s", transport, bridged ? " " : "", bridged ? chain : "");
	put_text(w, "transport", text);
	if (wire->listens[0] != '\0')
		plan_listener(wire, &to, chain, losses);
	put_text(w, "bridge", chain);
	put_text(w, "losses", losses);
	spore__msgpack_str(w, "parked");
	spore__msgpack_uint(w, parks ? parked(t, wire) : 0);
}

// B is the last of those that were too slow.
static void say_slow(const struct spore__tasks *t, const struct spore__wire *wire, const struct spore__wire_broken *b,
                     char *out, size_t size)
{
	char from[SPORE__PORT_NAME], to[SPORE__PORT_NAME];
	size_t count = 0;
	for (const struct spore__wire_broken *c = b; c != NULL; c = spore__wire_broken(t, wire, c->next))
		count += strcmp(c->transport, SPORE__BROKEN_SLOW) == 0;
	bool one = count == 1;
	spore__wire_end_name(&wire->ends[0], to);
	spore__wire_end_name(&wire->ends[1], from);
	const char *subscriber = one ? b->from : from;
	char who[SPORE__PORT_NAME + 40];
	if (one)
		(void)snprintf(who, sizeof who, "%s was", b->from);
	else
		(void)snprintf(who, sizeof who, "%zu replicas of %s were", count, from);
	(void)snprintf(out, size,
	               "%s too slow, so %s cut %s off (disconnect); 'spore restart %.*s' subscribes %s anew, "
	               "'spore wire' with --slow another way keeps %s",
	               who, one ? b->to : to, one ? "it" : "them", (int)strcspn(subscriber, "."), subscriber,
	               one ? "it" : "them", one ? "it" : "them");
}

static void say_broken(const struct spore__tasks *t, const struct spore__wire *wire, char *out, size_t size)
{
	const struct spore__wire_broken *b = spore__wire_broken(t, wire, wire->broken);
	if (b == NULL)
		return;
	if (strcmp(b->transport, SPORE__BROKEN_SLOW) == 0) {
		say_slow(t, wire, b, out, size);
		return;
	}
	if (strcmp(b->transport, SPORE__BROKEN_UNREAD) == 0) {
		const struct spore__plug *left = wire->ends[0].plug; // after which the bridge's log is called
		(void)snprintf(out, size,
		               "%s sent what the bridge to %s cannot read, so it closed that channel; 'spore logs "
		               "%s%sbridge-%s-%s' "
		               "says what",
		               b->from, b->to, left->system, left->system[0] != '\0' ? "/" : "", left->task,
		               left->port);
		return;
	}
	static const char *const framings[] = {"lines", "u32le", "u32be", "netstring"};
	bool framed = false;
	for (size_t i = 0; i < sizeof framings / sizeof framings[0]; i++)
		framed |= strcmp(b->transport, framings[i]) == 0;
	(void)snprintf(out, size, "%s sent what %s%s, so %s closed that channel", b->from,
	               framed ? "is not in the framing " : "breaks the rules of the channel",
	               framed ? b->transport : "", b->to);
}

void spore__wire_view(struct spore__tasks *t, const struct spore__wire *wire, struct spore__msgpack_writer *w)
{
	char from[SPORE__PORT_NAME], to[SPORE__PORT_NAME], why[6 * SPORE__PORT_NAME] = "";
	const char *transport;
	size_t unsaid, count = spore__wire_joints(wire, &unsaid, &transport);
	spore__wire_end_name(&wire->ends[0], from);
	spore__wire_end_name(&wire->ends[1], to);
	if (count == 0)
		why_not(t, wire, why, sizeof why);
	else if (unsaid > 0)
		(void)snprintf(why, sizeof why, "%zu on the way to programs that have not read of it", unsaid);
	else if (wire->trouble[0] != '\0')
		(void)snprintf(why, sizeof why, "%s", wire->trouble);
	else
		look_for_leftover(t, wire, why, sizeof why);
	if (why[0] == '\0')
		why_fault(wire, why, sizeof why);
	char broken[4 * SPORE__PORT_NAME] = "";
	say_broken(t, wire, broken, sizeof broken);
	char fault[SPORE__FAULT_TEXT];
	spore__fault_text(&wire->fault, fault);
	spore__msgpack_map(w, 20);
	put_text(w, "broken", broken);
	put_text(w, "fault", fault);
	put_text(w, "listens", wire->listens);
	put_text(w, "slow", wire->slow);
	spore__msgpack_str(w, "redeliver");
	spore__msgpack_bool(w, wire->redeliver);
	spore__msgpack_str(w, "tap");
	spore__msgpack_bool(w, wire->tap);
	put_text(w, "from", from);
	put_text(w, "to", to);
	spore__msgpack_str(w, "duplex");
	spore__msgpack_bool(w, wire->duplex);
	put_text(w, "from_protocol", wire->ends[0].protocol);
	put_text(w, "to_protocol", wire->ends[1].protocol);
	put_text(w, "system", wire->owner);
	put_bridge(t, w, wire, transport);
	spore__msgpack_str(w, "lossless");
	spore__msgpack_bool(w, wire->lossless);
	put_text(w, "state", count == 0 ? "waiting" : unsaid > 0 ? "wiring" : "wired");
	spore__msgpack_str(w, "channels");
	spore__msgpack_uint(w, count);
	put_text(w, "why", why);
}
