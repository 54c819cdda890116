// A wire whose left end is a listener, `listen ADDRESS (PROTOCOL)`: a task of its own, which the manifest gets here (bridge/host.h says what it does).
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/dirs.h"
#include "base/mem.h"
#include "system/manifest_private.h"
#include "task/wanted.h"

enum { PORT_MAX = 65535, DIGITS = 5 };

static const char unix_address[] = "unix:";

static bool is_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	long port = digits > 0 && digits <= DIGITS && text[digits] == '\0' ? strtol(text, NULL, 10) : 0;
	return port >= 1 && port <= PORT_MAX;
}

// HOST:PORT, :PORT or unix:PATH.
static bool is_address(const char *text)
{
	const char *colon = strrchr(text, ':');
	if (strncmp(text, unix_address, sizeof unix_address - 1) == 0)
		return text[sizeof unix_address - 1] != '\0';
	return colon != NULL && is_port(colon + 1);
}

// Can nobody reach it but this machine?
static bool is_local(const char *address)
{
	static const char *const hosts[] = {"", "localhost", "[::1]"};
	size_t len = (size_t)(strrchr(address, ':') - address);
	if (strncmp(address, unix_address, sizeof unix_address - 1) == 0 ||
	    (strncmp(address, "127.", 4) == 0 &&
	     strspn(address, "0123456789.") == len)) // 127.example.com may be elsewhere
		return true;
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
		if (strlen(hosts[i]) == len && strncmp(address, hosts[i], len) == 0)
			return true;
	return false;
}

bool spore__take_listener(struct spore__taking *t, yaml_mark_t mark, const char *address,
                          struct spore__manifest_end *out)
{
	if (out->protocol == NULL)
		return spore__yaml_wrong(
		    t->y, mark, "listen %.80s: say what is spoken there, as in listen %.80s (http)", address, address);
	if (!is_address(address) || strpbrk(address, " ()") != NULL)
		return spore__yaml_wrong(t->y, mark, "\"listen %.80s\": an address is HOST:PORT, :PORT or unix:PATH",
		                         address);
	if (strncmp(address, unix_address, sizeof unix_address - 1) == 0) {
		char *path = spore__manifest_path(t->m, address + sizeof unix_address - 1);
		bool fits = strlen(path) < sizeof((struct sockaddr_un *)0)->sun_path;
		out->listen = spore__xasprintf("unix:%s", path);
		free(path);
		if (!fits)
			return spore__yaml_wrong(
			    t->y, mark, "%.300s: the path of a socket has at most %zu bytes: name a shorter one",
			    out->listen, sizeof((struct sockaddr_un *)0)->sun_path - 1);
	} else {
		out->listen = spore__xasprintf("%s%s", address[0] == ':' ? "127.0.0.1" : "", address);
	}
	out->speaks = out->protocol;
	out->protocol = spore__xstrdup("rpc"); // that is how it calls
	return true;
}

static bool can_have_token(const char *spec)
{
	const struct spore__codec_facts *f = spore__codec_facts;
	size_t len = strcspn(spec, ",");
	while (f->name != NULL && (strlen(f->name) != len || strncmp(f->name, spec, len) != 0))
		f++;
	for (const struct spore__codec_option *o = f->options; o != NULL && o->name != NULL; o++)
		if (strcmp(o->name, "token") == 0)
			return true;
	return false;
}

static bool has_token(const char *spec)
{
	const char *at = strstr(spec, ",token=");
	return at != NULL && at[7] != '\0' && at[7] != ',';
}

static bool check(struct spore__manifest *m, size_t index)
{
	const struct spore__manifest_wire *w = &m->wires[index];
	for (size_t i = 0; i < index; i++)
		if (m->wires[i].from.listen != NULL && strcmp(m->wires[i].from.listen, w->from.listen) == 0)
			return spore__yaml_wrong(&m->yaml, w->mark, "wires: the wire in line %zu listens at %s already",
			                         m->wires[i].mark.line + 1, w->from.listen);
	if (is_local(w->from.listen) || w->open || has_token(w->from.speaks))
		return true;
	int len = (int)strcspn(w->from.speaks, ",");
	if (!can_have_token(w->from.speaks))
		return spore__yaml_wrong(&m->yaml, w->mark,
		                         "wires: whoever reaches %s could call, and %.*s cannot ask for a token: say "
		                         "open: true, or take http or resp, which can",
		                         w->from.listen, len, w->from.speaks);
	return spore__yaml_wrong(
	    &m->yaml, w->mark,
	    "wires: whoever reaches %s could call: ask for a token, as in (%.*s,token=...), or say "
	    "open: true",
	    w->from.listen, len, w->from.speaks);
}

// listen-8080, listen-NAME of a socket; -2 and so on where there is one already.
static char *name_task(const struct spore__manifest *m, const char *address)
{
	const char *from = strrchr(address, strncmp(address, unix_address, sizeof unix_address - 1) == 0 ? '/' : ':');
	char base[SPORE__NAME_MAX / 2];
	size_t len = 0;
	for (from = from != NULL ? from + 1 : address; *from != '\0' && len + 1 < sizeof base; from++)
		base[len++] = (char)(isalnum((unsigned char)*from) || *from == '_' ? *from : '-');
	base[len] = '\0';
	char *name = spore__xasprintf("listen-%s", base);
	for (int i = 2; spore__manifest_task(m, name) != NULL; i++) {
		free(name);
		name = spore__xasprintf("listen-%s-%d", base, i);
	}
	return name;
}

static void add_task(struct spore__manifest *m, struct spore__manifest_wire *w)
{
	char *name = name_task(m, w->from.listen), *libexec = spore__dirs_libexec();
	const struct spore__manifest_task *to = w->to.task != NULL ? spore__manifest_task(m, w->to.task) : NULL;
	struct spore__strs secrets = {0}, profiles = {0};
	for (char **p = to != NULL ? to->spec.profiles : NULL; p != NULL && *p != NULL; p++)
		spore__strs_add(&profiles, *p);
	m->tasks = spore__xrealloc(m->tasks, (m->count + 1) * sizeof *m->tasks);
	struct spore__manifest_task *task = &m->tasks[m->count++];
	*task = (struct spore__manifest_task){.name = name, .mark = w->mark, .source_mark = w->mark};
	spore__spec_init(&task->spec);
	task->source = spore__xasprintf("path:%s/spore-bridge", libexec);
	task->every_mark = w->mark;
	task->spec.cwd = spore__xstrdup("/");
	task->spec.control = true;
	task->spec.restart = SPORE__RESTART_ALWAYS;
	task->spec.ready = SPORE__READY_NOTIFY; // once it listens, which it does when it is wired
	task->spec.ready_timeout_ms = 0;
	w->from.task = spore__xstrdup(name);
	w->from.port = spore__xasprintf("%.*s", (int)strcspn(w->from.speaks, ","), w->from.speaks);
	w->duplex = true;
	spore__strs_add(&task->args, "listen");
	spore__strs_add(&task->args, w->from.listen);
	spore__strs_add(&task->args, w->from.port);
	spore__strs_addf(&task->env, "SPORE_LISTEN_AS=%s", w->from.speaks); // there may be a token in it
	spore__strs_add(&secrets, "SPORE_LISTEN_AS");
	task->spec.secrets = secrets.items;
	task->spec.profiles = profiles.items;
	task->ports = spore__xcalloc(1, sizeof *task->ports);
	task->ports[task->port_count++] = (struct spore__manifest_port){.name = spore__xstrdup(w->from.port),
	                                                                .kind = "messages",
	                                                                .shape = "connect",
	                                                                .protocol = spore__xstrdup("rpc")};
	free(libexec);
}

void spore__manifest_listen(struct spore__manifest *m)
{
	for (size_t i = 0; i < m->wire_count; i++)
		if (m->wires[i].from.listen != NULL && check(m, i))
			add_task(m, &m->wires[i]);
	for (size_t i = 0; i < m->wire_count; i++) // whose end could not be made is told of already
		if (m->wires[i].from.task == NULL) {
			spore__wire_finish(&m->wires[i]);
			memmove(&m->wires[i], &m->wires[i + 1], (--m->wire_count - i) * sizeof *m->wires);
			i--;
		}
}
