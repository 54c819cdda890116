#include "logs/fields.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "logline.h"

void spore__fields_escape(struct spore__buf *out, const char *text, size_t len, bool quoted)
{
	const unsigned char *s = (const unsigned char *)text;
	for (size_t i = 0, n; i<len; i += n> 0 ? n : 1) {
		n = spore__logline_character(s + i, len - i);
		if (n > 0 && quoted && (s[i] == '"' || s[i] == '\\'))
			spore__buf_printf(out, "\\%c", s[i]);
		else if (n > 0)
			spore__buf_add(out, s + i, n);
		else if (s[i] == '\n')
			spore__buf_str(out, "\\n");
		else if (s[i] == '\t')
			spore__buf_str(out, "\\t");
		else
			spore__buf_printf(out, "\\x%02x", s[i]);
	}
}

static void text_of(struct spore__buf *out, const char *text, size_t len)
{
	bool plain = len > 0;
	for (size_t i = 0; i < len && plain; i++)
		plain =
		    (unsigned char)text[i] > ' ' && (unsigned char)text[i] < 0x7f && strchr("\"\\='", text[i]) == NULL;
	if (!plain)
		spore__buf_char(out, '"');
	spore__fields_escape(out, text, len, true);
	if (!plain)
		spore__buf_char(out, '"');
}

static void text_of_value(struct spore__buf *out, struct spore__msgpack_reader *r)
{
	struct spore__msgpack_reader at = *r;
	struct spore__msgpack_value v;
	char text[512];
	if (spore__msgpack_read(&at, &v) == SPORE__MSGPACK_OK && v.type == SPORE__MSGPACK_STR) {
		text_of(out, (const char *)v.s.bytes, v.s.len);
		*r = at;
		return;
	}
	spore__msgpack_print(r, text, sizeof text);
	spore__fields_escape(out, text, strlen(text), false);
}

void spore__fields_text(struct spore__buf *out, struct spore__msgpack_reader map)
{
	uint32_t pairs;
	if (map.at == NULL || spore__msgpack_read_map(&map, &pairs) != SPORE__MSGPACK_OK)
		return;
	for (; pairs > 0 && map.at < map.end; pairs--) {
		spore__buf_char(out, ' ');
		text_of_value(out, &map);
		spore__buf_char(out, '=');
		text_of_value(out, &map);
	}
}

static int add(const char *bytes, size_t len, void *out)
{
	spore__buf_add(out, bytes, len);
	return 0;
}

void spore__fields_text_json(struct spore__buf *out, const struct spore__json_line *line)
{
	const char *key;
	json_t *value;
	struct spore__buf text = {0};
	json_object_foreach(line->object, key, value)
	{
		if (spore__json_line_used(line, key))
			continue;
		spore__buf_char(out, ' ');
		text_of(out, key, strlen(key));
		spore__buf_char(out, '=');
		if (json_is_string(value)) {
			text_of(out, json_string_value(value), json_string_length(value));
			continue;
		}
		text.len = 0;
		if (json_dump_callback(value, add, &text, JSON_COMPACT | JSON_ENCODE_ANY) == 0 && text.len > 0)
			spore__fields_escape(out, text.data, text.len, false);
	}
	spore__buf_finish(&text);
}

void spore__fields_json_json(struct spore__json *j, const char *key, const struct spore__json_line *line)
{
	const char *name;
	json_t *value;
	struct spore__buf text = {0};
	spore__json_open(j, key, '{');
	json_object_foreach(line->object, name, value)
	{
		text.len = 0;
		if (!spore__json_line_used(line, name) &&
		    json_dump_callback(value, add, &text, JSON_COMPACT | JSON_ENCODE_ANY) == 0)
			spore__json_raw(j, name, text.data);
	}
	spore__json_close(j, '}');
	spore__buf_finish(&text);
}

void spore__fields_base64(struct spore__buf *out, const void *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *s = bytes;
	for (size_t i = 0; i < len; i += 3) {
		uint32_t n =
		    (uint32_t)s[i] << 16 | (i + 1 < len ? (uint32_t)s[i + 1] << 8 : 0) | (i + 2 < len ? s[i + 2] : 0);
		char four[4] = {digits[n >> 18], digits[n >> 12 & 63], i + 1 < len ? digits[n >> 6 & 63] : '=',
		                i + 2 < len ? digits[n & 63] : '='};
		spore__buf_add(out, four, sizeof four);
	}
}

static void bytes_json(struct spore__json *j, const char *key, const struct spore__msgpack_value *v)
{
	struct spore__buf text = {0};
	spore__fields_base64(&text, v->s.bytes, v->s.len);
	spore__json_open(j, key, '{');
	spore__json_str(j, "base64", text.data != NULL ? text.data : "");
	spore__json_close(j, '}');
	spore__buf_finish(&text);
}

static void number_json(struct spore__json *j, const char *key, const struct spore__msgpack_value *v)
{
	struct spore__buf text = {0};
	if (v->type == SPORE__MSGPACK_INT)
		spore__buf_printf(&text, "%" PRId64, v->i);
	else if (v->type == SPORE__MSGPACK_UINT)
		spore__buf_printf(&text, "%" PRIu64, v->u);
	else if (isfinite(v->f))
		spore__buf_printf(&text, "%.17g", v->f);
	else
		spore__buf_printf(&text, "\"%f\"", v->f); // JSON has no such number
	spore__json_raw(j, key, text.data);
	spore__buf_finish(&text);
}

static void value_json(struct spore__json *j, const char *key, struct spore__msgpack_reader *r);

static void key_of(struct spore__buf *out, struct spore__msgpack_reader *r)
{
	const char *s;
	uint32_t len;
	char text[256];
	out->len = 0;
	spore__buf_str(out, "");
	if (spore__msgpack_read_str(r, &s, &len) == SPORE__MSGPACK_OK) {
		spore__buf_add(out, s, strnlen(s, len));
		return;
	}
	spore__msgpack_print(r, text, sizeof text);
	spore__buf_str(out, text);
}

static void map_json(struct spore__json *j, const char *key, struct spore__msgpack_reader *r, uint32_t pairs,
                     const char *const *but)
{
	struct spore__buf name = {0};
	spore__json_open(j, key, '{');
	for (; pairs > 0 && r->at < r->end; pairs--) {
		bool left_out = false;
		key_of(&name, r);
		for (size_t i = 0; but != NULL && but[i] != NULL; i++)
			left_out = left_out || strcmp(but[i], name.data) == 0;
		if (!left_out)
			value_json(j, name.data, r);
		else if (spore__msgpack_skip(r) != SPORE__MSGPACK_OK)
			break;
	}
	spore__json_close(j, '}');
	spore__buf_finish(&name);
}

// What it reads has been checked: it is well-formed, and no deeper than SPORE__MSGPACK_DEPTH.
static void value_json(struct spore__json *j, const char *key, struct spore__msgpack_reader *r)
{
	struct spore__msgpack_value v;
	if (spore__msgpack_read(r, &v) != SPORE__MSGPACK_OK) {
		r->at = r->end;
		spore__json_str(j, key, NULL);
		return;
	}
	switch (v.type) {
	case SPORE__MSGPACK_NIL:
		spore__json_str(j, key, NULL);
		break;
	case SPORE__MSGPACK_BOOL:
		spore__json_bool(j, key, v.boolean);
		break;
	case SPORE__MSGPACK_INT:
	case SPORE__MSGPACK_UINT:
	case SPORE__MSGPACK_FLOAT:
		number_json(j, key, &v);
		break;
	case SPORE__MSGPACK_STR:
		spore__json_strn(j, key, (const char *)v.s.bytes, v.s.len);
		break;
	case SPORE__MSGPACK_BIN:
	case SPORE__MSGPACK_EXT:
		bytes_json(j, key, &v);
		break;
	case SPORE__MSGPACK_ARRAY:
		spore__json_open(j, key, '[');
		for (uint32_t i = 0; i < v.count && r->at < r->end; i++)
			value_json(j, NULL, r);
		spore__json_close(j, ']');
		break;
	case SPORE__MSGPACK_MAP:
		map_json(j, key, r, v.count, NULL);
		break;
	}
}

void spore__fields_json(struct spore__json *j, const char *key, const struct spore__record *r)
{
	static const char *const of_events[] = {"event", "level", "text", NULL};
	struct spore__msgpack_reader map = r->fields;
	uint32_t pairs;
	if (map.at == NULL || spore__msgpack_read_map(&map, &pairs) != SPORE__MSGPACK_OK)
		spore__json_str(j, key, NULL);
	else
		map_json(j, key, &map, pairs, r->stream == SPORE__STREAM_EVENTS ? of_events : NULL);
}
