#include "node/bridged.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bridge/start.h"
#include "node/adopted.h"
#include "node/hold.h"
#include "node/methods.h"
#include "node/task_params.h"
#include "node/wire_ask.h"
#include "os/os.h"
#include "pass.h"

// ---- what is to be

struct spore__face spore__bridged_face(const struct spore__port *p, const struct spore__wire_end *e)
{
	return (struct spore__face){p->name,  p->kind, p->shape, p->protocol, e->protocol, p->framing,
	                            p->plain, p->as,   0};
}

bool spore__bridged_plan(const struct spore__wire *wire, const struct spore__port *p, const struct spore__port *q,
                         struct spore__plan *plan, char *why, size_t size)
{
	const struct spore__face from = spore__bridged_face(p, &wire->ends[0]),
	                         to = spore__bridged_face(q, &wire->ends[1]);
	return spore__plan_wire(&from, &to, wire->duplex, wire->lossless, plan, why, size);
}

bool spore__bridged_stands(const struct spore__port *p, const struct spore__port *q)
{
	const struct spore__wire_end none = {0};
	struct spore__face from = spore__bridged_face(p, &none), to = spore__bridged_face(q, &none);
	char names[2][SPORE__PORT_NAME + SPORE__HOLD_WORD], why[16];
	spore__hold_port_name(p->hold, p->name, names[0], sizeof names[0]);
	spore__hold_port_name(q->hold, q->name, names[1], sizeof names[1]);
	from.name = names[0];
	to.name = names[1];
	return spore__plan_wire(&from, &to, false, false, NULL, why, sizeof why);
}

static bool has(const struct spore__port *p, const char *feature)
{
	return (p->transports & spore__channel_bit(feature, strlen(feature))) != 0;
}

const char *spore__bridged_transport(const struct spore__port *p)
{
	static const char *const plain[][2] = {{"pipes-1", "pipes"}, {"pipe-1", "pipe"}, {"stream-1", "stream"}};
	for (size_t i = 0; p->plain && i < sizeof plain / sizeof plain[0]; i++)
		if (has(p, plain[i][0]))
			return plain[i][1];
	// A stream and no ring, also between programs with libspore: what is in its socket outlives the process that parses it.
	if (!p->plain && strcmp(p->kind, "bytes") == 0)
		return has(p, "bytes-1") ? "bytes" : NULL;
	return !p->plain && has(p, "stream-1") ? "stream" : NULL;
}

// ---- making

// The bridge's end of the channel on SIDE is *OURS, the program's *THEIRS.
static bool make_side(struct spore__tasks *t, const struct spore__port *p, int side, struct spore__channel_end *theirs,
                      struct spore__channel_end *ours)
{
	struct spore__channel_end ends[2];
	const char *transport = spore__bridged_transport(p);
	enum spore_err err = transport == NULL ? SPORE_EUNSUPPORTED : spore__joint_make(&t->wires, transport, ends);
	if (err != SPORE_OK) {
		errno = err == SPORE_ESYSTEM ? errno : err == SPORE_ENOMEM ? ENOMEM : ENOTSUP;
		return false;
	}
	*theirs = ends[side];
	*ours = ends[1 - side];
	return true;
}

static void describe(const struct spore__port *p, const struct spore__plan *plan, int side,
                     const struct spore__channel_end *ours, struct spore__bridge_start_end *out)
{
	bool framed = p->plain && p->framing[0] != '\0' && strcmp(p->framing, "lines") != 0;
	bool one_way = strcmp(ours->transport, "pipe") == 0;
	spore__hold_port_name(p->hold, p->name, out->name, sizeof out->name);
	(void)snprintf(out->spec, sizeof out->spec, "%s", plan->specs[side]);
	(void)snprintf(out->how, sizeof out->how, "%s",
	               framed                                      ? p->framing
	               : p->plain || strcmp(p->kind, "bytes") == 0 ? "stream"
	                                                           : "messages");
	out->role = plan->roles[side];
	// Of a pipe the left program writes, and the right one reads.
	out->reads = !one_way || side == 0;
	out->writes = !one_way || side == 1;
	out->count = ours->count;
	out->ended = p->hold->runs_heard ? p->hold->run_ended : -1;
}

static bool send_start(int fd, const struct spore__bridge_start *s, const struct spore__channel_end ours[2])
{
	struct spore__msgpack_writer w = {0};
	int fds[2 * SPORE__END_FDS];
	unsigned count = 0;
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < ours[i].count; k++)
			fds[count++] = ours[i].fds[k];
	spore__bridge_start_encode(s, &w);
	ssize_t n = -1;
	if (w.err == 0 && w.len <= SPORE__BRIDGE_START_MAX)
		while ((n = spore__pass_send(fd, w.data, w.len, fds, count)) < 0 && errno == EINTR)
			;
	bool good = n >= 0 && (size_t)n == w.len;
	spore__msgpack_writer_finish(&w);
	return good;
}

static bool start(const struct spore__tasks *t, const struct spore__bridge_start *s,
                  const struct spore__channel_end ours[2], pid_t *pid)
{
	const char *const argv[] = {t->bridge, "between", s->ends[0].name, s->ends[1].name, NULL};
	int pair[2] = {-1, -1}, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool good = null >= 0 && spore__os_socketpair(pair) == 0 && send_start(pair[0], s, ours);
	if (good) {
		const struct spore__spawn spawn = {
		    .argv = argv,
		    .cwd = "/",
		    .fds = {null, null, -1},
		    .fourth = pair[1],
		    .session = true,
		    .reset_signals = true,
		};
		good = spore__os_spawn(&spawn, pid) == 0;
	}
	int saved = errno;
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
	if (null >= 0)
		close(null);
	errno = saved;
	return good;
}

bool spore__bridged_make(struct spore__tasks *t, struct spore__joint *j, const struct spore__plan *plan,
                         struct spore__channel_end ends[2], char *why, size_t size)
{
	struct spore__channel_end ours[2];
	struct spore__bridge_start s = {0};
	char folder[PATH_MAX];
	int made = 0;
	pid_t pid = 0;
	while (made < 2 && make_side(t, j->ports[made], made, &ends[made], &ours[made]))
		made++;
	bool good = made == 2;
	if (good) {
		for (int i = 0; i < 2; i++)
			describe(j->ports[i], plan, i, &ours[i], &s.ends[i]);
		good = spore__adopted_folder(t, j, spore__shape_of(j->ports[0]->shape) == SPORE__SHAPE_SERVE, folder) &&
		       (size_t)snprintf(s.record, sizeof s.record, "%s/bridge-%" PRIu64, folder, j->serial) <
		           sizeof s.record;
		(void)snprintf(s.state, sizeof s.state, "%s", t->state);
		good = good && start(t, &s, ours, &pid);
	}
	int saved = errno;
	for (int i = 0; i < made; i++)
		spore__channel_end_close(&ours[i]);
	if (!good) {
		(void)snprintf(why, size, "%s, the bridge between them, cannot be started: %s", t->bridge,
		               strerror(saved));
		for (int i = 0; i < made; i++)
			spore__channel_end_close(&ends[i]);
		errno = saved;
		return false;
	}
	j->relay = pid;
	j->bridged = true;
	for (int i = 0; i < 2; i++)
		if (j->ports[i]->plain && strcmp(ends[i].transport, "bytes") == 0)
			ends[i].transport = "stream";
	return true;
}

// ---- those of an earlier node

static bool find_record(const struct spore__tasks *t, struct spore__joint *j, char folder[PATH_MAX],
                        struct spore__bridge_record *record)
{
	for (int i = 0; i < 2; i++)
		if (spore__adopted_folder(t, j, i, folder) && spore__bridge_record_read(folder, j->serial, record)) {
			j->relay = (pid_t)record->pid;
			return true;
		}
	return false;
}

bool spore__bridged_is_there(struct spore__tasks *t, struct spore__joint *j)
{
	struct spore__bridge_record record;
	char folder[PATH_MAX];
	return find_record(t, j, folder, &record);
}

// That an instance at its end SIDE has ended, which it may not know yet: the node that it had then is gone.
static void tell(struct spore__tasks *t, struct spore__joint *j, int side)
{
	const struct spore__port *p = j->ports[side];
	struct spore__bridge_record record;
	char folder[PATH_MAX];
	if (p == NULL || !p->plain || !p->hold->runs_heard || !find_record(t, j, folder, &record) || j->relay <= 0 ||
	    record.told[side] >= p->hold->run_ended)
		return;
	if (record.told[side] >= 0)
		(void)kill(j->relay, side == 0 ? SIGUSR1 : SIGUSR2);
	spore__bridge_record_told(folder, j->serial, side, p->hold->run_ended);
}

void spore__bridged_found(struct spore__tasks *t, struct spore__joint *j)
{
	j->bridged = true;
	tell(t, j, 0);
	tell(t, j, 1);
	spore__adopted_watch(t, j);
}

void spore__bridged_restarted(struct spore__hold *hold)
{
	for (const struct spore__port *p = hold->ports; p != NULL; p = p->next_of_hold)
		for (size_t i = 0; p->plain && i < p->joint_count; i++) {
			struct spore__joint *j = p->joints[i];
			// Asked of its record each time: it may be no child of this node's, and its number another's.
			if (j->bridged)
				tell(hold->tasks, j, j->ports[0] == p ? 0 : 1);
		}
}

// ---- wires.resend

static struct spore__tasks *tasks_of(const struct spore__rpc_call *call)
{
	return &((struct spore__node *)spore__rpc_call_data(call))->tasks;
}

static void resend(struct spore__rpc_call *call)
{
	struct spore__asking a = {.t = tasks_of(call), .call = call};
	struct spore__wish wish = {0};
	char port[SPORE__PORT_NAME], peer[SPORE__PORT_NAME];
	uint64_t count = 0;
	if (!spore__param_text(call, 0, "port", port, sizeof port) ||
	    !spore__param_text(call, 1, "peer", peer, sizeof peer) ||
	    !spore__param_text(call, 2, "from", a.from, sizeof a.from) || !spore__end_take(&a, port, 0, &wish) ||
	    !spore__end_take(&a, peer, 1, &wish))
		return;
	const struct spore__plug *plug =
	    spore__plug_find(&a.t->wires, wish.ends[0].system, wish.ends[0].task, wish.ends[0].port, false);
	for (const struct spore__port *p = plug != NULL ? plug->ports : NULL; p != NULL; p = p->next)
		for (size_t i = 0; i < p->joint_count; i++) {
			struct spore__joint *j = p->joints[i];
			const struct spore__port *other = j->ports[j->ports[0] == p];
			if (!j->bridged || other == NULL || other->plug == NULL ||
			    strcmp(other->plug->task, wish.ends[1].task) != 0 ||
			    strcmp(other->plug->system, wish.ends[1].system) != 0 ||
			    strcmp(other->plug->port, wish.ends[1].port) != 0 || !spore__bridged_is_there(a.t, j))
				continue;
			count += kill(j->relay, SIGHUP) == 0;
		}
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	spore__msgpack_map(w, 1);
	spore__msgpack_str(w, "bridges");
	spore__msgpack_uint(w, count);
	spore__rpc_call_done(call);
}

static const struct spore__rpc_field params[] = {
    {"port", "str", "[SYSTEM/]TASK[@REPLICA].PORT", false},
    {"peer", "str", "the port at the other end", false},
    {"from", "str", "absolute path of the caller's folder", true},
    {0},
};
static const struct spore__rpc_field result[] = {
    {"bridges", "int", "how many were told", false},
    {0},
};
static const enum spore_err errors[] = {SPORE_EINVALID, SPORE_ENOTFOUND, SPORE_OK};

const struct spore__rpc_method spore__bridged_methods[] = {
    {"wires.resend", resend, "tell the bridges of a wire that parked messages are to be sent again", params, result,
     errors},
    {0},
};
