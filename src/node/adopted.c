#include "node/adopted.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/bridged.h"
#include "node/fault.h"
#include "node/hold.h"
#include "os/os.h"

enum {
	LOOK_MS = 500, // at those whose end is not told of
	LOOK_MOST_MS = 4000,
};

bool spore__adopted_folder(const struct spore__tasks *t, const struct spore__joint *j, int side, char out[PATH_MAX])
{
	char hold[SPORE__HOLD_NAME];
	if (j->ports[side] == NULL)
		return false;
	spore__hold_name_format(&j->ports[side]->hold->name, hold);
	return (size_t)snprintf(out, PATH_MAX, "%s/holds/%s", t->state, hold) < PATH_MAX;
}

// The first after AFTER, or of all.
static struct spore__joint *next(struct spore__tasks *t, const struct spore__joint *after)
{
	bool found = after == NULL;
	for (const struct spore__hold *h = t->holds; h != NULL; h = h->next)
		for (const struct spore__port *p = h->ports; p != NULL; p = p->next_of_hold)
			for (size_t i = 0; i < p->joint_count; i++) {
				struct spore__joint *j = p->joints[i];
				if (found && j->adopted && j->ports[0] == p)
					return j;
				found |= j == after && j->ports[0] == p;
			}
	return NULL;
}

// One that can be waited for.
struct spore__adopted {
	uv_poll_t ended; // first: handles are cast back
	int fd;          // of the process
	struct spore__tasks *tasks;
	struct spore__joint *joint;
};

static bool is_there(struct spore__tasks *t, struct spore__joint *j, pid_t *pid)
{
	if (!j->bridged)
		return spore__fault_is_there(t, j, pid);
	bool there = spore__bridged_is_there(t, j);
	*pid = j->relay;
	return there;
}

static void on_look(uv_timer_t *timer);

static void look_soon(struct spore__tasks *t)
{
	t->wires.look_ms = LOOK_MS;
	(void)uv_timer_start(&t->wires.look, on_look, LOOK_MS, 0);
}

static void free_watch(uv_handle_t *h)
{
	struct spore__adopted *a = (struct spore__adopted *)h;
	close(a->fd);
	free(a);
}

void spore__adopted_forget(struct spore__joint *j)
{
	if (j->watched != NULL)
		uv_close((uv_handle_t *)&j->watched->ended, free_watch);
	j->watched = NULL;
}

static void on_end(uv_poll_t *poll, int status, int events)
{
	struct spore__adopted *a = (struct spore__adopted *)poll;
	struct spore__tasks *t = a->tasks;
	struct spore__joint *j = a->joint;
	pid_t pid;
	(void)status;
	(void)events;
	spore__adopted_forget(j);
	if (is_there(t, j, &pid))
		look_soon(t); // somebody else has its lock
	else
		spore__fault_over(t, j);
}

// Waits for the end of its process PID. False: that cannot be.
static bool watch(struct spore__tasks *t, struct spore__joint *j, pid_t pid)
{
	pid_t again = 0;
	struct spore__adopted *a = pid > 0 ? calloc(1, sizeof *a) : NULL;
	if (a == NULL)
		return false;
	*a = (struct spore__adopted){.fd = spore__os_process_fd(pid), .tasks = t, .joint = j};
	// While its lock is held that number is no other's.
	if (a->fd < 0 || !is_there(t, j, &again) || again != pid || uv_poll_init(t->loop, &a->ended, a->fd) != 0) {
		if (a->fd >= 0)
			close(a->fd);
		free(a);
		return false;
	}
	j->watched = a;
	if (uv_poll_start(&a->ended, UV_READABLE, on_end) == 0)
		return true;
	spore__adopted_forget(j);
	return false;
}

static void on_look(uv_timer_t *timer)
{
	struct spore__tasks *t = timer->data;
	bool left = false;
	for (struct spore__joint *j = next(t, NULL), *after; j != NULL; j = after) {
		pid_t pid;
		after = next(t, j);
		if (j->watched != NULL)
			continue;
		if (!is_there(t, j, &pid))
			spore__fault_over(t, j);
		else
			left |= !watch(t, j, pid);
	}
	t->wires.look_ms *= t->wires.look_ms < LOOK_MOST_MS ? 2 : 1;
	if (left)
		(void)uv_timer_start(timer, on_look, t->wires.look_ms, 0);
}

void spore__adopted_watch(struct spore__tasks *t, struct spore__joint *j)
{
	pid_t pid;
	j->adopted = true;
	if (!is_there(t, j, &pid) || !watch(t, j, pid))
		look_soon(t);
}
