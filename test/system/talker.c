// A program with ports, as of libspore: what ports_program.py does by hand. NAME[:serve]... A connecting one greets with its process and the
// time at which it opened the port; every message is said, and those of a greeting are answered.
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <spore/chan.h>

enum { PORTS = 8, CLIENTS = 64 };

struct end {
	const char *name;
	struct spore_chan *chan; // NULL: free
	bool accepted;
	bool greeted;
};

static struct end ends[PORTS + CLIENTS];
static int64_t opened;

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// Each direction says by itself that the peer went, and that it returned.
static bool say(struct end *e, const char *text, int len)
{
	enum spore_err err;
	do
		err = spore_chan_send(e->chan, text, (size_t)len, SPORE_NOW);
	while (!e->accepted && (err == SPORE_ECLOSED || err == SPORE_ERETURNED));
	return err == SPORE_OK;
}

static void greet(struct end *e)
{
	char text[80];
	int len = snprintf(text, sizeof text, "hello %d", (int)getpid());
	e->greeted = say(e, text, len);
	if (e->greeted && opened != 0) {
		len = snprintf(text, sizeof text, "since %" PRId64, opened);
		(void)say(e, text, len);
	}
}

static void take(struct end *e, const char *text)
{
	char answer[120];
	int64_t since;
	if (sscanf(text, "since %" SCNd64, &since) == 1) {
		printf("first %s after %" PRId64 " us\n", e->name, (now() - since) / 1000);
		return;
	}
	printf("got %s %s\n", e->name, text);
	if (strncmp(text, "hello ", 6) != 0)
		return;
	int len = snprintf(answer, sizeof answer, "welcome %s", text + 6);
	(void)say(e, answer, len);
}

static void read_all(struct end *e)
{
	for (;;) {
		char text[100];
		size_t len;
		enum spore_err err = spore_chan_recv(e->chan, text, sizeof text - 1, &len, SPORE_NOW);
		if (err == SPORE_OK) {
			text[len] = '\0';
			take(e, text);
		} else if (err == SPORE_ERETURNED) {
			e->greeted = false;
		} else if (err == SPORE_ECLOSED && !e->accepted) {
			printf("end %s\n", e->name); // once, then it waits
		} else if (err == SPORE_EAGAIN || err == SPORE_ENOTWIRED) {
			break;
		} else {
			printf("end %s\n", e->name);
			spore_chan_close(e->chan);
			e->chan = NULL;
			return;
		}
	}
	if (!e->greeted)
		greet(e);
}

static struct end *add(const char *name, struct spore_chan *chan, bool accepted)
{
	for (size_t i = 0; i < PORTS + CLIENTS; i++)
		if (ends[i].chan == NULL) {
			ends[i] = (struct end){.name = name, .chan = chan, .accepted = accepted};
			return &ends[i];
		}
	abort();
}

int main(int argc, char **argv)
{
	struct spore_port *port = NULL;
	const char *served = NULL;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		char *colon = strchr(argv[i], ':');
		enum spore_err err;
		struct spore_chan *chan;
		if (colon != NULL) {
			*colon = '\0';
			served = argv[i];
			err = spore_port_open(served, NULL, &port);
		} else {
			opened = now();
			err = spore_chan_open(argv[i], NULL, &chan);
			if (err == SPORE_OK)
				(void)add(argv[i], chan, false);
		}
		if (err != SPORE_OK) {
			fprintf(stderr, "%s: %s\n", argv[i], spore_err_text(err));
			return 1;
		}
	}
	while (!spore_stop_requested()) {
		struct pollfd fds[PORTS + CLIENTS + 2] = {{.fd = spore_stop_fd(), .events = POLLIN}};
		nfds_t count = 1;
		struct spore_chan *chan;
		while (port != NULL && spore_port_accept(port, SPORE_NOW, &chan) == SPORE_OK)
			(void)add(served, chan, true);
		for (size_t i = 0; i < PORTS + CLIENTS; i++)
			if (ends[i].chan != NULL)
				read_all(&ends[i]);
		if (port != NULL)
			fds[count++] = (struct pollfd){.fd = spore_port_fd(port), .events = POLLIN};
		for (size_t i = 0; i < PORTS + CLIENTS; i++)
			if (ends[i].chan != NULL)
				fds[count++] = (struct pollfd){.fd = spore_chan_fd(ends[i].chan),
				                               .events = spore_chan_events(ends[i].chan)};
		(void)poll(fds, count, -1);
	}
	return 0;
}
