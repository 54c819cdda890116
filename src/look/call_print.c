#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "json.h"
#include "look/call.h"
#include "rpc_message.h"

// The JSON of the value that R stands before; "null" when it has none. The writer is the caller's to finish.
static struct spore__msgpack_writer json_of(struct spore__msgpack_reader r)
{
	struct spore__msgpack_writer w = {0};
	struct spore__json_error error;
	const unsigned char *from = r.at;
	unsigned losses = 0;
	if (r.at != r.end && spore__msgpack_skip(&r) == SPORE__MSGPACK_OK &&
	    spore__json_from_msgpack(from, (size_t)(r.at - from), &w, &losses, &error) == SPORE_OK)
		return w;
	w.len = 0;
	spore__msgpack_raw(&w, "null", 4);
	return w;
}

static void print_bytes(FILE *f, const void *bytes, size_t len)
{
	(void)fwrite(bytes, 1, len, f);
}

void spore__call_print(struct spore__msgpack_reader r, const char *key)
{
	struct spore__msgpack_writer w = json_of(r);
	if (key != NULL)
		printf("{\"%s\":", key);
	print_bytes(stdout, w.data, w.len);
	(void)fputs(key != NULL ? "}\n" : "\n", stdout);
	(void)fflush(stdout);
	spore__msgpack_writer_finish(&w);
}

static void print_error_json(int64_t code, const char *text, size_t len, struct spore__msgpack_reader data)
{
	struct spore__msgpack_writer w = {0};
	spore__msgpack_map(&w, 3);
	spore__msgpack_str(&w, "code");
	spore__msgpack_int(&w, code);
	spore__msgpack_str(&w, "message");
	spore__msgpack_strn(&w, text, (uint32_t)len);
	spore__msgpack_str(&w, "data");
	if (data.at == data.end)
		spore__msgpack_nil(&w);
	else
		spore__msgpack_raw(&w, data.at, (size_t)(data.end - data.at));
	if (w.err == 0)
		spore__call_print(spore__msgpack_reader(w.data, w.len), "error");
	spore__msgpack_writer_finish(&w);
}

void spore__call_print_error(const char *method, bool json, int64_t code, const char *text, size_t len,
                             struct spore__msgpack_reader data)
{
	const unsigned char *from = data.at; // exactly one value
	if (data.at != data.end && spore__msgpack_skip(&data) != SPORE__MSGPACK_OK)
		data.at = from;
	data = (struct spore__msgpack_reader){from, data.at};
	if (json) {
		print_error_json(code, text, len, data);
		return;
	}
	spore__report(NULL, "call: %s: %.*s (error %" PRId64 ")", method, (int)len, text, code);
	if (data.at == data.end)
		return;
	struct spore__msgpack_writer w = json_of(data);
	(void)fputs("  data: ", stderr);
	print_bytes(stderr, w.data, w.len);
	(void)fputc('\n', stderr);
	spore__msgpack_writer_finish(&w);
}

// ---- methods, for people

struct text {
	const char *s;
	uint32_t len;
};

static struct text member(const struct spore__msgpack_reader *map, const char *key)
{
	struct spore__msgpack_reader at;
	struct text t = {"", 0};
	if (spore__msgpack_find(map, key, &at) && spore__msgpack_read_str(&at, &t.s, &t.len) != SPORE__MSGPACK_OK)
		t = (struct text){"", 0};
	for (uint32_t i = 0; i < t.len; i++)
		if ((unsigned char)t.s[i] < 0x20 || t.s[i] == 0x7f)
			t.len = i; // it would be said to the terminal
	return t;
}

static uint32_t list(const struct spore__msgpack_reader *map, const char *key, struct spore__msgpack_reader *at)
{
	uint32_t count = 0;
	if (!spore__msgpack_find(map, key, at) || spore__msgpack_read_array(at, &count) != SPORE__MSGPACK_OK)
		return 0;
	return count;
}

// "a:int b:str?", and what each is on lines of their own when HELP.
static void print_fields(const struct spore__msgpack_reader *method, const char *key, bool help)
{
	struct spore__msgpack_reader at = {NULL, NULL};
	uint32_t count = list(method, key, &at);
	for (uint32_t i = 0; i < count; i++) {
		struct text name = member(&at, "name"), type = member(&at, "type"), what = member(&at, "help");
		struct spore__msgpack_reader flag;
		bool optional = false;
		if (spore__msgpack_find(&at, "optional", &flag))
			(void)spore__msgpack_read_bool(&flag, &optional);
		if (!help)
			printf(" %.*s%s%.*s%s", (int)name.len, name.s, name.len > 0 ? ":" : "", (int)type.len, type.s,
			       optional ? "?" : "");
		else if (what.len > 0)
			printf("      %.*s: %.*s\n", name.len > 0 ? (int)name.len : 6, name.len > 0 ? name.s : "result",
			       (int)what.len, what.s);
		if (spore__msgpack_skip(&at) != SPORE__MSGPACK_OK)
			return;
	}
	if (count == 0 && !help && strcmp(key, "result") == 0)
		printf(" nil");
}

static void print_errors(const struct spore__msgpack_reader *method)
{
	struct spore__msgpack_reader at = {NULL, NULL};
	uint32_t count = list(method, "errors", &at), parts, len;
	for (uint32_t i = 0; i < count; i++) {
		struct spore__msgpack_reader pair = at;
		int64_t code;
		const char *text;
		if (spore__msgpack_read_array(&pair, &parts) != SPORE__MSGPACK_OK || parts < 2 ||
		    spore__msgpack_read_int(&pair, &code) != SPORE__MSGPACK_OK ||
		    spore__msgpack_read_str(&pair, &text, &len) != SPORE__MSGPACK_OK)
			return;
		printf("      error %" PRId64 ": %.*s\n", code, (int)len, text);
		if (spore__msgpack_skip(&at) != SPORE__MSGPACK_OK)
			return;
	}
}

void spore__call_print_methods(struct spore__msgpack_reader r)
{
	struct text program = member(&r, "program"), version = member(&r, "version");
	struct spore__msgpack_reader at = {NULL, NULL}, items;
	uint32_t count = list(&r, "methods", &at);
	if (program.len > 0)
		printf("%.*s %.*s\n", (int)program.len, program.s, (int)version.len, version.s);
	for (uint32_t i = 0; i < count; i++) {
		struct text name = member(&at, "name"), help = member(&at, "help");
		printf("  %.*s", (int)name.len, name.s);
		print_fields(&at, "params", false);
		printf(" ->");
		print_fields(&at, "result", false);
		if (spore__msgpack_find(&at, "items", &items)) {
			printf(", parts");
			print_fields(&at, "items", false);
		}
		(void)putchar('\n');
		if (help.len > 0)
			printf("      %.*s\n", (int)help.len, help.s);
		print_fields(&at, "params", true);
		print_fields(&at, "result", true);
		print_errors(&at);
		if (spore__msgpack_skip(&at) != SPORE__MSGPACK_OK)
			return;
	}
}

void spore__call_print_names(struct spore__msgpack_reader r, const char *name, bool protocols)
{
	struct spore__msgpack_reader at = {NULL, NULL};
	uint32_t count = list(&r, name, &at);
	for (uint32_t i = 0; i < count; i++) {
		struct text text = member(&at, "name"), protocol = member(&at, "protocol");
		bool fits = (protocol.len == 3 && memcmp(protocol.s, "rpc", 3) == 0) ||
		            (protocol.len == 11 && memcmp(protocol.s, "msgpack-rpc", 11) == 0);
		if (text.len > 0 && (fits || !protocols))
			printf("%.*s\n", (int)text.len, text.s);
		if (spore__msgpack_skip(&at) != SPORE__MSGPACK_OK)
			return;
	}
}
