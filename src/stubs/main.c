// spore-stubs: code for transparent calls. spore-build and the command line start it; its arguments are theirs alone:
//
//	spore-stubs client|server --port=PORT [--output=FILE] HEADER [-- FLAG...]
//	spore-stubs header [--name=NAME] [FILE]            from JSON that a service described itself with, or from standard input
//	spore-stubs stubs [OPTIONS] -- [HEADER|NAME.PORT]  what `spore stubs` was given
//
// FLAG is of the compiler. Mistakes in the header are printed as a compiler prints them; the exit status is 1 then.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "json.h"
#include "stubs/model.h"

struct options {
	bool whole; // what a user wrote
	bool code, server, describe;
	const char *port, *output, *name;
	const char *header; // or description
	struct spore__strs flags;
};

// Everything that was made hangs on it until the end.
static struct spore__stub_model model;

static void preamble(const struct options *o, struct spore__buf *out)
{
	spore__buf_printf(out, "// Made by spore from %s: %s.\n", spore__fs_base(o->header),
	                  o->server ? "answers calls with its functions" : "its functions, which call somebody else");
	spore__buf_str(out, "#ifndef __TINYC__\n#pragma GCC diagnostic ignored \"-Wunused-function\"\n"
	                    "#pragma GCC diagnostic ignored \"-Wtype-limits\"\n#endif\n#include ");
	spore__buf_char(out, '"');
	spore__buf_str(out, o->header);
	spore__buf_str(out, "\"\n#include <stdlib.h>\n#include <string.h>\n#include <spore/stub.h>\n\n");
}

static int finish(const struct options *o, struct spore__buf *out)
{
	int r = o->output != NULL ? spore__fs_write_atomic(o->output, out->data, out->len, o->whole ? 0644 : 0600)
	                          : spore__fs_write_all(STDOUT_FILENO, out->data, out->len);
	if (r != 0)
		spore__report(NULL, "%s: cannot write it: %s", o->output != NULL ? o->output : "standard output",
		              strerror(errno));
	spore__buf_finish(out);
	return r == 0 ? SPORE__EXIT_OK : SPORE__EXIT_SPORE;
}

static int generate(const struct options *o)
{
	struct spore__buf out = {0};
	if (!spore__stub_parse(&model, o->header, &o->flags)) {
		(void)spore__fs_write_all(STDERR_FILENO, model.errors.data, model.errors.len);
		return SPORE__EXIT_FAILED;
	}
	preamble(o, &out);
	if (o->server)
		spore__stub_emit_server(&model, o->port, &out);
	else
		spore__stub_emit_client(&model, o->port, &out);
	return finish(o, &out);
}

// A description is JSON; what a service says of itself on the wire is MessagePack.
static int describe(const struct options *o)
{
	struct spore__buf text = {0}, out = {0};
	struct spore__msgpack_writer w = {0};
	struct spore__json_error error = {0};
	const char *file = o->header != NULL && strcmp(o->header, "-") != 0 ? o->header : NULL, *why;
	int r = file != NULL ? spore__fs_read(file, &text) : spore__fs_read_fd(STDIN_FILENO, &text);
	if (r != 0)
		spore__die(SPORE__EXIT_SPORE, NULL, "%s: cannot read it: %s", file != NULL ? file : "standard input",
		           strerror(errno));
	if (text.len == 0 && file == NULL)
		return SPORE__EXIT_FAILED; // who should have written it has said why not
	if (spore__json_to_msgpack(text.data, text.len, &w, &error) != SPORE_OK)
		spore__die(SPORE__EXIT_FAILED,
		           "give it what a service answers to $/describe: spore call NAME.PORT --describe --json",
		           "%s: byte %zu: %s", file != NULL ? file : "standard input", error.offset,
		           error.why != NULL ? error.why : "no memory");
	if (!spore__stub_header(w.data, w.len, o->name, &out, &why))
		spore__die(SPORE__EXIT_FAILED,
		           "give it what a service answers to $/describe: spore call NAME.PORT --describe --json",
		           "%s: %s", file != NULL ? file : "standard input", why);
	r = finish(o, &out);
	spore__msgpack_writer_finish(&w);
	spore__buf_finish(&text);
	return r;
}

static const char *value_of(const char *arg, const char *name)
{
	size_t len = strlen(name);
	return strncmp(arg, name, len) == 0 && arg[len] == '=' ? arg + len + 1 : NULL;
}

static void parse(int argc, char **argv, struct options *o)
{
	for (int i = 2; i < argc; i++) {
		const char *value;
		if (strcmp(argv[i], "--") == 0 && !o->whole) {
			while (++i < argc)
				spore__strs_add(&o->flags, argv[i]);
		} else if (strcmp(argv[i], "--") == 0) {
			if (!o->describe && argv[i + 1] != NULL)
				o->header = argv[i + 1];
			break;
		} else if ((value = value_of(argv[i], "--port")) != NULL) {
			o->port = value;
		} else if ((value = value_of(argv[i], "--output")) != NULL) {
			o->output = value;
		} else if ((value = value_of(argv[i], "--name")) != NULL) {
			o->name = value;
		} else if ((value = value_of(argv[i], "--from")) != NULL) {
			o->header = value;
			o->describe = true;
		} else if ((value = value_of(argv[i], "--cflags")) != NULL) {
			if (!spore__strs_split(&o->flags, value))
				spore__die(SPORE__EXIT_USAGE, NULL, "--cflags: a quote is not closed");
		} else if (strcmp(argv[i], "--calls") == 0 || strcmp(argv[i], "--serves") == 0) {
			o->code = true;
			o->server = argv[i][2] == 's';
		} else {
			o->header = argv[i];
		}
	}
}

// The file's name without its ending: a port is called so when nothing is said.
static char *stem_of(const char *path)
{
	const char *base = path != NULL ? spore__fs_base(path) : "service";
	return spore__xstrndup(base, strcspn(base, "."));
}

int main(int argc, char **argv)
{
	struct options o = {0};
	const char *command = argc > 1 ? argv[1] : "";
	o.whole = strcmp(command, "stubs") == 0;
	o.describe = strcmp(command, "header") == 0;
	o.server = strcmp(command, "server") == 0;
	o.code = o.server || strcmp(command, "client") == 0;
	parse(argc, argv, &o);
	char *stem = stem_of(o.header), *real = NULL;
	if (o.port == NULL)
		o.port = stem;
	if (o.name == NULL)
		o.name = stem;
	if (o.whole && !o.code && !o.describe) { // NAME.PORT: what it says is on standard input
		o.describe = true;
		o.header = NULL;
	}
	if (o.whole && o.code && o.header != NULL && (real = realpath(o.header, NULL)) != NULL)
		o.header = real;
	if (!o.describe && (!o.code || o.header == NULL))
		spore__die(SPORE__EXIT_USAGE, "spore help stubs",
		           "name a header with --calls or --serves, or a description with --from");
	int status = o.code ? generate(&o) : describe(&o);
	spore__strs_finish(&o.flags);
	free(stem);
	free(real);
	return status;
}
