// `$/describe` from the header: which parameters and results a function has, in the words of the wire.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stubs/model.h"

static const char *wire_type(const struct spore__stub_slot *s)
{
	if (s->element == SPORE__ELEMENT_VALUE)
		return "any";
	if (s->form == SPORE__FORM_BUFFER || s->form == SPORE__FORM_FIXED)
		return s->element == SPORE__ELEMENT_BYTE   ? "bytes"
		       : s->element == SPORE__ELEMENT_CHAR ? "str"
		                                           : "array";
	if (s->element == SPORE__ELEMENT_RECORD)
		return "map";
	if (s->element == SPORE__ELEMENT_STRING)
		return "str";
	return s->scalar == SPORE_STUB_BOOL ? "bool" : s->scalar >= SPORE_STUB_F32 ? "float" : "int";
}

static const char *element_name(const struct spore__stub_slot *s)
{
	struct spore__stub_slot one = {.form = SPORE__FORM_ONE, .element = s->element, .scalar = s->scalar};
	return wire_type(&one);
}

static void record_text(struct spore__buf *out, const struct spore__stub_record *r)
{
	spore__buf_str(out, "{");
	for (size_t i = 0; i < r->count; i++) {
		const struct spore__stub_slot *s = &r->slots[i];
		spore__buf_printf(out, "%s%s: %s", i > 0 ? ", " : "", s->name, wire_type(s));
		if (strcmp(wire_type(s), "array") == 0)
			spore__buf_printf(out, " of %s", element_name(s));
	}
	spore__buf_str(out, "}");
}

// What the type alone does not say.
static char *help_text(const struct spore__stub_slot *s)
{
	struct spore__buf out = {0};
	if (s->help != NULL)
		spore__buf_str(&out, s->help);
	const char *between = out.len > 0 ? "; " : "";
	if (strcmp(wire_type(s), "array") == 0) {
		spore__buf_printf(&out, "%s%s of ", between, s->form == SPORE__FORM_FIXED ? "an array" : "any number");
		if (s->record != NULL)
			record_text(&out, s->record);
		else
			spore__buf_str(&out, element_name(s));
		if (s->form == SPORE__FORM_FIXED)
			spore__buf_printf(&out, ", %zu of them", s->count);
	} else if (s->record != NULL) {
		spore__buf_str(&out, between);
		record_text(&out, s->record);
	}
	for (size_t i = 0; s->names != NULL && i < s->names->count; i++)
		spore__buf_printf(&out, "%s%s", i == 0 ? between : ", ", s->names->items[i]);
	return out.len > 0 ? spore__buf_take(&out) : NULL;
}

static void field(struct spore__buf *out, const struct spore__stub_slot *s, const char *name)
{
	char *help = help_text(s);
	bool may_be_nil =
	    s->form == SPORE__FORM_POINTER || (s->form == SPORE__FORM_ONE && s->element == SPORE__ELEMENT_STRING);
	bool optional = may_be_nil && (s->nullable || s->out);
	spore__buf_printf(out, "\t{\"%s\", \"%s\", ", name, wire_type(s));
	spore__stub_emit_text(out, help);
	spore__buf_printf(out, ", %s},\n", optional ? "true" : "false");
	free(help);
}

void spore__stub_emit_fields(struct spore__buf *out, const char *label, const struct spore__stub_slot *slots,
                             size_t count, const struct spore__stub_slot *result)
{
	spore__buf_printf(out, "static const struct spore_rpc_field %s[] = {\n", label);
	if (result != NULL && result->form != SPORE__FORM_NONE)
		field(out, result, count > 0 ? "return" : "");
	for (size_t i = 0; i < count; i++)
		field(out, &slots[i], slots[i].name);
	spore__buf_str(out, "\t{NULL, NULL, NULL, false},\n};\n\n");
}
