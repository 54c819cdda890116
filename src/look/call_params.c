#include <ctype.h>
#include <string.h>

#include "base/err.h"
#include "json.h"
#include "look/call.h"

// JSON, or else a string.
static void put_value(struct spore__msgpack_writer *w, const char *text)
{
	struct spore__json_error error;
	size_t before = w->len;
	if (spore__json_to_msgpack(text, strlen(text), w, &error) == SPORE_OK)
		return;
	// What begins as JSON is not meant to be a string.
	if (text[0] == '{' || text[0] == '[' || text[0] == '"')
		spore__die(SPORE__EXIT_USAGE, "a string needs no quotes; JSON begins with {, [ or \"",
		           "call: %s: at character %zu: %s", text, error.offset + 1, error.why);
	w->len = before;
	spore__msgpack_str(w, text);
}

// The length of the NAME of NAME=VALUE; 0: it is none.
static size_t name_of(const char *text)
{
	size_t len = 0;
	while (isalnum((unsigned char)text[len]) || (len > 0 && text[len] == '-') || text[len] == '_')
		len++;
	return len > 0 && !isdigit((unsigned char)text[0]) && text[len] == '=' ? len : 0;
}

static bool is_whole(const char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return *text == '{' || *text == '[';
}

void spore__call_params(struct spore__msgpack_writer *w, char *const *operands)
{
	uint32_t count = 0, named = 0;
	for (; operands[count] != NULL; count++)
		named += name_of(operands[count]) > 0;
	if (count == 1 && is_whole(operands[0])) {
		put_value(w, operands[0]);
		return;
	}
	if (named > 0 && named < count)
		spore__die(SPORE__EXIT_USAGE, "either all are NAME=VALUE or none is; JSON says it all at once",
		           "call: some parameters have a name");
	if (named > 0)
		spore__msgpack_map(w, count);
	else
		spore__msgpack_array(w, count);
	for (uint32_t i = 0; i < count; i++) {
		size_t len = named > 0 ? name_of(operands[i]) : 0;
		if (named > 0)
			spore__msgpack_strn(w, operands[i], (uint32_t)len);
		put_value(w, operands[i] + (named > 0 ? len + 1 : 0));
	}
}
