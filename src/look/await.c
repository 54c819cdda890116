// A port that is not open: what will never come is refused, and what may come yet is waited for, which is said after a moment.
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "look/link.h"

enum { MOMENT_US = 300000 };

// Is its task started with that stdin or stdout as a port?
static bool is_wired_stdio(const struct spore__spec *s, const char *port)
{
	if (strcmp(port, "stdin") == 0)
		return s->wire_stdin != NULL || s->tap_stdin;
	if (strcmp(port, "stdout") == 0)
		return s->wire_stdout != NULL || s->tap_stdout;
	return s->wire_stdio != NULL || s->tap_stdio;
}

// The ports that are open, then those that its task declares. False: none.
static bool list_ports(const struct spore__link *l, struct spore__buf *out)
{
	struct spore__declared d;
	for (size_t i = 0; i < l->port_count; i++)
		spore__buf_printf(out, "%s%s", out->len > 0 ? ", " : "", l->ports[i].name);
	for (char *const *p = l->held.spec.ports; p != NULL && *p != NULL; p++) {
		bool is_open = false;
		if (!spore__declared_parse(*p, &d))
			continue;
		for (size_t i = 0; i < l->port_count; i++)
			is_open |= strcmp(l->ports[i].name, d.name) == 0;
		if (!is_open)
			spore__buf_printf(out, "%s%s", out->len > 0 ? ", " : "", d.name);
	}
	return out->len > 0;
}

static _Noreturn void refuse_stdio(const struct spore__link *l)
{
	const struct spore__spec *s = &l->held.spec;
	const char *name = l->held.name;
	bool out = strcmp(l->port, "stdout") == 0, error = strcmp(l->port, "stderr") == 0;
	struct spore__buf remedy = {0};
	const char *why;
	if (!error && (s->wire_stdio != NULL || s->tap_stdio)) {
		why = "is wired as a part of its stdio";
		spore__buf_printf(&remedy, "name %s.stdio", name);
	} else if (s->tty) {
		why = "is the terminal of its task, and no port";
		spore__buf_printf(&remedy, "'spore attach %s' shows it, and types to it", name);
	} else if (out || error) {
		why = error ? "is logged, and cannot be wired" : "is not wired: what is written there is logged";
		spore__buf_printf(&remedy, "'spore logs -f --stream %s %s' shows it%s", l->port, name,
		                  out ? "; 'spore wire --tap' before its task is started makes it a port" : "");
	} else {
		why = "is not wired";
		if (s->stdin_from == SPORE__STDIN_OPEN)
			spore__buf_printf(&remedy, "'spore attach %s' types to it", name);
		else
			spore__buf_str(&remedy, "'spore wire --tap' before its task is started makes it a port; one "
			                        "that is started with --stdin open is typed to by 'spore attach'");
	}
	spore__die(SPORE__EXIT_FAILED, remedy.data, "%s: %s.%s %s", l->what, name, l->port, why);
}

// Of a program without libspore all ports are known.
static _Noreturn void refuse_unknown(const struct spore__link *l)
{
	struct spore__buf has = {0};
	struct spore__declared d;
	bool declared = spore__declared_find(l->held.spec.ports, l->port, &d);
	if (list_ports(l, &has) && !declared)
		spore__buf_str(&has, " is what it has");
	else
		has.len = 0;
	spore__die(SPORE__EXIT_FAILED,
	           has.len > 0 ? has.data
	                       : "say what it has it as in 'ports' of its task: as: fifo-in, fifo-out, socket or "
	                         "listener",
	           "%s: %s has no port %s: its program does not link libspore", l->what, l->held.name, l->port);
}

// Ends the process where the port will never be there.
static void refuse(const struct spore__link *l)
{
	const struct spore__spec *s = &l->held.spec;
	struct spore__declared d;
	if (spore__port_is_standard(l->port)) {
		if (!is_wired_stdio(s, l->port))
			refuse_stdio(l);
	} else if (!s->control && !(spore__declared_find(s->ports, l->port, &d) && d.as[0] != '\0')) {
		refuse_unknown(l);
	}
}

static void put_note(const struct spore__link *l, struct spore__buf *out)
{
	const char *name = l->held.name, *port = l->port;
	struct spore__buf has = {0};
	struct spore__declared d;
	bool declared = spore__declared_find(l->held.spec.ports, port, &d);
	if (l->state.phase != SPORE__PHASE_STARTING && l->state.phase != SPORE__PHASE_RUNNING)
		spore__buf_printf(out, "%s does not run at the moment%s%s; waiting for its port %s", name,
		                  l->state.why[0] != '\0' ? ": " : "", l->state.why, port);
	else if (spore__port_is_standard(port) || (declared && d.as[0] != '\0'))
		spore__buf_printf(out,
		                  "%s.%s is not open: what came before is still read, or 'spore logs %s' says why; "
		                  "waiting for it",
		                  name, port, name);
	else if (declared)
		spore__buf_printf(out, "%s has not opened its port %s yet; waiting for it", name, port);
	else if (list_ports(l, &has))
		spore__buf_printf(out, "%s has no port %s open, but %s; waiting for it", name, port, has.data);
	else
		spore__buf_printf(out, "%s has no port %s open; waiting for it", name, port);
	spore__buf_finish(&has);
}

void spore__link_wait_for(struct spore__link *l, const char *what)
{
	if (strncmp(l->noted, what, sizeof l->noted - 1) == 0) {
		(void)spore__link_wait(l, -1);
	} else if (!spore__link_wait(l, MOMENT_US)) {
		(void)fprintf(stderr, "%s: %s\n", l->what, what);
		(void)snprintf(l->noted, sizeof l->noted, "%s", what);
	}
}

void spore__link_wait_open(struct spore__link *l)
{
	struct spore__buf note = {0};
	if (!l->told) {
		(void)spore__link_wait(l, -1);
		return;
	}
	refuse(l);
	put_note(l, &note);
	spore__link_wait_for(l, note.data);
	spore__buf_finish(&note);
}

void spore__link_await_port(struct spore__link *l)
{
	struct spore__hold_message m;
	while (l->id < 0) {
		enum spore__link_heard heard = spore__link_next(l, &m);
		if (heard == SPORE__LINK_GONE)
			spore__link_gone(l);
		if (heard == SPORE__LINK_NOTHING)
			spore__link_wait_open(l);
	}
}
