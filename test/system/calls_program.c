// What test_bridge_wires calls, and is called by:
//	calls_program serve PORT     answers `echo` with its parameters, `twice` {n} with {n, twice}; `hang` never
//	calls_program ask PORT PATH  calls the methods in the lines of the file, METHOD N, as they are written, each with {n: N}; prints `N twice M` or
//	                             `N error CODE TEXT`
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <spore/rpc.h>

static void echo(struct spore_rpc_call *call, void *data)
{
	struct spore_reader params = spore_rpc_params(call);
	struct spore_reader from = params;
	(void)data;
	if (spore_read_skip(&params))
		spore_write_raw(spore_rpc_result(call, 0), from.at, (size_t)(params.at - from.at));
	spore_rpc_done(call);
}

static void twice(struct spore_rpc_call *call, void *data)
{
	int64_t n;
	(void)data;
	if (!spore_rpc_int(call, 0, "n", &n))
		return;
	struct spore_writer *w = spore_rpc_result(call, 0);
	spore_write_map(w, 2);
	spore_write_str(w, "n");
	spore_write_int(w, n);
	spore_write_str(w, "twice");
	spore_write_int(w, 2 * n);
	spore_rpc_done(call);
}

static void hang(struct spore_rpc_call *call, void *data)
{
	(void)call, (void)data;
	printf("hangs\n");
	fflush(stdout);
}

static const struct spore_rpc_method methods[] = {
    {.name = "echo", .handle = echo}, {.name = "twice", .handle = twice}, {.name = "hang", .handle = hang}, {0}};

static void call_one(struct spore_rpc *r, const char *method, int64_t n)
{
	struct spore_rpc_ask *a;
	struct spore_writer *w;
	struct spore_reader result, at;
	int64_t doubled = 0;
	enum spore_err e = spore_rpc_ask(r, method, 0, &a, &w);
	if (e != SPORE_OK) {
		printf("%" PRId64 " refused %s\n", n, spore_err_text(e));
		return;
	}
	spore_write_map(w, 1);
	spore_write_str(w, "n");
	spore_write_int(w, n);
	e = spore_rpc_wait(a, SPORE_FOREVER, &result);
	if (e == SPORE_OK && spore_reader_find(&result, "twice", &at) && spore_read_int(&at, &doubled))
		printf("%" PRId64 " twice %" PRId64 "\n", n, doubled);
	else
		printf("%" PRId64 " error %" PRId64 " %s\n", n, spore_rpc_why(a)->code, spore_rpc_why(a)->text);
	spore_rpc_end(a);
}

static int ask(const char *port, const char *path)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	char line[128], method[64];
	struct spore_rpc *r;
	FILE *f = fopen(path, "re");
	if (f == NULL || spore_rpc_open(port, NULL, &r) != SPORE_OK)
		return 1;
	spore_ready();
	while (!spore_stop_requested()) {
		int64_t n;
		long at = ftell(f);
		if (fgets(line, sizeof line, f) == NULL || strchr(line, '\n') == NULL) {
			clearerr(f);
			(void)fseek(f, at, SEEK_SET);
			(void)nanosleep(&pause, NULL);
			continue;
		}
		if (sscanf(line, "%63s %" SCNd64, method, &n) == 2)
			call_one(r, method, n);
		fflush(stdout);
	}
	spore_rpc_close(r);
	fclose(f);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return spore_rpc_serve(argv[2], &(struct spore_rpc_options){.methods = methods}) == SPORE_OK ? 0 : 1;
	return argc == 4 && strcmp(argv[1], "ask") == 0 ? ask(argv[2], argv[3]) : 2;
}
