// spore serve: a port, offered in another protocol to whoever connects. This process joins the port, and keeps the hold's connection; spore-bridge
// listens, and has the other end of the channel. When the program returns it is joined anew.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/dirs.h"
#include "base/err.h"
#include "chan/framing.h"
#include "chan/transport.h"
#include "look/link.h"
#include "look/look.h"
#include "os/os.h"

static void join(struct spore__link *l, struct spore__channel_end *ours)
{
	do {
		spore__link_await_port(l);
		if (l->publishes || l->subscribes || l->bytes)
			spore__die(SPORE__EXIT_FAILED, "a port of messages that serves or connects can be",
			           "serve: %s.%s %s", l->held.name, l->port,
			           l->bytes ? "is a port of bytes" : "goes one way");
		for (size_t i = 0; spore__transports[i] != NULL; i++) {
			bool plain = spore__transports[i]->framing != NULL && spore__transports[i]->framing->plain;
			if (!plain && l->id >= 0 && spore__link_offer(l, spore__transports[i]->name, ours))
				return;
		}
	} while (l->id < 0); // it was closed meanwhile
	spore__link_not_taken(l);
}

enum { STARTS = -1 };

static volatile sig_atomic_t listener; // 0: there is none; or STARTS
static volatile sig_atomic_t asked;    // by a signal, while it started

// The listener is to end with this process, which nothing but that sees to everywhere.
static void on_signal(int number)
{
	if (listener == 0)
		_exit(128 + number);
	if (listener == STARTS)
		asked = number;
	else
		(void)kill((pid_t)listener, number);
}

// Until nobody is there to be called, or it was asked to end. Its status.
static int listen_with(const struct spore__look *look, const struct spore__link *l, struct spore__channel_end *ours)
{
	struct spore__strs argv = {0};
	struct spore__buf channel = {0};
	char *libexec = spore__dirs_libexec();
	pid_t pid;
	int status = 0;
	spore__buf_printf(&channel, "--connect=channel:%s:%d", ours->transport, ours->role);
	for (int i = 0; i < ours->count; i++)
		spore__buf_printf(&channel, ":%d", ours->fds[i]);
	spore__strs_addf(&argv, "%s/spore-bridge", libexec);
	spore__strs_addf(&argv, "--listen=%s", look->listen);
	spore__strs_add(&argv, channel.data);
	spore__strs_add(&argv, "--");
	spore__strs_add(&argv, l->protocol[0] != '\0' ? l->protocol : "rpc");
	spore__strs_add(&argv, look->as);
	const struct spore__spawn s = {
	    .argv = (const char *const *)argv.items,
	    .fds = {-1, -1, -1},
	    .pass = ours->fds,
	    .pass_count = (size_t)ours->count,
	    .die_with_parent = true,
	};
	listener = STARTS;
	if (spore__os_spawn(&s, &pid) != 0)
		spore__die(SPORE__EXIT_SPORE, NULL, "serve: %s cannot be started: %s", argv.items[0], strerror(errno));
	listener = (sig_atomic_t)pid;
	if (asked != 0)
		(void)kill(pid, asked);
	spore__channel_end_close(ours);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	listener = 0;
	spore__strs_finish(&argv);
	spore__buf_finish(&channel);
	free(libexec);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// What was ignored stays so, for the listener too (nohup).
static void handle(int number)
{
	struct sigaction action;
	if (sigaction(number, NULL, &action) != 0 || action.sa_handler == SIG_IGN)
		return;
	action = (struct sigaction){.sa_handler = on_signal};
	(void)sigaction(number, &action, NULL);
}

int spore__look_serve(const struct spore__look *look)
{
	if (look->listen == NULL || look->as == NULL)
		spore__die(SPORE__EXIT_USAGE, "such as --http 127.0.0.1:8080, or --as=SPEC --listen=ADDRESS",
		           "serve: how, and where?");
	handle(SIGINT);
	handle(SIGTERM);
	handle(SIGHUP);
	for (;;) {
		struct spore__link link;
		struct spore__channel_end ours;
		spore__link_open(&link, look->what, look->operands[0]);
		join(&link, &ours);
		int status = listen_with(look, &link, &ours);
		spore__link_close(&link);
		if (status != 0)
			return status;
		(void)fprintf(stderr, "serve: %s has closed the channel; waiting for it\n", look->operands[0]);
	}
}
