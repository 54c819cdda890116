// For test_call.py. Serves the port "calls" (with the argument "bytes" as one of bytes); or as "client N" has N calls in flight over the port "to" and
// says how each kind of end was met, again and again.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spore/rpc.h"

static int cancelled;

static void on_cancel(struct spore_rpc_call *call, void *arg)
{
	(void)arg;
	printf("cancelled %d\n", ++cancelled);
	(void)fflush(stdout);
	spore_rpc_fail(call, SPORE_ECANCELLED, "nobody waits");
}

static void hang(struct spore_rpc_call *call, void *data)
{
	(void)data;
	spore_rpc_on_cancel(call, on_cancel, NULL);
}

static struct spore_rpc_call *kept;

static void on_left(struct spore_rpc_call *call, void *arg)
{
	(void)call;
	(void)arg;
	puts("left");
	(void)fflush(stdout);
}

// Is answered by the next call of "release", of whomever.
static void keep(struct spore_rpc_call *call, void *data)
{
	(void)data;
	kept = call;
	spore_rpc_on_cancel(call, on_left, NULL);
	puts("kept");
	(void)fflush(stdout);
}

static void release(struct spore_rpc_call *call, void *data)
{
	(void)data;
	if (kept != NULL)
		spore_rpc_done(kept);
	kept = NULL;
	spore_rpc_done(call);
}

static void echo(struct spore_rpc_call *call, void *data)
{
	(void)data;
	struct spore_reader params = spore_rpc_params(call), end = params;
	(void)spore_read_skip(&end);
	spore_write_raw(spore_rpc_result(call, 0), params.at, (size_t)(end.at - params.at));
	spore_rpc_done(call);
}

static void refuse(struct spore_rpc_call *call, void *data)
{
	(void)data;
	struct spore_writer *w = spore_rpc_failure(call, -32001, "not today");
	spore_write_map(w, 1);
	spore_write_str(w, "day");
	spore_write_int(w, 7);
	spore_rpc_done(call);
}

static void parts(struct spore_rpc_call *call, void *data)
{
	(void)data;
	int64_t n;
	if (!spore_rpc_int(call, 0, "n", &n))
		return;
	for (int64_t i = 0; i < n; i++) {
		spore_write_int(spore_rpc_item(call, 0), i);
		if (spore_rpc_send(call, SPORE_FOREVER) != SPORE_OK)
			break;
	}
	spore_write_str(spore_rpc_progress(call), "all said");
	(void)spore_rpc_send(call, SPORE_FOREVER);
	spore_rpc_done(call);
}

static void remaining(struct spore_rpc_call *call, void *data)
{
	(void)data;
	spore_write_int(spore_rpc_result(call, 0), spore_rpc_remaining(call));
	spore_rpc_done(call);
}

static const struct spore_rpc_field n[] = {{.name = "n", .type = "int"}, {0}};
static const struct spore_rpc_method methods[] = {
    {.name = "echo", .handle = echo, .help = "What it is given"},
    {.name = "hang", .handle = hang},
    {.name = "keep", .handle = keep},
    {.name = "parts", .handle = parts, .params = n, .items = n},
    {.name = "refuse", .handle = refuse},
    {.name = "release", .handle = release},
    {.name = "remaining", .handle = remaining},
    {0},
};

static int ends[SPORE_EREMOTE + 1];

static void note_end(struct spore_rpc_ask *a, enum spore_err e, struct spore_reader result, void *arg)
{
	(void)a;
	(void)result;
	ends[e]++;
	++*(int *)arg;
}

static int client(int count)
{
	struct spore_rpc *r;
	if (spore_rpc_open("to", NULL, &r) != SPORE_OK)
		return 1;
	while (!spore_stop_requested()) {
		struct spore_rpc_ask *a;
		struct spore_writer *w;
		int done = 0, answered = 0;
		memset(ends, 0, sizeof ends);
		if (spore_rpc_ask(r, "echo", 0, &a, &w) != SPORE_OK ||
		    spore_rpc_start(a, -1, note_end, &answered) != SPORE_OK)
			return 1;
		for (int i = 0; i < count; i++)
			if (spore_rpc_ask(r, "hang", 0, &a, &w) != SPORE_OK ||
			    spore_rpc_start(a, -1, note_end, &done) != SPORE_OK)
				return 1;
		while (answered == 0)
			(void)spore_rpc_turn(r, 100);
		printf("in flight %d\n", count);
		(void)fflush(stdout);
		while (done < count && !spore_stop_requested())
			(void)spore_rpc_turn(r, 100);
		printf("ended %d: %d closed, %d returned\n", done, ends[SPORE_ECLOSED], ends[SPORE_ERETURNED]);
		(void)fflush(stdout);
	}
	spore_rpc_close(r);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "client") == 0)
		return client(atoi(argv[2]));
	const struct spore_rpc_options options = {
	    .methods = methods, .program = "call_program", .version = "3", .bytes = argc > 1};
	return spore_rpc_serve("calls", &options) == SPORE_OK ? 0 : 1;
}
