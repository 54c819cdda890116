// What happens when: one table, state by event. Each cell does what is to be done and moves on; an empty cell is nothing.
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "task/hold.h"

enum {
	AT_WORK_MS = 1000,   // then it was no failure to start
	LOOK_MS = 20,        // between two looks whether all are gone, where that is not told
	LINGER_MS = 200,     // for what the program left running to end by itself
	KILL_MS = 20,        // between two rounds of SIGKILL, growing
	KILL_MAX_MS = 5000,  //
	SURVIVED_MS = 5000,  // then survivors are named
	DRAIN_MS = 5000,     // for the rest of the output when the log cannot take it
	DRAIN_AGAIN_MS = 50, //
};

static const enum spore__phase phases[SPORE__ATS] = {
#define X(name, phase) SPORE__PHASE_##phase,
    SPORE__HOLD_STATES(X)
#undef X
};

static const char being_ended[] = "what it started is being ended";

static void move(struct spore__hold *h, enum spore__hold_at to)
{
	h->at = to;
	if (to != SPORE__AT_STARTING && to != SPORE__AT_RUNNING)
		spore__hold_probes_stop(h);
	h->state.phase = phases[to];
	h->dirty = true;
}

static void say(struct spore__hold *h, const char *text)
{
	(void)snprintf(h->state.why, sizeof h->state.why, "%s", text);
	h->dirty = true;
}

// ---- starting

static void wait_or_end(struct spore__hold *h);

static void become_ready(struct spore__hold *h)
{
	const struct spore__hold_number after[] = {{"after_ms", spore__hold_now_ms() - h->run.began_ms}, {0}};
	h->run.ready_ms = spore__hold_now_ms();
	h->state.ready_at = spore__hold_wall_ns();
	h->state.healthy = h->spec.alive == SPORE__ALIVE_NONE;
	h->state.why[0] = '\0';
	spore__hold_timer(h, SPORE__TIMER_READY, -1);
	move(h, SPORE__AT_RUNNING);
	spore__hold_event(h, SPORE_INFO, "ready", after, "%s#%" PRId64 " is ready", h->task, h->state.run);
	spore__hold_probes_ready(h);
}

static void start(struct spore__hold *h)
{
	spore__hold_timer(h, SPORE__TIMER_STATE, -1);
	if (!spore__hold_wired_ready(h) || !spore__hold_pumped_ready(h)) {
		h->state.next_at = 0;
		if (h->at != SPORE__AT_WIRING)
			spore__hold_event(h, SPORE_INFO, "waiting", NULL, "%s waits: %s", h->task, h->state.why);
		move(h, SPORE__AT_WIRING);
		return;
	}
	h->restart_asked = false;
	h->fate = SPORE__END_NONE;
	h->state.next_at = h->state.ready_at = 0;
	h->state.healthy = false;
	h->state.survivors[0] = h->state.status[0] = h->state.why[0] = '\0';
	if (spore__hold_run_start(h) != 0) {
		spore__hold_event(h, SPORE_ERROR, "no-start", NULL, "%s", h->state.why);
		h->state.end = SPORE__END_NO_START;
		h->state.ended_at = spore__hold_wall_ns();
		wait_or_end(h);
		return;
	}
	const struct spore__hold_number pid[] = {{"pid", h->state.pid}, {0}};
	move(h, SPORE__AT_STARTING);
	spore__hold_event(h, SPORE_INFO, "started", pid, "%s#%" PRId64 " started", h->task, h->state.run);
	if (h->spec.ready == SPORE__READY_STARTED) {
		become_ready(h);
		return;
	}
	spore__hold_probes_start(h);
	if (h->spec.ready_timeout_ms > 0)
		spore__hold_timer(h, SPORE__TIMER_READY, h->spec.ready_timeout_ms);
}

// ---- after an end

static bool succeeded(const struct spore__hold_state *s)
{
	return s->end == SPORE__END_EXITED && s->code == 0;
}

static void end_for_good(struct spore__hold *h)
{
	h->state.failed = h->state.wanted && !succeeded(&h->state);
	move(h, SPORE__AT_ENDED);
	if (spore__hold_heir_keeps(h))
		spore__hold_named_close(h);
	else
		spore__hold_let_go(h);
}

void spore__hold_let_go(struct spore__hold *h)
{
	h->keeps = false;
	spore__hold_wired_close(h);
	spore__hold_pumped_close(h);
	spore__hold_named_close(h);
	h->quit = true;
}

// At once when it had been at work and this is the first time. Else after its delay: doubled for each in a row, and a fifth more or less, so that
// what failed together does not start together.
static int64_t delay_ms(struct spore__hold *h, int64_t worked_ms)
{
	int64_t ms = h->spec.restart_delay_ms;
	if (h->row == 0) {
		h->at_once = worked_ms >= AT_WORK_MS;
		if (h->at_once)
			return 0;
	}
	for (int64_t i = h->at_once; i < h->row && ms < h->spec.restart_max_ms; i++)
		ms *= 2;
	if (ms > h->spec.restart_max_ms)
		ms = h->spec.restart_max_ms;
	return ms * (80 + spore__hold_random(h, 41)) / 100;
}

// Nothing runs any more. What now?
static void wait_or_end(struct spore__hold *h)
{
	bool ok = succeeded(&h->state);
	bool policy = h->spec.restart == SPORE__RESTART_ALWAYS || (h->spec.restart == SPORE__RESTART_ON_FAILURE && !ok);
	int64_t ms = 0;
	int64_t worked_ms = h->run.ready_ms != 0 ? spore__hold_now_ms() - h->run.ready_ms : 0;
	if (h->run.ready_ms != 0 && worked_ms >= h->spec.restart_reset_ms)
		h->row = 0;
	h->run.ready_ms = 0;
	if (!h->restart_asked) {
		if (!h->state.wanted || !policy) {
			end_for_good(h);
			return;
		}
		if (h->spec.restart_limit > 0 && h->row >= h->spec.restart_limit) {
			spore__hold_event(h, SPORE_ERROR, "given-up", NULL,
			                  "%s was started again %" PRId64 " times in a row, which is its limit",
			                  h->task, h->row);
			char before[300];
			(void)snprintf(before, sizeof before, "%.280s%s", h->state.why,
			               h->state.why[0] != '\0' ? "; " : "");
			(void)snprintf(h->state.why, sizeof h->state.why,
			               "%sstarted again %" PRId64 " times in a row, which is its limit", before,
			               h->row);
			end_for_good(h);
			return;
		}
		ms = delay_ms(h, worked_ms);
		h->row++;
	}
	const struct spore__hold_number in[] = {{"in_ms", ms}, {0}};
	h->state.restarts++;
	h->state.next_at = spore__hold_wall_ns() + ms * 1000000;
	move(h, SPORE__AT_WAITING);
	spore__hold_event(h, ok ? SPORE_INFO : SPORE_WARN, "restarting", in, "%s is started again in %" PRId64 " ms",
	                  h->task, ms);
	spore__hold_timer(h, SPORE__TIMER_STATE, ms);
}

static void drained(struct spore__hold *h)
{
	spore__hold_run_finish(h);
	spore__hold_timer(h, SPORE__TIMER_STATE, -1);
	wait_or_end(h);
}

static void drain(struct spore__hold *h)
{
	if (spore__hold_output_drain(h) || spore__hold_now_ms() >= h->kill_at)
		drained(h);
	else
		spore__hold_timer(h, SPORE__TIMER_STATE, DRAIN_AGAIN_MS);
}

static void all_gone(struct spore__hold *h);

// Until UNTIL, monotonic ms, or until nothing is left, which not every platform tells.
static void wait_left(struct spore__hold *h, int64_t until)
{
	int64_t ms = until - spore__hold_now_ms();
	h->step_at = until;
	if (ms < 0)
		ms = 0;
	spore__hold_timer(h, SPORE__TIMER_STATE, h->tree.told || ms < LOOK_MS ? ms : LOOK_MS);
}

// For a timer: is there more to wait for? Moves on when nothing is left.
static bool waits(struct spore__hold *h)
{
	if (h->run.pid == 0 && spore__tree_is_empty(&h->tree)) {
		all_gone(h);
		return true;
	}
	if (spore__hold_now_ms() >= h->step_at)
		return false;
	wait_left(h, h->step_at);
	return true;
}

static void all_gone(struct spore__hold *h)
{
	if (h->fate == SPORE__END_NONE && strcmp(h->state.why, being_ended) == 0)
		say(h, "");
	h->state.survivors[0] = '\0';
	h->kill_at = spore__hold_now_ms() + DRAIN_MS;
	move(h, SPORE__AT_DRAINING);
	drain(h);
}

// ---- the ladder

static void kill_again(struct spore__hold *h)
{
	if (waits(h))
		return;
	int64_t since = spore__hold_now_ms() - h->killed_at;
	bool run_away = spore__tree_kill(&h->tree);
	if (since >= SURVIVED_MS) {
		char names[sizeof h->state.survivors];
		spore__tree_name(&h->tree, names, sizeof names);
		if (strcmp(names, h->state.survivors) != 0) {
			memcpy(h->state.survivors, names, sizeof names);
			h->dirty = true;
			if (names[0] != '\0')
				spore__hold_event(h, SPORE_ERROR, "survivors", NULL, "cannot be ended: %s", names);
		}
	}
	int64_t next = run_away ? KILL_MS : since / 4;
	next = next < KILL_MS ? KILL_MS : next > KILL_MAX_MS ? KILL_MAX_MS : next;
	wait_left(h, spore__hold_now_ms() + next);
}

static void kill_all(struct spore__hold *h)
{
	h->killed_at = spore__hold_now_ms();
	spore__hold_timer(h, SPORE__TIMER_READY, -1);
	move(h, SPORE__AT_KILLED);
	spore__hold_event(h, SPORE_WARN, "killed", NULL, "%s#%" PRId64 " and all that it started get SIGKILL", h->task,
	                  h->state.run);
	spore__tree_kill_known(&h->tree); // a look at all processes is for what is still there after a while
	wait_left(h, h->killed_at + KILL_MS);
}

static void kill_wanted(struct spore__hold *h)
{
	h->state.wanted = h->restart_asked = false;
	kill_all(h);
}

static void kill_more(struct spore__hold *h)
{
	h->state.wanted = h->restart_asked = false;
	h->dirty = true;
}

// To its group, which is asleep if it was stopped.
static void signal_group(struct spore__hold *h)
{
	if (h->tree.group > 0) {
		(void)kill(-h->tree.group, (int)h->spec.stop_signal);
		if (h->spec.tty)
			(void)kill(-h->tree.group, SIGHUP); // a shell at a terminal does not mind SIGTERM
		(void)kill(-h->tree.group, SIGCONT);
	}
	move(h, SPORE__AT_SIGNALLED);
	int64_t left = h->kill_at - spore__hold_now_ms();
	spore__hold_timer(h, SPORE__TIMER_STATE, left <= 0 ? 0 : h->spec.tty ? left / 2 : left);
}

static void grace_over(struct spore__hold *h)
{
	int64_t left = h->kill_at - spore__hold_now_ms();
	if (left <= 0) {
		kill_all(h);
		return;
	}
	// A shell that was hung up on between two commands has noted it and waits for a line; the second time it ends at once.
	if (h->spec.tty && h->tree.group > 0)
		(void)kill(-h->tree.group, SIGHUP);
	spore__hold_timer(h, SPORE__TIMER_STATE, left);
}

// What was asked in words has half of the time before it is said by a signal.
static void ask(struct spore__hold *h, int64_t grace)
{
	const struct spore__hold_number grace_ms[] = {{"grace_ms", grace}, {0}};
	h->kill_at = spore__hold_now_ms() + grace;
	spore__hold_timer(h, SPORE__TIMER_READY, -1);
	spore__hold_event(h, SPORE_INFO, "stopping", grace_ms, "%s#%" PRId64 " is asked to end", h->task, h->state.run);
	bool asked = spore__hold_control_stop(h, grace);
	if (h->spec.stop_stdin && h->run.input >= 0) {
		if (h->spec.tty)
			spore__hold_terminal_end(h);
		else
			spore__hold_run_close_input(h);
		asked = true;
	}
	if (!asked) {
		signal_group(h);
		return;
	}
	move(h, SPORE__AT_ASKED);
	spore__hold_timer(h, SPORE__TIMER_STATE, grace / 2);
}

static int64_t wanted_grace(struct spore__hold *h)
{
	int64_t grace = h->grace >= 0 ? h->grace : h->spec.stop_grace_ms;
	h->grace = -1;
	return grace;
}

static void stop(struct spore__hold *h)
{
	h->state.wanted = h->restart_asked = false;
	ask(h, wanted_grace(h));
}

static void restart(struct spore__hold *h)
{
	h->state.wanted = h->restart_asked = true;
	ask(h, h->spec.stop_grace_ms);
}

// Asked once more: there is no new ladder, but the end of it may come sooner.
static void stop_sooner(struct spore__hold *h)
{
	int64_t end = spore__hold_now_ms() + wanted_grace(h);
	h->state.wanted = h->restart_asked = false;
	h->dirty = true;
	if (end >= h->kill_at)
		return;
	h->kill_at = end;
	if (h->at == SPORE__AT_LEFT_SIGNALLED)
		wait_left(h, end);
	else if (h->at == SPORE__AT_SIGNALLED)
		spore__hold_timer(h, SPORE__TIMER_STATE, end - spore__hold_now_ms());
	else if (h->at == SPORE__AT_ASKED)
		signal_group(h);
}

static void restart_then(struct spore__hold *h)
{
	h->state.wanted = h->restart_asked = true;
	h->dirty = true;
}

static void not_ready(struct spore__hold *h)
{
	static const char before[] = "it is not ready yet";
	char why[sizeof h->state.why];
	const char *probe =
	    strncmp(h->state.why, before, sizeof before - 1) == 0 ? h->state.why + sizeof before - 1 : "";
	(void)snprintf(why, sizeof why, "it was not ready within %" PRId64 " ms%.400s", h->spec.ready_timeout_ms,
	               probe);
	h->fate = SPORE__END_NOT_READY;
	say(h, why);
	spore__hold_event(h, SPORE_ERROR, "not-ready", NULL, "%s#%" PRId64 ": %.400s", h->task, h->state.run, why);
	ask(h, h->spec.stop_grace_ms);
}

static void not_alive(struct spore__hold *h)
{
	h->fate = SPORE__END_NOT_ALIVE;
	ask(h, h->spec.stop_grace_ms);
}

// ---- the program ended

static void leave(struct spore__hold *h)
{
	if (spore__tree_is_empty(&h->tree)) {
		all_gone(h);
		return;
	}
	int64_t now = spore__hold_now_ms();
	if (h->at == SPORE__AT_STARTING || h->at == SPORE__AT_RUNNING)
		h->kill_at = now + h->spec.stop_grace_ms;
	spore__hold_timer(h, SPORE__TIMER_READY, -1);
	if (h->fate == SPORE__END_NONE && h->state.why[0] == '\0')
		say(h, being_ended);
	move(h, SPORE__AT_LEFT);
	wait_left(h, h->kill_at < now + LINGER_MS ? h->kill_at : now + LINGER_MS);
}

static void signal_left(struct spore__hold *h)
{
	if (waits(h))
		return;
	spore__tree_signal(&h->tree, (int)h->spec.stop_signal);
	spore__tree_signal(&h->tree, SIGCONT);
	move(h, SPORE__AT_LEFT_SIGNALLED);
	wait_left(h, h->kill_at);
}

static void kill_left(struct spore__hold *h)
{
	if (!waits(h))
		kill_all(h);
}

static void stop_waiting(struct spore__hold *h)
{
	h->state.wanted = h->restart_asked = false;
	h->state.next_at = 0;
	spore__hold_timer(h, SPORE__TIMER_STATE, -1);
	end_for_good(h);
}

typedef void cell(struct spore__hold *h);

static cell *const table[SPORE__ATS][SPORE__ONS] = {
    [SPORE__AT_INIT] = {[SPORE__ON_TIMER] = start},
    [SPORE__AT_STARTING] =
        {
            [SPORE__ON_READY] = become_ready,
            [SPORE__ON_UNREADY] = not_ready,
            [SPORE__ON_UNHEALTHY] = not_alive,
            [SPORE__ON_EXIT] = leave,
            [SPORE__ON_STOP] = stop,
            [SPORE__ON_KILL] = kill_wanted,
            [SPORE__ON_RESTART] = restart,
        },
    [SPORE__AT_RUNNING] =
        {
            [SPORE__ON_UNHEALTHY] = not_alive,
            [SPORE__ON_EXIT] = leave,
            [SPORE__ON_STOP] = stop,
            [SPORE__ON_KILL] = kill_wanted,
            [SPORE__ON_RESTART] = restart,
        },
    [SPORE__AT_ASKED] =
        {
            [SPORE__ON_TIMER] = signal_group,
            [SPORE__ON_EXIT] = leave,
            [SPORE__ON_STOP] = stop_sooner,
            [SPORE__ON_KILL] = kill_wanted,
            [SPORE__ON_RESTART] = restart_then,
        },
    [SPORE__AT_SIGNALLED] =
        {
            [SPORE__ON_TIMER] = grace_over,
            [SPORE__ON_EXIT] = leave,
            [SPORE__ON_STOP] = stop_sooner,
            [SPORE__ON_KILL] = kill_wanted,
            [SPORE__ON_RESTART] = restart_then,
        },
    [SPORE__AT_LEFT] =
        {
            [SPORE__ON_TIMER] = signal_left,
            [SPORE__ON_EMPTY] = all_gone,
            [SPORE__ON_STOP] = stop_sooner,
            [SPORE__ON_KILL] = kill_wanted,
            [SPORE__ON_RESTART] = restart_then,
        },
    [SPORE__AT_LEFT_SIGNALLED] =
        {
            [SPORE__ON_TIMER] = kill_left,
            [SPORE__ON_EMPTY] = all_gone,
            [SPORE__ON_STOP] = stop_sooner,
            [SPORE__ON_KILL] = kill_wanted,
            [SPORE__ON_RESTART] = restart_then,
        },
    [SPORE__AT_KILLED] =
        {
            [SPORE__ON_TIMER] = kill_again,
            [SPORE__ON_EMPTY] = all_gone,
            [SPORE__ON_STOP] = kill_more,
            [SPORE__ON_KILL] = kill_more,
            [SPORE__ON_RESTART] = restart_then,
        },
    [SPORE__AT_DRAINING] =
        {
            [SPORE__ON_TIMER] = drain,
            [SPORE__ON_STOP] = kill_more,
            [SPORE__ON_KILL] = kill_more,
            [SPORE__ON_RESTART] = restart_then,
        },
    [SPORE__AT_WAITING] =
        {
            [SPORE__ON_TIMER] = start,
            [SPORE__ON_STOP] = stop_waiting,
            [SPORE__ON_KILL] = stop_waiting,
            [SPORE__ON_RESTART] = start,
        },
    [SPORE__AT_WIRING] =
        {
            [SPORE__ON_WIRED] = start,
            [SPORE__ON_STOP] = stop_waiting,
            [SPORE__ON_KILL] = stop_waiting,
            [SPORE__ON_RESTART] = start,
        },
};

void spore__hold_happens(struct spore__hold *h, enum spore__hold_happened what)
{
	if (table[h->at][what] != NULL)
		table[h->at][what](h);
}

void spore__hold_begin(struct spore__hold *h, const char *before)
{
	h->grace = -1;
	spore__hold_wired_open(h);
	spore__hold_pumped_open(h);
	spore__hold_named_open(h);
	if (before != NULL)
		spore__hold_heir_inherit(h, before);
	spore__hold_happens(h, SPORE__ON_TIMER);
}
