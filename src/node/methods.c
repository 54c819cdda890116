#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "node/db_builds.h"
#include "node/methods.h"
#include "os/os.h"

static struct spore__node *node_of(const struct spore__rpc_call *call)
{
	return spore__rpc_call_data(call);
}

static void fail_db(struct spore__rpc_call *call, int rc)
{
	const char *why = node_of(call)->db.error;
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		spore__rpc_call_fail(call, SPORE_ENOMEM, "out of memory");
		break;
	case SQLITE_FULL:
		spore__rpc_call_fail(call, SPORE_ESYSTEM,
		                     "the state cannot be written: %s; free some space on its disk", why);
		break;
	default:
		spore__rpc_call_fail(call, SPORE_ESYSTEM, "the state cannot be used: %s", why);
	}
}

static void ping(struct spore__rpc_call *call)
{
	spore__msgpack_nil(spore__rpc_call_result(call));
	spore__rpc_call_done(call);
}

static void put_int(struct spore__msgpack_writer *w, const char *key, int64_t value)
{
	spore__msgpack_str(w, key);
	spore__msgpack_int(w, value);
}

static void status(struct spore__rpc_call *call)
{
	struct spore__node *node = node_of(call);
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	struct spore__build_counts counts;
	int rc = spore__db_builds_count(&node->db, &counts);
	long kib = spore__os_private_kib();
	spore__msgpack_map(w, 10);
	spore__msgpack_str(w, "version");
	spore__msgpack_str(w, node->service.version);
	put_int(w, "pid", getpid());
	put_int(w, "uptime_s", (int64_t)((uv_hrtime() - node->started) / 1000000000));
	spore__msgpack_str(w, "private_kib");
	if (kib >= 0)
		spore__msgpack_int(w, kib);
	else
		spore__msgpack_nil(w);
	spore__msgpack_str(w, "builds");
	spore__msgpack_map(w, 4);
	put_int(w, "queued", counts.of[SPORE__BUILD_QUEUED]);
	put_int(w, "running", counts.of[SPORE__BUILD_RUNNING]);
	put_int(w, "done", counts.of[SPORE__BUILD_DONE]);
	put_int(w, "failed", counts.of[SPORE__BUILD_FAILED]);
	put_int(w, "tasks", (int64_t)node->tasks.table.count);
	put_int(w, "running", (int64_t)spore__tasks_running(&node->tasks));
	spore__msgpack_str(w, "state_error");
	spore__msgpack_str(w, rc == SQLITE_OK ? NULL : node->db.error);
	spore__msgpack_str(w, "corrupted");
	spore__msgpack_str(w, node->db.aside[0] != '\0' ? node->db.aside : NULL);
	spore__msgpack_str(w, "address");
	spore__msgpack_str(w, node->place.socket);
	spore__rpc_call_done(call);
}

static void stop(struct spore__rpc_call *call)
{
	struct spore__node *node = node_of(call);
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	spore__msgpack_map(w, 1);
	put_int(w, "running", (int64_t)spore__tasks_running(&node->tasks));
	spore__rpc_call_done(call);
	spore__node_stop(node);
}

static void optimise(struct spore__rpc_call *call)
{
	struct spore__node *node = node_of(call);
	char source[PATH_MAX];
	if (!spore__rpc_call_string(call, 0, "source", source, sizeof source))
		return;
	if (source[0] != '/') {
		spore__rpc_call_fail(call, SPORE_EINVALID, "%.300s: not an absolute path", source);
		return;
	}
	if (access(source, F_OK) != 0) {
		spore__rpc_call_fail(call, SPORE_ENOTFOUND, "%.300s: %s", source, strerror(errno));
		return;
	}
	int rc = spore__db_builds_ask(&node->db, source);
	if (rc != SQLITE_OK) {
		fail_db(call, rc);
		return;
	}
	spore__msgpack_nil(spore__rpc_call_result(call));
	spore__rpc_call_done(call);
	spore__builds_next(&node->builds);
}

struct listing {
	struct spore__msgpack_writer *w;
	uint32_t count;
};

static bool put_build(void *arg, const char *source, enum spore__build_state state, const char *reason, int64_t asked,
                      int64_t ended)
{
	static const char *const states[] = {"queued", "running", "done", "failed"};
	struct listing *l = arg;
	if (l->w->len > SPORE__RPC_MAX_MESSAGE / 2 || source == NULL)
		return false;
	spore__msgpack_map(l->w, 5);
	spore__msgpack_str(l->w, "source");
	spore__msgpack_str(l->w, source);
	spore__msgpack_str(l->w, "state");
	spore__msgpack_str(l->w, states[state & 3]);
	spore__msgpack_str(l->w, "reason");
	spore__msgpack_str(l->w, reason);
	put_int(l->w, "asked", asked);
	spore__msgpack_str(l->w, "ended");
	if (ended != 0)
		spore__msgpack_int(l->w, ended);
	else
		spore__msgpack_nil(l->w);
	l->count++;
	return l->w->err == 0;
}

// The count comes before the builds, so they are written apart first.
static void list(struct spore__rpc_call *call)
{
	struct spore__msgpack_writer rows = {0};
	struct listing l = {.w = &rows};
	int rc = spore__db_builds_list(&node_of(call)->db, put_build, &l);
	if (rc == SQLITE_OK && rows.err == 0) {
		struct spore__msgpack_writer *w = spore__rpc_call_result(call);
		spore__msgpack_map(w, 1);
		spore__msgpack_str(w, "builds");
		spore__msgpack_array(w, l.count);
		spore__msgpack_raw(w, rows.data, rows.len);
		spore__rpc_call_done(call);
	} else {
		fail_db(call, rc == SQLITE_OK ? SQLITE_NOMEM : rc);
	}
	spore__msgpack_writer_finish(&rows);
}

static const struct spore__rpc_field status_result[] = {
    {"version", "str", "of the node", false},
    {"pid", "int", "its process", false},
    {"uptime_s", "int", "seconds since it started", false},
    {"private_kib", "int", "memory that it shares with no other process; nil where that cannot be told", true},
    {"builds", "map", "how many background builds are queued, running, done and failed", false},
    {"tasks", "int", "how many are defined", false},
    {"running", "int", "how many of them have something running", false},
    {"state_error", "str", "why the state cannot be read now; nil: it can", true},
    {"corrupted", "str", "where a corrupted state was put aside since the node started; nil: it was not", true},
    {"address", "str", "the path of the socket", false},
    {0},
};

static const struct spore__rpc_field stop_result[] = {
    {"running", "int", "how many tasks go on running without the node", false},
    {0},
};

static const struct spore__rpc_field optimise_params[] = {
    {"source", "str", "absolute path of the C file", false},
    {0},
};

static const struct spore__rpc_field list_result[] = {
    {"builds", "array", "of maps: source, state (queued, running, done, failed), reason, asked, ended", false},
    {0},
};

static const enum spore_err optimise_errors[] = {SPORE_EINVALID, SPORE_ETOOBIG, SPORE_ENOTFOUND,
                                                 SPORE_ENOMEM,   SPORE_ESYSTEM, SPORE_OK};
static const enum spore_err state_errors[] = {SPORE_ENOMEM, SPORE_ESYSTEM, SPORE_OK};
static const enum spore_err plain_errors[] = {SPORE_ENOMEM, SPORE_OK};

static const struct spore__rpc_method own_methods[] = {
    {"node.ping", ping, "answer, to show that the node lives", NULL, NULL, plain_errors},
    {"node.status", status, "what the node is and how it is", NULL, status_result, plain_errors},
    {"node.stop", stop, "stop the node; the connection ends when it has stopped", NULL, stop_result, plain_errors},
    {"builds.optimise", optimise, "build the optimised artifact of a C file in the background", optimise_params, NULL,
     optimise_errors},
    {"builds.list", list, "the background builds: running, queued, then the latest that ended", NULL, list_result,
     state_errors},
    {0},
};

const struct spore__rpc_method *spore__node_methods(void)
{
	static const struct spore__rpc_method *const tables[] = {
	    own_methods,           spore__start_methods,  spore__task_methods,      spore__query_methods,
	    spore__system_methods, spore__wire_methods,   spore__wire_list_methods, spore__fault_methods,
	    spore__swap_methods,   spore__bridged_methods};
	static struct spore__rpc_method all[64]; // the last stays empty
	size_t n = 0;
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		for (const struct spore__rpc_method *m = tables[i];
		     m->name != NULL && n + 1 < sizeof all / sizeof all[0]; m++)
			all[n++] = *m;
	return all;
}
