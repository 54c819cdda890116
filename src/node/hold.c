#include "node/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/lend.h"
#include "node/log.h"

enum {
	ROOM = 65536,
	RETRY_MS = 2, // doubled with each try
	RETRY_MAX_MS = 2000,
};

static void free_hold(uv_handle_t *h)
{
	struct spore__hold *hold = (struct spore__hold *)h;
	free(hold->in);
	free(hold->said);
	free(hold);
}

// Out of the list; what is left of it is freed by the loop.
static void discard(struct spore__hold *hold)
{
	spore__ports_lost(hold);
	*(hold->previous != NULL ? &hold->previous->next : &hold->tasks->holds) = hold->next;
	if (hold->next != NULL)
		hold->next->previous = hold->previous;
	uv_close((uv_handle_t *)&hold->pipe, free_hold);
}

void spore__hold_close(struct spore__hold *hold)
{
	if (!uv_is_closing((uv_handle_t *)&hold->pipe))
		discard(hold);
}

static struct spore__hold *create(struct spore__tasks *t, struct spore__task *task, const struct spore__hold_name *name)
{
	struct spore__hold *hold = calloc(1, sizeof *hold);
	if (hold == NULL || uv_pipe_init(t->loop, &hold->pipe, 0) != 0) {
		free(hold);
		return NULL;
	}
	hold->tasks = t;
	hold->task = task;
	hold->started_ms = uv_now(t->loop);
	hold->name = *name;
	hold->next = t->holds;
	if (t->holds != NULL)
		t->holds->previous = hold;
	t->holds = hold;
	return hold;
}

void spore__hold_look_in(struct spore__hold *hold, uint64_t in_ms)
{
	hold->due_ms = uv_now(hold->tasks->loop) + in_ms;
	spore__tasks_wake_at(hold->tasks, hold->due_ms);
}

// A handle connects once: another one takes its place. NULL: no memory, then the same one tries it later.
static struct spore__hold *renew(struct spore__hold *hold)
{
	struct spore__task *task = hold->task;
	struct spore__hold *other = create(hold->tasks, task, &hold->name);
	if (other == NULL)
		return NULL;
	other->ended = hold->ended;
	other->tries = hold->tries;
	other->started_ms = hold->started_ms;
	other->said = hold->said;
	other->said_len = hold->said_len;
	hold->said = NULL;
	if (task != NULL)
		*(task->old == hold ? &task->old : &task->hold) = other;
	hold->task = NULL;
	spore__hold_close(hold);
	return other;
}

static void retry(struct spore__hold *hold)
{
	struct spore__hold *other = hold->used ? renew(hold) : NULL;
	hold = other != NULL ? other : hold;
	uint64_t wait = (uint64_t)RETRY_MS << (hold->tries < 10 ? hold->tries : 10);
	hold->tries++;
	spore__hold_look_in(hold, wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
}

// Its task may wait for its folder to be out of use.
static void note_end(struct spore__hold *hold)
{
	struct spore__system *s = spore__table_system(&hold->tasks->table, hold->name.system);
	if (s != NULL)
		s->unsettled = hold->tasks->unsettled = true;
}

// What its folder says now that it may have ended.
static void look_at_folder(struct spore__hold *hold)
{
	struct spore__hold_state s;
	int64_t pid;
	int dir = spore__hold_open_folder(hold->tasks, &hold->name);
	int locked = dir < 0 ? 0 : spore__folder_is_locked(dir, &pid);
	if (locked != 0) {
		retry(hold);
	} else if (hold->ended) {
		note_end(hold);
		spore__hold_close(hold);
	} else if (dir >= 0 && spore__folder_read_state(dir, &s) == 0 && s.phase == SPORE__PHASE_ENDED) {
		struct spore__msgpack_writer w = {0};
		spore__state_encode(&s, &w);
		spore__task_heard(hold->tasks, hold, &s, w.data, w.err == 0 ? w.len : 0);
		spore__msgpack_writer_finish(&w);
		note_end(hold);
		spore__hold_close(hold);
	} else {
		hold->lost = hold->tasks->lost = hold->tasks->unsettled = true;
	}
	if (dir >= 0)
		close(dir);
}

static void disconnected(struct spore__hold *hold)
{
	if (!hold->connected || uv_is_closing((uv_handle_t *)&hold->pipe))
		return;
	hold->connected = false;
	hold->in_len = 0;
	(void)uv_read_stop((uv_stream_t *)&hold->pipe);
	spore__ports_lost(hold);
	look_at_folder(hold);
}

static const struct {
	enum spore__hold_type type;
	void (*fn)(struct spore__hold *hold, const struct spore__hold_message *m);
} of_ports[] = {
    {SPORE__HOLD_HELLO, spore__ports_hello},   {SPORE__HOLD_PORTS, spore__ports_begin},
    {SPORE__HOLD_OPEN, spore__ports_open},     {SPORE__HOLD_CLOSE, spore__ports_close},
    {SPORE__HOLD_WIRED, spore__ports_wired},   {SPORE__HOLD_OVER, spore__ports_over},
    {SPORE__HOLD_SWAP, spore__ports_swap},     {SPORE__HOLD_ENDED, spore__ports_ended},
    {SPORE__HOLD_BROKEN, spore__ports_broken}, {SPORE__HOLD_LENT, spore__lend_heard},
};

static void take(struct spore__hold *hold, const struct spore__hold_message *m)
{
	struct spore__hold_state s;
	if (m->type == SPORE__HOLD_REFUSE) {
		spore__node_log("%s.%s.%lld: its hold refuses: %.*s", hold->name.system, hold->name.task,
		                (long long)hold->name.generation, (int)(m->len < 300 ? m->len : 300),
		                (const char *)m->bytes);
		return;
	}
	for (size_t i = 0; i < sizeof of_ports / sizeof of_ports[0]; i++)
		if (m->type == of_ports[i].type)
			of_ports[i].fn(hold, m);
	if (m->type != SPORE__HOLD_STATE || spore__state_decode(m->map, &s) != SPORE_OK)
		return;
	hold->tries = 0;
	hold->survivors = s.survivors[0] != '\0';
	spore__task_heard(hold->tasks, hold, &s, m->map.at, (size_t)(m->map.end - m->map.at));
}

// Takes the whole messages at BYTES; how many bytes they were. -1: nonsense.
static ssize_t take_messages(struct spore__hold *hold, const unsigned char *bytes, size_t len)
{
	size_t at = 0;
	while (at < len) {
		struct spore__hold_message m;
		size_t used;
		enum spore_err e = spore__hold_decode(bytes + at, len - at, &m, &used);
		if (e == SPORE_EAGAIN)
			break;
		if (e != SPORE_OK)
			return -1;
		take(hold, &m);
		at += used;
	}
	return (ssize_t)at;
}

static bool keep(struct spore__hold *hold, const unsigned char *bytes, size_t len)
{
	if (hold->in_cap - hold->in_len < len) {
		size_t cap = hold->in_len + len;
		unsigned char *in = realloc(hold->in, cap);
		if (in == NULL)
			return false;
		hold->in = in;
		hold->in_cap = cap;
	}
	memcpy(hold->in + hold->in_len, bytes, len);
	hold->in_len += len;
	return true;
}

static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	static char room[ROOM]; // used up before the next read
	(void)h, (void)suggested;
	*buf = uv_buf_init(room, sizeof room);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct spore__hold *hold = (struct spore__hold *)stream;
	if (n == 0)
		return;
	if (n < 0) {
		disconnected(hold);
		return;
	}
	const unsigned char *bytes = (const unsigned char *)buf->base;
	size_t len = (size_t)n;
	bool good = hold->in_len == 0 || keep(hold, bytes, len);
	if (hold->in_len > 0) {
		bytes = hold->in;
		len = hold->in_len;
	}
	ssize_t used = good ? take_messages(hold, bytes, len) : -1;
	if (used >= 0 && hold->in_len > 0) {
		hold->in_len -= (size_t)used;
		memmove(hold->in, hold->in + used, hold->in_len);
	} else if (used >= 0 && (size_t)used < len) {
		good = keep(hold, bytes + used, len - (size_t)used);
	}
	if (hold->in_len == 0) {
		free(hold->in);
		hold->in = NULL;
		hold->in_cap = 0;
	}
	if (used < 0 || !good) {
		spore__node_log("%s.%s.%lld: its hold says what is no message: connected anew", hold->name.system,
		                hold->name.task, (long long)hold->name.generation);
		disconnected(hold);
	}
}

static bool open_pipe(struct spore__hold *hold, int fd)
{
	struct spore__msgpack_writer w = {0};
	if (uv_pipe_open(&hold->pipe, fd) != 0)
		return false;
	hold->used = true;
	hold->connected = uv_read_start((uv_stream_t *)&hold->pipe, on_room, on_read) == 0;
	if (!hold->connected)
		return false;
	spore__hold_put_hello_ports(&w, true);
	spore__hold_send(hold, &w);
	if (hold->task == NULL && !hold->ended)
		spore__hold_send_stop(hold, -1, SPORE__HOLD_PATIENCE_MS, false); // there are two later ones
	return true;
}

struct spore__hold *spore__hold_take(struct spore__tasks *t, struct spore__task *task, int64_t generation, int fd)
{
	struct spore__hold_name name;
	spore__task_hold_name(task, generation, &name);
	struct spore__hold *hold = create(t, task, &name);
	if (hold == NULL || !open_pipe(hold, fd)) {
		close(fd);
		if (hold != NULL)
			discard(hold);
		return NULL;
	}
	return hold;
}

// Connects by its folder. It may be just about to listen, or have more callers than it can take.
static void reach(struct spore__hold *hold)
{
	int dir = spore__hold_open_folder(hold->tasks, &hold->name);
	int fd = dir >= 0 ? spore__folder_connect(dir) : -1;
	if (dir >= 0)
		close(dir);
	if (fd >= 0 && open_pipe(hold, fd)) {
		hold->due_ms = 0;
		return;
	}
	if (fd >= 0)
		close(fd);
	look_at_folder(hold);
}

struct spore__hold *spore__hold_adopt(struct spore__tasks *t, struct spore__task *task, int64_t generation)
{
	struct spore__hold_name name;
	spore__task_hold_name(task, generation, &name);
	struct spore__hold *hold = create(t, task, &name);
	if (hold != NULL)
		spore__hold_look_in(hold, 0); // once the task knows it
	return hold;
}

// It was to end, and neither ended nor named what it cannot end.
static void end_by_force(struct spore__hold *hold)
{
	int64_t pid = 0;
	int dir = spore__hold_open_folder(hold->tasks, &hold->name);
	int locked = dir >= 0 ? spore__folder_is_locked(dir, &pid) : 0;
	if (dir >= 0)
		close(dir);
	spore__node_log("%s.%s.%lld: its hold, process %lld, did not stop it in time%s", hold->name.system,
	                hold->name.task, (long long)hold->name.generation, (long long)pid,
	                locked == 1 && pid > 0 ? ": ended" : "");
	if (locked == 1 && pid > 0)
		(void)kill((pid_t)pid, SIGKILL);
	spore__hold_look_in(hold, SPORE__HOLD_PATIENCE_MS);
}

void spore__hold_look(struct spore__hold *hold)
{
	hold->due_ms = 0;
	if (hold->lost || uv_is_closing((uv_handle_t *)&hold->pipe))
		return;
	if (!hold->connected && hold->used)
		look_at_folder(hold);
	else if (!hold->connected)
		reach(hold);
	else if (hold->stop_sent && !hold->survivors && !hold->ended)
		end_by_force(hold);
}
