// A line of a program as `spore logs` shows it: understood as JSON where it is that, escaped for terminals, and as JSON of our own, which has to be
// well-formed whatever the line is.
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "logs/fields.h"
#include "logs/json_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spore__json_line line;
	struct spore__buf people = {0}, programs = {0};
	struct spore__json j = {.out = &programs};
	const char *text = (const char *)data;
	spore__json_open(&j, NULL, '{');
	spore__json_strn(&j, "line", text, size);
	spore__fields_escape(&people, text, size, true);
	if (spore__json_line_parse(text, size, &line)) {
		spore__json_strn(&j, "text", line.message != NULL ? line.message : "", line.message_len);
		spore__fields_text_json(&people, &line);
		spore__fields_json_json(&j, "fields", &line);
		spore__json_line_finish(&line);
	}
	spore__json_close(&j, '}');
	for (size_t i = 0; i < people.len; i++)
		if ((unsigned char)people.data[i] < ' ' || people.data[i] == 0x7f)
			abort();
	json_t *again = json_loadb(programs.data, programs.len, JSON_ALLOW_NUL, NULL);
	if (!json_is_object(again))
		abort();
	json_decref(again);
	spore__buf_finish(&people);
	spore__buf_finish(&programs);
	return 0;
}
