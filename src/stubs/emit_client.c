// The caller's side: a definition of each function that sends its parameters and waits for the result.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stubs/model.h"

static bool is_wire(const struct spore__stub_slot *s)
{
	return s->in || (s->form == SPORE__FORM_BUFFER && s->by_pointer && !s->allocated);
}

// Does it come back in a buffer of the caller?
static bool fills(const struct spore__stub_slot *s)
{
	return s->form == SPORE__FORM_BUFFER && s->by_pointer && !s->allocated;
}

static char *length_of(const struct spore__stub_slot *s)
{
	if (s->length == NULL)
		return NULL;
	return s->length_by_pointer ? spore__xasprintf("(%s != NULL ? *%s : 0)", s->length, s->length)
	                            : spore__xstrdup(s->length);
}

static void put_params(const struct spore__stub_function *f, struct spore__buf *out)
{
	spore__buf_str(out, "\tif (spore_w != NULL) {\n");
	for (size_t i = 0; i < f->count; i++) {
		const struct spore__stub_slot *s = &f->slots[i];
		char *length = length_of(s);
		if (s->in) {
			char *value = s->by_pointer && s->form == SPORE__FORM_ONE ? spore__xasprintf("*%s", s->name)
			                                                          : spore__xstrdup(s->name);
			struct spore__stub_slot in = *s;
			in.by_pointer = false; // all of the buffer
			spore__stub_emit_put(out, &in, "\t\t", value, length);
			free(value);
		} else if (fills(s)) {
			spore__buf_printf(out, "\t\tspore_write_uint(spore_w, (uint64_t)(%s));\n", length);
		}
		free(length);
	}
	spore__buf_str(out, "\t\t(void)spore_w;\n\t}\n");
}

static void put_size(const struct spore__stub_function *f, struct spore__buf *out)
{
	spore__buf_str(out, "64");
	for (size_t i = 0; i < f->count; i++) {
		const struct spore__stub_slot *s = &f->slots[i];
		if (!s->in || s->form != SPORE__FORM_BUFFER)
			continue;
		char *length = length_of(s);
		spore__buf_printf(out, " + (size_t)(%s)%s", length,
		                  s->element == SPORE__ELEMENT_RECORD || s->element == SPORE__ELEMENT_STRING ? " * 64"
		                  : s->element == SPORE__ELEMENT_SCALAR                                      ? " * 9"
		                                                                                             : "");
		free(length);
	}
}

// What comes out by way of a pointer that may be NULL.
static void take_out(const struct spore__stub_slot *s, struct spore__buf *out)
{
	char *length = length_of(s);
	if (fills(s)) {
		char *target = s->length_by_pointer ? spore__xasprintf("*%s", s->length) : NULL;
		spore__stub_emit_fill(out, s, "\t\t", s->name, length, target);
		free(target);
	} else if (s->form == SPORE__FORM_FIXED) {
		spore__stub_emit_get(out, s, "\t\t", s->name, NULL, false);
	} else if (s->form == SPORE__FORM_BUFFER) {
		spore__buf_printf(out, "\t\t{\n\t\t\t%s *spore_o = NULL;\n\t\t\t%s spore_l = 0;\n", s->type,
		                  s->length_type);
		spore__stub_emit_get(out, s, "\t\t\t", "spore_o", "spore_l", s->given);
		spore__buf_printf(out, "\t\t\t*%s = spore_o;\n\t\t\tif (%s != NULL)\n\t\t\t\t*%s = spore_l;\n\t\t}\n",
		                  s->name, s->length, s->length);
	} else {
		bool pointer = s->form == SPORE__FORM_POINTER || s->element == SPORE__ELEMENT_STRING;
		spore__buf_printf(out, "\t\t{\n\t\t\t%s %sspore_o;\n\t\t\tmemset(&spore_o, 0, sizeof spore_o);\n",
		                  s->type, pointer ? "*" : "");
		spore__stub_emit_get(out, s, "\t\t\t", "spore_o", NULL, s->given);
		spore__buf_printf(out, "\t\t\tif (%s != NULL)\n\t\t\t\t*%s = spore_o;\n\t\t}\n", s->name, s->name);
	}
	free(length);
}

static void take_result(const struct spore__stub_function *f, struct spore__buf *out)
{
	const struct spore__stub_slot *s = &f->result;
	if (s->form == SPORE__FORM_BUFFER) {
		spore__buf_printf(out, "\t\t{\n\t\t\t%s *spore_o = NULL;\n\t\t\t%s spore_l = 0;\n", s->type,
		                  s->length_type);
		spore__stub_emit_get(out, s, "\t\t\t", "spore_o", "spore_l", s->given);
		spore__buf_printf(
		    out, "\t\t\tspore_result = spore_o;\n\t\t\tif (%s != NULL)\n\t\t\t\t*%s = spore_l;\n\t\t}\n",
		    s->length, s->length);
	} else {
		spore__stub_emit_get(out, s, "\t\t", "spore_result", NULL, s->given);
	}
}

static size_t count_outs(const struct spore__stub_function *f)
{
	size_t outs = 0;
	for (size_t i = 0; i < f->count; i++)
		outs += f->slots[i].out;
	return outs;
}

static void take_all(const struct spore__stub_function *f, struct spore__buf *out)
{
	size_t outs = count_outs(f), at = 0;
	if (outs == 0) {
		take_result(f, out);
		return;
	}
	bool returns = f->result.form != SPORE__FORM_NONE;
	spore__buf_printf(out, "\t\tstatic const char *const spore_names[] = {%s", returns ? "\"return\", " : "");
	for (size_t i = 0; i < f->count; i++)
		if (f->slots[i].out)
			spore__buf_printf(out, "\"%s\", ", f->slots[i].name);
	spore__buf_printf(out,
	                  "NULL};\n\t\tstruct spore_stub_fields spore_f;\n\t\tif (spore_stub_enter(spore_g, "
	                  "\"result\", spore_names, %zu, &spore_f)) {\n",
	                  outs + returns);
	if (returns) {
		spore__stub_emit_field(out, &f->result, "\t\t", at++);
		take_result(f, out);
	}
	for (size_t i = 0; i < f->count; i++) {
		if (!f->slots[i].out)
			continue;
		spore__stub_emit_field(out, &f->slots[i], "\t\t", at++);
		take_out(&f->slots[i], out);
	}
	spore__buf_str(out, "\t\t}\n");
}

// After a failure.
static void zero_all(const struct spore__stub_function *f, struct spore__buf *out)
{
	const struct spore__stub_slot *r = &f->result;
	if (r->form != SPORE__FORM_NONE)
		spore__buf_str(out, "\t\tmemset(&spore_result, 0, sizeof spore_result);\n");
	if (r->form == SPORE__FORM_BUFFER)
		spore__buf_printf(out, "\t\tif (%s != NULL)\n\t\t\t*%s = 0;\n", r->length, r->length);
	for (size_t i = 0; i < f->count; i++) {
		const struct spore__stub_slot *s = &f->slots[i];
		if (!s->out || s->in)
			continue;
		if (s->length_by_pointer)
			spore__buf_printf(out, "\t\tif (%s != NULL)\n\t\t\t*%s = 0;\n", s->length, s->length);
		else if (fills(s))
			spore__buf_printf(out, "\t\tif (%s != NULL)\n\t\t\tmemset(%s, 0, (size_t)%s * sizeof(%s));\n",
			                  s->name, s->name, s->length, s->type);
		if (s->form == SPORE__FORM_FIXED)
			spore__buf_printf(out, "\t\tif (%s != NULL)\n\t\t\tmemset(%s, 0, %zu * sizeof *%s);\n", s->name,
			                  s->name, s->count, s->name);
		else if (!fills(s))
			spore__buf_printf(out, "\t\tif (%s != NULL)\n\t\t\tmemset(%s, 0, sizeof *%s);\n", s->name,
			                  s->name, s->name);
	}
}

// ---- callbacks

// The C parameters of a callback are its slots in order, each length behind its buffer or where it was declared.
static void call_back(const struct spore__stub_callback *c, struct spore__buf *out)
{
	spore__buf_printf(out, "spore_a->%s(", c->name);
	for (size_t i = 0; i < c->declared.count; i++) {
		if (i > 0)
			spore__buf_str(out, ", ");
		if (i == c->passed) {
			spore__buf_str(out, "spore_a->spore_arg");
			continue;
		}
		for (size_t k = 0; k < c->count; k++) {
			const struct spore__stub_slot *s = &c->slots[k];
			if (strcmp(c->names.items[i], s->name) == 0)
				spore__buf_printf(out, "%sv_%s",
				                  s->element == SPORE__ELEMENT_STRING && s->form == SPORE__FORM_BUFFER
				                      ? "(void *)"
				                      : "",
				                  s->name);
			else if (s->length != NULL && strcmp(c->names.items[i], s->length) == 0)
				spore__buf_printf(out, "v_%s", s->length);
		}
	}
	spore__buf_char(out, ')');
}

static void emit_item(const struct spore__stub_function *f, struct spore__buf *out)
{
	const struct spore__stub_callback *c = &f->callback;
	spore__buf_printf(out, "struct spore_with_%s {\n\t%s;\n\tvoid *spore_arg;\n};\n\n", f->name,
	                  f->params[f->param_count - 2].declared);
	spore__buf_printf(out,
	                  "static int spore_item_%s(struct spore_stub_get *spore_g, void *spore_data)\n{\n\tstruct "
	                  "spore_with_%s *spore_a = spore_data;\n",
	                  f->name, f->name);
	for (size_t i = 0; i < c->count; i++)
		spore__stub_emit_local(out, &c->slots[i]);
	if (c->count > 1) {
		spore__buf_str(out, "\tstatic const char *const spore_names[] = {");
		for (size_t i = 0; i < c->count; i++)
			spore__buf_printf(out, "\"%s\", ", c->slots[i].name);
		spore__buf_printf(out,
		                  "NULL};\n\tstruct spore_stub_fields spore_f;\n\tif (!spore_stub_enter(spore_g, "
		                  "\"item\", spore_names, %zu, &spore_f))\n\t\treturn 1;\n",
		                  c->count);
	}
	for (size_t i = 0; i < c->count; i++) {
		char *value = spore__xasprintf("v_%s", c->slots[i].name);
		char *length = c->slots[i].length != NULL ? spore__xasprintf("v_%s", c->slots[i].length) : NULL;
		if (c->count > 1)
			spore__stub_emit_field(out, &c->slots[i], "\t", i);
		spore__stub_emit_get(out, &c->slots[i], "\t", value, length, false);
		free(value);
		free(length);
	}
	spore__buf_str(out, "\tif (spore_g->err != SPORE_OK)\n\t\treturn 1;\n\t");
	if (c->stops)
		spore__buf_str(out, "return ");
	call_back(c, out);
	spore__buf_printf(out, ";\n%s}\n\n", c->stops ? "" : "\treturn 0;\n");
}

static void emit_function(const struct spore__stub_function *f, struct spore__buf *out)
{
	size_t wired = 0;
	struct spore__buf head = {0};
	if (f->callback.name != NULL)
		emit_item(f, out);
	for (size_t i = 0; i < f->count; i++)
		wired += is_wire(&f->slots[i]);
	spore__buf_printf(&head, "%s(", f->name);
	for (size_t i = 0; i < f->param_count; i++)
		spore__buf_printf(&head, "%s%s", i > 0 ? ", " : "", f->params[i].declared);
	spore__buf_printf(&head, "%s)", f->param_count == 0 ? "void" : "");
	bool returns = f->result.form != SPORE__FORM_NONE;
	spore__buf_printf(out, "%s%s%s\n{\n", f->returns, f->returns[strlen(f->returns) - 1] == '*' ? "" : " ",
	                  head.data);
	if (returns) {
		spore__buf_printf(out, "\t%s spore_result;\n\tmemset(&spore_result, 0, sizeof spore_result);\n",
		                  f->returns);
	}
	spore__buf_printf(out,
	                  "\tstruct spore_stub_call spore_c;\n\tstruct spore_writer *spore_w = "
	                  "spore_stub_begin(&spore_c, &spore_port, \"%s\", %zu, ",
	                  f->method, wired);
	put_size(f, out);
	spore__buf_str(out, ");\n");
	put_params(f, out);
	if (f->callback.name != NULL)
		spore__buf_printf(out,
		                  "\tstruct spore_with_%s spore_a = {%s, %s};\n\tspore_stub_items(&spore_c, "
		                  "spore_item_%s, &spore_a);\n",
		                  f->name, f->callback.name, f->callback.argument, f->name);
	spore__buf_str(out, "\tif (spore_stub_wait(&spore_c)) {\n\t\tstruct spore_stub_get *spore_g = "
	                    "&spore_c.get;\n\t\t(void)spore_g;\n");
	take_all(f, out);
	spore__buf_str(out, "\t}\n\tif (!spore_stub_end(&spore_c)) {\n");
	zero_all(f, out);
	spore__buf_printf(out, "\t}\n%s}\n\n", returns ? "\treturn spore_result;\n" : "");
	spore__buf_finish(&head);
}

void spore__stub_emit_client(const struct spore__stub_model *m, const char *port, struct spore__buf *out)
{
	spore__buf_printf(out, "static struct spore_stub_port spore_port = {\"%s\", NULL};\n\n", port);
	spore__stub_emit_records(m, out);
	for (size_t i = 0; i < m->count; i++)
		emit_function(&m->functions[i], out);
}
