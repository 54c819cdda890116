// JSON to MessagePack and back, and what a bridge adds to a call. Peers beside: bench/bridges_peer (Node.js, Python) does the same with their libraries.
//
//	bench-bridges PEER LIBEXEC
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bridge/decimal.h"
#include "json.h"
#include "os/os.h"

enum { ROUNDS = 5, CALLS = 20000, TEXT = 1 << 21 };

static double now(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

// ---- values

// A call of about 100 bytes, or an answer of a language server with items until it has LEAST bytes.
static size_t make_text(char *out, size_t least)
{
	if (least <= 100)
		return (size_t)sprintf(
		    out, "{\"jsonrpc\":\"2.0\",\"id\":12345,\"method\":\"textDocument/hover\",\"params\":{"
		         "\"line\":10,\"character\":22,\"x\":1.5}}");
	size_t len =
	    (size_t)sprintf(out, "{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{\"isIncomplete\":false,\"items\":[");
	for (int i = 0; len < least; i++)
		len += (size_t)sprintf(
		    out + len,
		    "%s{\"label\":\"function_%d\",\"kind\":3,\"detail\":\"int function_%d(const char *name, "
		    "size_t len)\",\"documentation\":{\"kind\":\"markdown\",\"value\":\"Does the "
		    "thing.\\n\\nReturns **0** on success.\"},\"deprecated\":false,\"score\":%d.25,\"range\":"
		    "{\"start\":{\"line\":%d,\"character\":4},\"end\":{\"line\":%d,\"character\":19}}}",
		    i > 0 ? "," : "", i, i, i, i, i);
	return len + (size_t)sprintf(out + len, "]}}");
}

// A list of places, as of a map or of a model: numbers of all the digits that a double has.
static size_t make_numbers(char *out, size_t least)
{
	size_t len = (size_t)sprintf(out, "{\"points\":[");
	for (int i = 1; len < least; i++)
		len += (size_t)sprintf(out + len, "%s[%.17g,%.17g]", i > 1 ? "," : "", 180.0 / (i * 1.1),
		                       -90.0 / (i * 1.7));
	return len + (size_t)sprintf(out + len, "]}");
}

static void measure(size_t (*make)(char *out, size_t least), size_t least)
{
	char *text = malloc(TEXT);
	struct spore__msgpack_writer packed = {0}, again = {0};
	struct spore__json_error error;
	unsigned losses = 0;
	double best[2] = {1e9, 1e9};
	if (text == NULL)
		die("memory");
	size_t len = make(text, least), times = (size_t)40000000 / len;
	for (int round = 0; round < ROUNDS; round++) {
		double start = now();
		for (size_t i = 0; i < times; i++) {
			packed.len = 0;
			if (spore__json_to_msgpack(text, len, &packed, &error) != SPORE_OK)
				die(error.why);
		}
		double middle = now();
		for (size_t i = 0; i < times; i++) {
			again.len = 0;
			if (spore__json_from_msgpack(packed.data, packed.len, &again, &losses, &error) != SPORE_OK)
				die(error.why);
		}
		double spent[] = {(middle - start) / (double)times, (now() - middle) / (double)times};
		for (int i = 0; i < 2; i++)
			best[i] = spent[i] < best[i] ? spent[i] : best[i];
	}
	printf("%-28s %8zu B   to MessagePack %7.0f MB/s %9.0f/s   to JSON %7.0f MB/s %9.0f/s\n", "spore", len,
	       (double)len / best[0] / 1e6, 1 / best[0], (double)again.len / best[1] / 1e6, 1 / best[1]);
	(void)fflush(stdout);
	free(text);
	spore__msgpack_writer_finish(&packed);
	spore__msgpack_writer_finish(&again);
}

// ---- a call through a bridge, to a server that echoes lines

__attribute__((noreturn)) static void echo(void)
{
	char buffer[65536];
	ssize_t n;
	while ((n = read(0, buffer, sizeof buffer)) > 0)
		if (write(1, buffer, (size_t)n) != n)
			exit(1);
	exit(0);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

// ASKED is answered with something that ends with a newline.
static double median_us(const char *const *argv, const char *asked)
{
	static double spent[CALLS];
	int in[2], out[2];
	pid_t pid;
	char answer[4096];
	if (spore__os_pipe(in) != 0 || spore__os_pipe(out) != 0)
		die("pipe");
	const struct spore__spawn s = {.argv = argv, .fds = {in[0], out[1], -1}};
	if (spore__os_spawn(&s, &pid) != 0)
		die(argv[0]);
	close(in[0]);
	close(out[1]);
	for (int i = 0; i < CALLS; i++) {
		double start = now();
		ssize_t n = write(in[1], asked, strlen(asked));
		while (n > 0) {
			n = read(out[0], answer, sizeof answer);
			if (n <= 0)
				die("an answer");
			if (answer[n - 1] == '\n')
				break;
		}
		spent[i] = (now() - start) * 1e6;
	}
	close(in[1]);
	close(out[0]);
	(void)waitpid(pid, NULL, 0);
	qsort(spent, CALLS, sizeof spent[0], compare);
	return spent[CALLS / 2];
}

static void latency(const char *self, const char *libexec)
{
	char bridge[4096];
	(void)snprintf(bridge, sizeof bridge, "%s/spore-bridge", libexec);
	const char *const direct[] = {self, "echo", NULL};
	const char *const bridged[] = {bridge, "--", "jsonl", "json-rpc", self, "echo", NULL};
	static const char asked[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":[{\"name\":\"Ada\",\"n\":[1,2]}]}\n";
	double without = median_us(direct, asked), with = median_us(bridged, asked);
	printf("%-28s a call %6.1f us, without it %6.1f us: it adds %.1f us\n", "spore bridge jsonl json-rpc", with,
	       without, with - without);
	(void)fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct {
		size_t (*make)(char *out, size_t least);
		size_t least;
		const char *what;
	} messages[] = {
	    {make_text, 100, "a call"},
	    {make_text, 2000, "an answer of a language server"},
	    {make_text, 1000000, "a large one"},
	    {make_numbers, 1000000, "numbers of 16 and 17 digits"},
	};
	if (argc == 2 && strcmp(argv[1], "echo") == 0)
		echo();
	if (argc != 3) {
		fprintf(stderr, "usage: %s PEER LIBEXEC\n", argv[0]);
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)spore__decimal_use(); // as spore-bridge does
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		char *text = malloc(TEXT), path[] = "/tmp/bench-bridges-XXXXXX";
		printf("%s\n", messages[i].what);
		measure(messages[i].make, messages[i].least);
		int fd = mkstemp(path);
		if (text == NULL || fd < 0)
			die(path);
		size_t len = messages[i].make(text, messages[i].least);
		if (write(fd, text, len) != (ssize_t)len)
			die(path);
		for (int peer = 0; peer < 2; peer++) {
			const char *const argv_of[] = {argv[1], peer == 0 ? "node" : "python3", path, NULL};
			pid_t pid;
			const struct spore__spawn s = {.argv = argv_of, .fds = {-1, -1, -1}};
			if (spore__os_spawn(&s, &pid) == 0)
				(void)waitpid(pid, NULL, 0);
		}
		close(fd);
		(void)unlink(path);
		free(text);
	}
	latency(argv[0], argv[2]);
	return 0;
}
