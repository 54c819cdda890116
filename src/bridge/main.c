// spore-bridge: a translator alone. `spore bridge` starts it, which has checked which options there are; and the node, between the ends of a wire
// (guard.c), or as a listener of a wire (listen.c).
//
// What is there speaks FROM: standard input, or the command, or what is connected to. What is made of it speaks TO: standard output, or what
// listens, or, with a command and nothing that listens, its own standard input and output.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/std.h"
#include "bridge/between.h"
#include "bridge/decimal.h"
#include "bridge/host.h"
#include "bridge/line.h"
#include "chan/chan.h"
#include "os/os.h"

void spore__bridge_confine(void)
{
	static const char *const none[] = {NULL};
	const struct spore__confine c = {.read = none, .write = none, .alone = true};
	if (spore__os_can_confine() && spore__os_confine_self(&c) != 0)
		spore__die(SPORE__EXIT_SPORE, NULL, "bridge: it cannot be confined: %s", strerror(errno));
}

// ---- --list

static void put_losses(struct spore__json *j, unsigned losses)
{
	const char *text;
	spore__json_open(j, "losses", '[');
	while ((text = spore__codec_loss_text(&losses)) != NULL)
		spore__json_str(j, NULL, text);
	spore__json_close(j, ']');
}

static void list_json(void)
{
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	spore__json_open(&j, NULL, '[');
	for (size_t i = 0; spore__codecs[i] != NULL; i++) {
		const struct spore__codec_ops *ops = spore__codecs[i];
		spore__json_open(&j, NULL, '{');
		spore__json_str(&j, "name", ops->name);
		spore__json_str(&j, "help", ops->help);
		spore__json_bool(&j, "calls", ops->calls);
		spore__json_bool(&j, "symmetric", ops->symmetric);
		spore__json_open(&j, "options", '[');
		for (const struct spore__codec_option *o = ops->options; o != NULL && o->name != NULL; o++) {
			spore__json_open(&j, NULL, '{');
			spore__json_str(&j, "name", o->name);
			spore__json_str(&j, "help", o->help);
			spore__json_str(&j, "default", o->fallback);
			spore__json_close(&j, '}');
		}
		spore__json_close(&j, ']');
		put_losses(&j, ops->losses);
		spore__json_close(&j, '}');
	}
	spore__json_close(&j, ']');
	(void)puts(out.data);
	spore__buf_finish(&out);
}

static void list_text(void)
{
	for (size_t i = 0; spore__codecs[i] != NULL; i++) {
		const struct spore__codec_ops *ops = spore__codecs[i];
		unsigned losses = ops->losses;
		const char *text;
		(void)printf("%s%-12s %s\n", i > 0 ? "\n" : "", ops->name, ops->help);
		for (const struct spore__codec_option *o = ops->options; o != NULL && o->name != NULL; o++)
			(void)printf("    ,%s=%s  %s\n", o->name, o->fallback != NULL ? o->fallback : "...", o->help);
		while ((text = spore__codec_loss_text(&losses)) != NULL)
			(void)printf("    lost: %s\n", text);
	}
}

static int list(bool json)
{
	if (json)
		list_json();
	else
		list_text();
	return spore__std_end(SPORE__EXIT_OK);
}

// ---- what is asked for

static int64_t number(const char *option, const char *text, int64_t least, int64_t most)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n < least || n > most)
		spore__die(SPORE__EXIT_USAGE, "spore help bridge", "bridge: --%s: it is a number from %lld to %lld",
		           option, (long long)least, (long long)most);
	return n;
}

static bool take_option(struct spore__host_options *o, const char *name, const char *value)
{
	if (strcmp(name, "each") == 0) {
		o->each = true;
		return true;
	}
	if (value == NULL)
		return false;
	if (strcmp(name, "listen") == 0)
		o->listen = value;
	else if (strcmp(name, "connect") == 0)
		o->connect = value;
	else if (strcmp(name, "clients") == 0)
		o->clients = (unsigned)number(name, value, 1, 1000);
	else if (strcmp(name, "in-flight") == 0)
		o->limits.in_flight = (unsigned)number(name, value, 1, 16384);
	else if (strcmp(name, "largest") == 0)
		o->limits.message = (size_t)number(name, value, 64, (int64_t)1 << 30);
	else if (strcmp(name, "idle") == 0)
		o->idle_ms = number(name, value, 0, INT32_MAX) * 1000;
	else if (strcmp(name, "first") == 0)
		o->first_ms = number(name, value, 1, INT32_MAX) * 1000;
	else
		return false;
	return true;
}

static _Noreturn void usage(const char *why)
{
	spore__die(SPORE__EXIT_USAGE, "spore help bridge", "bridge: %s", why);
}

static void check(const struct spore__host_options *o)
{
	if (o->command != NULL && o->connect != NULL)
		usage("a command and --connect: which of the two speaks FROM?");
	if (o->listen != NULL && o->command == NULL && o->connect == NULL)
		usage("--listen: nothing is there that could be offered: name a command, or --connect");
	if (o->each && o->listen == NULL)
		usage("--each: it goes with --listen");
}

// channel:TRANSPORT:ROLE:FD[:FD...]: an end that this process has inherited.
static struct spore_chan *inherited(const char *text)
{
	char transport[16];
	struct spore__channel_end end = {0};
	struct spore_chan *chan;
	int used = 0;
	if (sscanf(text, "channel:%15[a-z]:%d%n", transport, &end.role, &used) != 2)
		usage("--connect: this is no channel");
	const struct spore__transport_ops *ops = spore__transport_find(transport, strlen(transport));
	for (const char *at = text + used; ops != NULL && *at == ':' && end.count < ops->fds; end.count++) {
		char *rest;
		end.fds[end.count] = (int)strtol(at + 1, &rest, 10);
		at = rest;
	}
	if (ops == NULL || end.count != ops->fds)
		usage("--connect: this is no channel");
	end.transport = ops->name;
	if (spore__chan_create(&end, &chan) != SPORE_OK)
		spore__die(SPORE__EXIT_SPORE, NULL, "bridge: the channel cannot be opened");
	return chan;
}

// With a starter ends on the right come from it; without, they are opened here.
static void add_right(struct spore__host *h, const struct spore__host_options *o)
{
	int in = -1, out = -1;
	char why[256];
	if (spore__host_connects(o)) {
		spore__host_connect(h);
		return;
	}
	if (o->connect != NULL && strncmp(o->connect, "channel:", 8) == 0) {
		struct spore_chan *chan = inherited(o->connect);
		(void)spore__host_add(h, spore__host_end(h, h->bridge, SPORE__BRIDGE_RIGHT, o->from), -1, -1, chan);
		return;
	}
	if (o->command != NULL ? spore__starter_open(h->starter, &in, &out, why, sizeof why) != 0
	                       : (in = out = spore__address_connect(o->connect, why, sizeof why)) < 0)
		spore__die(o->command != NULL ? SPORE__EXIT_NOT_RUNNABLE : SPORE__EXIT_SPORE, NULL, "bridge: %s: %s",
		           o->command != NULL ? o->command[0] : o->connect, why);
	(void)spore__line_nonblock(in);
	(void)spore__line_nonblock(out);
	(void)spore__host_add(h, spore__host_end(h, h->bridge, SPORE__BRIDGE_RIGHT, o->from), in, out, NULL);
}

static int filter(struct spore__host_options *o)
{
	struct spore__host h;
	o->filter = true;
	spore__host_init(&h, o);
	struct spore__bridge_end *left = spore__host_end(&h, h.bridge, SPORE__BRIDGE_LEFT, o->from);
	struct spore__bridge_end *right = spore__host_end(&h, h.bridge, SPORE__BRIDGE_RIGHT, o->to);
	if (!left->codec->ops->calls && right->codec->ops->calls && spore__codec_option(left->codec, "method") == NULL)
		usage("FROM has no calls: say which method each message calls, as in jsonl,method=NAME");
	(void)spore__host_add(&h, left, spore__line_own(STDIN_FILENO, false), -1, NULL);
	(void)spore__host_add(&h, right, -1, spore__line_own(STDOUT_FILENO, true), NULL);
	spore__bridge_confine();
	return spore__host_run(&h);
}

static int join(struct spore__host_options *o)
{
	struct spore__host h;
	int starter = -1;
	check(o);
	if (o->command != NULL || o->each || spore__host_connects(o))
		starter = spore__starter_fork(o);
	spore__host_init(&h, o);
	h.starter = starter;
	if (o->listen != NULL)
		spore__host_listen(&h, o);
	if (!o->each)
		add_right(&h, o);
	if (o->listen == NULL) {
		struct spore__bridge_end *left = spore__host_end(&h, h.bridge, SPORE__BRIDGE_LEFT, o->to);
		left->patient = true;
		if (!left->codec->ops->calls && spore__bridge_first(h.bridge, SPORE__BRIDGE_RIGHT)->codec->ops->calls &&
		    spore__codec_option(left->codec, "method") == NULL)
			usage("TO has no calls: say which method each message calls, as in jsonl,method=NAME");
		(void)spore__host_add(&h, left, spore__line_own(STDIN_FILENO, false),
		                      spore__line_own(STDOUT_FILENO, true), NULL);
	}
	spore__bridge_confine();
	return spore__host_run(&h);
}

int main(int argc, char **argv)
{
	struct spore__host_options o = {
	    .clients = 256, .first_ms = 30000, .part_ms = 30000, .limits = spore__codec_limits};
	bool json = false, lists = false;
	int i = 1;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)spore__decimal_use();
	if (argc > 1 && strcmp(argv[1], "between") == 0)
		return spore__bridge_guard();
	if (argc == 4 && strcmp(argv[1], "listen") == 0)
		return spore__bridge_listen(argv[2], argv[3]);
	for (; argv[i] != NULL && strncmp(argv[i], "--", 2) == 0 && argv[i][2] != '\0'; i++) {
		char *value = strchr(argv[i], '=');
		if (value != NULL)
			*value++ = '\0';
		if (strcmp(argv[i], "--list") == 0)
			lists = true;
		else if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (!take_option(&o, argv[i] + 2, value))
			spore__die(SPORE__EXIT_USAGE, NULL, "bridge: %s: there is no such option", argv[i]);
	}
	if (argv[i] != NULL && strcmp(argv[i], "--") == 0)
		i++;
	if (lists)
		return list(json);
	if (argv[i] == NULL || argv[i + 1] == NULL)
		usage("which two protocols? They are FROM and TO");
	o.from = argv[i];
	o.to = argv[i + 1];
	o.command = argv[i + 2] != NULL ? argv + i + 2 : NULL;
	return o.command == NULL && o.connect == NULL && o.listen == NULL ? filter(&o) : join(&o);
}
