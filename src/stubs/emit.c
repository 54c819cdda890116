// Code for one slot and for structures, which both sides need.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stubs/model.h"

const char *spore__stub_scalar_name(enum spore_stub_scalar s)
{
#define NAME(type) [SPORE_STUB_##type] = "SPORE_STUB_" #type
	static const char *const names[] = {
	    NAME(BOOL), NAME(I8),  NAME(I16), NAME(I32), NAME(I64), NAME(U8),
	    NAME(U16),  NAME(U32), NAME(U64), NAME(F32), NAME(F64),
	};
#undef NAME
	return names[s];
}

void spore__stub_emit_text(struct spore__buf *out, const char *text)
{
	if (text == NULL) {
		spore__buf_str(out, "NULL");
		return;
	}
	spore__buf_char(out, '"');
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\' || *p < ' ' || *p > '~' || *p == '?')
			spore__buf_printf(out, "\\%03o", *p);
		else
			spore__buf_char(out, (char)*p);
	}
	spore__buf_char(out, '"');
}

static void put_many(struct spore__buf *out, const struct spore__stub_slot *s, const char *indent, const char *value,
                     const char *n, bool until)
{
	switch (s->element) {
	case SPORE__ELEMENT_SCALAR:
		spore__buf_printf(out, "%sspore_stub_put_numbers(spore_w, %s, %s, %s);\n", indent,
		                  spore__stub_scalar_name(s->scalar), value, n);
		break;
	case SPORE__ELEMENT_BYTE:
		spore__buf_printf(out, "%sspore_stub_put_bytes(spore_w, %s, %s);\n", indent, value, n);
		break;
	case SPORE__ELEMENT_VALUE:
		spore__buf_printf(out, "%sspore_stub_put_value(spore_w, %s, %s);\n", indent, value, n);
		break;
	case SPORE__ELEMENT_CHAR:
		spore__buf_printf(out, "%sspore_stub_put_%s(spore_w, %s, %s);\n", indent, until ? "until" : "text",
		                  value, n);
		break;
	case SPORE__ELEMENT_STRING:
		spore__buf_printf(out, "%sspore_stub_put_strings(spore_w, (const char *const *)%s, %s);\n", indent,
		                  value, n);
		break;
	case SPORE__ELEMENT_RECORD:
		spore__buf_printf(
		    out,
		    "%sspore_stub_put_array(spore_w, %s);\n%sfor (size_t spore_i = 0; spore_i < %s; spore_i++)\n"
		    "%s\tspore_put_%u(spore_w, &(%s)[spore_i]);\n",
		    indent, n, indent, n, indent, s->record->number, value);
		break;
	}
}

void spore__stub_emit_put(struct spore__buf *out, const struct spore__stub_slot *s, const char *indent,
                          const char *value, const char *length)
{
	char *n = NULL;
	switch (s->form) {
	case SPORE__FORM_NONE:
		spore__buf_printf(out, "%sspore_write_nil(spore_w);\n", indent);
		break;
	case SPORE__FORM_ONE:
		if (s->element == SPORE__ELEMENT_SCALAR)
			spore__buf_printf(out, "%sspore_stub_put(spore_w, %s, &(%s));\n", indent,
			                  spore__stub_scalar_name(s->scalar), value);
		else if (s->element == SPORE__ELEMENT_STRING)
			spore__buf_printf(out, "%sspore_write_str(spore_w, %s);\n", indent, value);
		else
			spore__buf_printf(out, "%sspore_put_%u(spore_w, &(%s));\n", indent, s->record->number, value);
		break;
	case SPORE__FORM_POINTER:
		spore__buf_printf(out, "%sif (%s == NULL)\n%s\tspore_write_nil(spore_w);\n%selse\n", indent, value,
		                  indent, indent);
		if (s->element == SPORE__ELEMENT_SCALAR)
			spore__buf_printf(out, "%s\tspore_stub_put(spore_w, %s, %s);\n", indent,
			                  spore__stub_scalar_name(s->scalar), value);
		else
			spore__buf_printf(out, "%s\tspore_put_%u(spore_w, %s);\n", indent, s->record->number, value);
		break;
	case SPORE__FORM_BUFFER:
		n = spore__xasprintf("(size_t)(%s)", length);
		// What is written into a buffer of the caller without a length of its own ends where a text ends.
		put_many(out, s, indent, value, n, s->out && s->by_pointer && !s->length_by_pointer);
		break;
	case SPORE__FORM_FIXED:
		n = spore__xasprintf("%zu", s->count);
		put_many(out, s, indent, value, n, true);
		break;
	}
	free(n);
}

// The largest number that the length's type holds, as an expression.
static char *limit_of(const struct spore__stub_slot *s, const char *length)
{
	if (s->length_type == NULL || strcmp(s->length_type, "size_t") == 0 || length == NULL)
		return spore__xstrdup("SIZE_MAX");
	return spore__xasprintf("((%s)-1 > 0 ? (uint64_t)(%s)-1 : ((uint64_t)1 << (8 * sizeof(%s) - 1)) - 1)",
	                        s->length_type, s->length_type, s->length_type);
}

static void get_buffer(struct spore__buf *out, const struct spore__stub_slot *s, const char *indent, const char *value,
                       const char *length, const char *given)
{
	char *limit = limit_of(s, length);
	spore__buf_printf(out, "%s{\n%s\tsize_t spore_n = 0;\n", indent, indent);
	switch (s->element) {
	case SPORE__ELEMENT_SCALAR:
		spore__buf_printf(out, "%s\t%s = spore_stub_get_numbers(spore_g, %s, \"%s\", %s, %s, &spore_n);\n",
		                  indent, value, spore__stub_scalar_name(s->scalar), s->name, given, limit);
		break;
	case SPORE__ELEMENT_VALUE:
		spore__buf_printf(out, "%s\t%s = spore_stub_get_value(spore_g, \"%s\", %s, %s, &spore_n);\n", indent,
		                  value, s->name, given, limit);
		break;
	case SPORE__ELEMENT_BYTE:
	case SPORE__ELEMENT_CHAR:
		spore__buf_printf(out, "%s\t%s = spore_stub_get_bytes(spore_g, \"%s\", %s, %s, &spore_n);\n", indent,
		                  value, s->name, given, limit);
		break;
	case SPORE__ELEMENT_STRING:
		spore__buf_printf(out, "%s\t%s = (void *)spore_stub_get_strings(spore_g, \"%s\", %s, %s, &spore_n);\n",
		                  indent, value, s->name, given, limit);
		break;
	case SPORE__ELEMENT_RECORD:
		spore__buf_printf(
		    out,
		    "%s\t%s *spore_p = spore_stub_get_array(spore_g, \"%s\", sizeof(%s), %s, %s, &spore_n);\n"
		    "%s\tfor (size_t spore_i = 0; spore_p != NULL && spore_i < spore_n; spore_i++)\n"
		    "%s\t\tspore_get_%u(spore_g, &spore_p[spore_i]);\n%s\t%s = spore_p;\n",
		    indent, s->type, s->name, s->type, given, limit, indent, indent, s->record->number, indent, value);
		break;
	}
	if (length != NULL)
		spore__buf_printf(out, "%s\t%s = (%s)spore_n;\n", indent, length, s->length_type);
	spore__buf_printf(out, "%s}\n", indent);
	free(limit);
}

void spore__stub_emit_fill(struct spore__buf *out, const struct spore__stub_slot *s, const char *indent,
                           const char *value, const char *room, const char *length)
{
	bool exact = length == NULL;
	spore__buf_printf(out, "%s{\n%s\tsize_t spore_n = ", indent, indent);
	switch (s->element) {
	case SPORE__ELEMENT_SCALAR:
		spore__buf_printf(out, "spore_stub_fill_numbers(spore_g, %s, \"%s\", %s, %s, %s);\n",
		                  spore__stub_scalar_name(s->scalar), s->name, value, room, exact ? "true" : "false");
		break;
	case SPORE__ELEMENT_BYTE:
	case SPORE__ELEMENT_VALUE: // never: the parser takes it for what is made only
		spore__buf_printf(out, "spore_stub_fill_bytes(spore_g, \"%s\", %s, %s, %s);\n", s->name, value, room,
		                  exact ? "true" : "false");
		break;
	case SPORE__ELEMENT_CHAR:
		spore__buf_printf(out, "spore_stub_fill_text(spore_g, \"%s\", %s, %s, %s);\n", s->name, value, room,
		                  exact ? "true" : "false");
		break;
	case SPORE__ELEMENT_STRING:
	case SPORE__ELEMENT_RECORD:
		spore__buf_printf(out,
		                  "spore_stub_fill_array(spore_g, \"%s\", %s);\n%s\tfor (size_t spore_i = 0; spore_i < "
		                  "spore_n; spore_i++)\n"
		                  "%s\t\tspore_get_%u(spore_g, &(%s)[spore_i]);\n",
		                  s->name, room, indent, indent, s->record->number, value);
		break;
	}
	if (length != NULL)
		spore__buf_printf(out, "%s\t%s = (%s)spore_n;\n", indent, length, s->length_type);
	else
		spore__buf_printf(out, "%s\t(void)spore_n;\n", indent);
	spore__buf_printf(out, "%s}\n", indent);
}

void spore__stub_emit_get(struct spore__buf *out, const struct spore__stub_slot *s, const char *indent,
                          const char *value, const char *length, bool given)
{
	const char *word = given ? "true" : "false";
	char room[32];
	switch (s->form) {
	case SPORE__FORM_NONE:
		break;
	case SPORE__FORM_ONE:
		if (s->element == SPORE__ELEMENT_SCALAR)
			spore__buf_printf(out, "%sspore_stub_get(spore_g, %s, \"%s\", &(%s));\n", indent,
			                  spore__stub_scalar_name(s->scalar), s->name, value);
		else if (s->element == SPORE__ELEMENT_STRING)
			spore__buf_printf(out, "%s%s = spore_stub_get_string(spore_g, \"%s\", %s);\n", indent, value,
			                  s->name, word);
		else
			spore__buf_printf(out, "%sspore_get_%u(spore_g, &(%s));\n", indent, s->record->number, value);
		break;
	case SPORE__FORM_POINTER:
		spore__buf_printf(out,
		                  "%s{\n%s\t%s *spore_p = spore_stub_get_pointer(spore_g, sizeof(%s), %s);\n%s\tif "
		                  "(spore_p != NULL)\n",
		                  indent, indent, s->type, s->type, word, indent);
		if (s->element == SPORE__ELEMENT_SCALAR)
			spore__buf_printf(out, "%s\t\tspore_stub_get(spore_g, %s, \"%s\", spore_p);\n", indent,
			                  spore__stub_scalar_name(s->scalar), s->name);
		else
			spore__buf_printf(out, "%s\t\tspore_get_%u(spore_g, spore_p);\n", indent, s->record->number);
		spore__buf_printf(out, "%s\t%s = spore_p;\n%s}\n", indent, value, indent);
		break;
	case SPORE__FORM_BUFFER:
		get_buffer(out, s, indent, value, length, word);
		break;
	case SPORE__FORM_FIXED:
		(void)snprintf(room, sizeof room, "%zu", s->count);
		spore__stub_emit_fill(out, s, indent, value, room, NULL);
		break;
	}
}

void spore__stub_emit_field(struct spore__buf *out, const struct spore__stub_slot *s, const char *indent, size_t index)
{
	bool may = s->element == SPORE__ELEMENT_VALUE ||
	           ((s->nullable || s->out) && (s->form == SPORE__FORM_POINTER || s->element == SPORE__ELEMENT_STRING));
	spore__buf_printf(out, "%sspore_stub_%s(spore_g, &spore_f, %zu);\n", indent, may ? "maybe" : "field", index);
}

// ---- structures

static void emit_names(struct spore__buf *out, const struct spore__stub_slot *slots, size_t count)
{
	spore__buf_str(out, "\tstatic const char *const spore_names[] = {");
	for (size_t i = 0; i < count; i++)
		spore__buf_printf(out, "\"%s\", ", slots[i].name);
	spore__buf_str(out, "NULL};\n");
}

static void emit_record_put(const struct spore__stub_record *r, struct spore__buf *out)
{
	spore__buf_printf(out,
	                  "static void spore_put_%u(struct spore_writer *spore_w, const %s "
	                  "*spore_v)\n{\n\tspore_write_map(spore_w, %zu);\n",
	                  r->number, r->type, r->count);
	if (r->count == 0)
		spore__buf_str(out, "\t(void)spore_v;\n");
	for (size_t i = 0; i < r->count; i++) {
		const struct spore__stub_slot *s = &r->slots[i];
		char *value = spore__xasprintf("spore_v->%s", s->name);
		char *length = s->length != NULL ? spore__xasprintf("spore_v->%s", s->length) : NULL;
		spore__buf_printf(out, "\tspore_write_str(spore_w, \"%s\");\n", s->name);
		spore__stub_emit_put(out, s, "\t", value, length);
		free(value);
		free(length);
	}
	spore__buf_str(out, "}\n");
}

static void emit_record_get(const struct spore__stub_record *r, struct spore__buf *out)
{
	spore__buf_printf(out, "static void spore_get_%u(struct spore_stub_get *spore_g, %s *spore_v)\n{\n", r->number,
	                  r->type);
	emit_names(out, r->slots, r->count);
	spore__buf_printf(out,
	                  "\tstruct spore_stub_fields spore_f;\n\tif (!spore_stub_enter(spore_g, \"%s\", spore_names, "
	                  "%zu, &spore_f))\n\t\treturn;\n",
	                  r->name, r->count);
	if (r->count == 0)
		spore__buf_str(out, "\t(void)spore_v;\n");
	for (size_t i = 0; i < r->count; i++) {
		const struct spore__stub_slot *s = &r->slots[i];
		char *value = spore__xasprintf("spore_v->%s", s->name);
		char *length = s->length != NULL ? spore__xasprintf("spore_v->%s", s->length) : NULL;
		spore__stub_emit_field(out, s, "\t", i);
		spore__stub_emit_get(out, s, "\t", value, length, s->given);
		free(value);
		free(length);
	}
	spore__buf_str(out, "\tspore_stub_leave(spore_g, &spore_f);\n}\n");
}

static void emit_member_free(const struct spore__stub_slot *s, struct spore__buf *out)
{
	bool deep = s->record != NULL && s->record->gives;
	if (deep && s->form == SPORE__FORM_ONE)
		spore__buf_printf(out, "\tspore_free_%u(&spore_v->%s);\n", s->record->number, s->name);
	if (deep && s->given && s->form == SPORE__FORM_POINTER)
		spore__buf_printf(out, "\tif (spore_v->%s != NULL)\n\t\tspore_free_%u(spore_v->%s);\n", s->name,
		                  s->record->number, s->name);
	if (deep && ((s->given && s->form == SPORE__FORM_BUFFER) || s->form == SPORE__FORM_FIXED)) {
		char count[32];
		(void)snprintf(count, sizeof count, "%zu", s->count);
		spore__buf_printf(out,
		                  "\tfor (size_t spore_i = 0; spore_i < (size_t)%s%s; "
		                  "spore_i++)\n\t\tspore_free_%u(&spore_v->%s[spore_i]);\n",
		                  s->length != NULL ? "spore_v->" : "", s->length != NULL ? s->length : count,
		                  s->record->number, s->name);
	}
	if (s->given && s->element == SPORE__ELEMENT_STRING && s->form == SPORE__FORM_BUFFER)
		spore__buf_printf(out,
		                  "\tfor (size_t spore_i = 0; spore_i < (size_t)spore_v->%s; "
		                  "spore_i++)\n\t\tspore_stub_free(spore_v->%s[spore_i]);\n",
		                  s->length, s->name);
	if (s->given)
		spore__buf_printf(out, "\tspore_stub_free(spore_v->%s);\n", s->name);
}

void spore__stub_emit_local(struct spore__buf *out, const struct spore__stub_slot *s)
{
	bool pointer =
	    s->form == SPORE__FORM_POINTER || s->form == SPORE__FORM_BUFFER || s->element == SPORE__ELEMENT_STRING;
	if (s->form == SPORE__FORM_FIXED)
		spore__buf_printf(out, "\t%s v_%s[%zu];\n\tmemset(v_%s, 0, sizeof v_%s);\n", s->type, s->name, s->count,
		                  s->name, s->name);
	else
		spore__buf_printf(out, "\t%s %sv_%s;\n\tmemset(&v_%s, 0, sizeof v_%s);\n", s->type, pointer ? "*" : "",
		                  s->name, s->name, s->name);
	if (s->length != NULL)
		spore__buf_printf(out, "\t%s v_%s = 0;\n", s->length_type, s->length);
}

void spore__stub_emit_records(const struct spore__stub_model *m, struct spore__buf *out)
{
	for (const struct spore__stub_record *r = m->records; r != NULL; r = r->next) {
		spore__buf_printf(out,
		                  "static void spore_put_%u(struct spore_writer *spore_w, const %s *spore_v);\n"
		                  "static void spore_get_%u(struct spore_stub_get *spore_g, %s *spore_v);\n",
		                  r->number, r->type, r->number, r->type);
		if (r->gives)
			spore__buf_printf(out, "static void spore_free_%u(const %s *spore_v);\n", r->number, r->type);
	}
	for (const struct spore__stub_record *r = m->records; r != NULL; r = r->next) {
		spore__buf_char(out, '\n');
		emit_record_put(r, out);
		spore__buf_char(out, '\n');
		emit_record_get(r, out);
		if (!r->gives)
			continue;
		spore__buf_printf(out, "\nstatic void spore_free_%u(const %s *spore_v)\n{\n", r->number, r->type);
		for (size_t i = 0; i < r->count; i++)
			emit_member_free(&r->slots[i], out);
		spore__buf_str(out, "}\n");
	}
	spore__buf_char(out, '\n');
}
