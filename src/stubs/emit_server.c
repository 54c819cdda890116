// The side of the function: parameters become variables, the function is called, and its result is sent.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stubs/model.h"

// In a buffer of the caller: the function is given one of that size.
static bool fills(const struct spore__stub_slot *s)
{
	return s->form == SPORE__FORM_BUFFER && s->by_pointer && !s->allocated;
}

static bool is_wire(const struct spore__stub_slot *s)
{
	return s->in || fills(s);
}

static const char *wire_name(const struct spore__stub_slot *s)
{
	return s->in ? s->name : s->length;
}

static char *local(const char *name)
{
	return name != NULL ? spore__xasprintf("v_%s", name) : NULL;
}

static void get_params(const struct spore__stub_function *f, struct spore__buf *out)
{
	size_t wired = 0, at = 0;
	for (size_t i = 0; i < f->count; i++)
		wired += is_wire(&f->slots[i]);
	if (wired == 0)
		return;
	spore__buf_str(out, "\tstatic const char *const spore_names[] = {");
	for (size_t i = 0; i < f->count; i++)
		if (is_wire(&f->slots[i]))
			spore__buf_printf(out, "\"%s\", ", wire_name(&f->slots[i]));
	spore__buf_printf(
	    out,
	    "NULL};\n\tstruct spore_stub_get *spore_g = &spore_s->get;\n\tstruct spore_stub_fields spore_f;\n"
	    "\tif (spore_stub_enter(spore_g, \"parameters\", spore_names, %zu, &spore_f)) {\n",
	    wired);
	for (size_t i = 0; i < f->count; i++) {
		const struct spore__stub_slot *s = &f->slots[i];
		if (!is_wire(s))
			continue;
		char *value = local(s->name), *length = local(s->length);
		if (s->in) {
			spore__stub_emit_field(out, s, "\t\t", at++);
			spore__stub_emit_get(out, s, "\t\t", value, length, false);
			if (!s->nullable && (s->form == SPORE__FORM_POINTER ||
			                     (s->form == SPORE__FORM_ONE && s->element == SPORE__ELEMENT_STRING)))
				spore__buf_printf(out,
				                  "\t\tif (%s == NULL)\n\t\t\tspore_stub_get_fail(spore_g, "
				                  "SPORE_EMALFORMED, \"%s: it is nil\");\n",
				                  value, s->name);
		} else {
			spore__buf_printf(out, "\t\tspore_stub_field(spore_g, &spore_f, %zu);\n", at++);
			spore__buf_printf(out,
			                  "\t\t{\n\t\t\tsize_t spore_n = 0;\n\t\t\t%s = spore_stub_get_room(spore_g, "
			                  "\"%s\", sizeof(%s), (uint64_t)(%s)-1 >> 1, &spore_n);\n"
			                  "\t\t\t%s = (%s)spore_n;\n\t\t}\n",
			                  value, s->length, s->type, s->length_type, length, s->length_type);
		}
		free(value);
		free(length);
	}
	spore__buf_str(out, "\t}\n");
}

static void call(const struct spore__stub_function *f, struct spore__buf *out)
{
	spore__buf_printf(out, "%s(", f->name);
	for (size_t i = 0; i < f->param_count; i++) {
		const struct spore__stub_param *p = &f->params[i];
		const struct spore__stub_slot *s = p->slot == SIZE_MAX ? &f->result : &f->slots[p->slot];
		if (i > 0)
			spore__buf_str(out, ", ");
		switch (p->role) {
		case SPORE__ROLE_CALLBACK:
			spore__buf_printf(out, "spore_emit_%s", f->name);
			break;
		case SPORE__ROLE_ARGUMENT:
			spore__buf_str(out, "spore_s");
			break;
		case SPORE__ROLE_LENGTH:
			spore__buf_printf(out, "%sv_%s", s->length_by_pointer ? "&" : "", p->name);
			break;
		case SPORE__ROLE_VALUE:
			if (s->allocated)
				spore__buf_printf(out, "(void *)&v_%s", p->name);
			else if (s->form == SPORE__FORM_ONE && s->by_pointer)
				spore__buf_printf(out, "&v_%s", p->name);
			else if (s->form == SPORE__FORM_BUFFER)
				spore__buf_printf(out, "(void *)v_%s", p->name);
			else
				spore__buf_printf(out, "v_%s", p->name);
			break;
		}
	}
	spore__buf_char(out, ')');
}

static void put_slot(const struct spore__stub_slot *s, bool named, struct spore__buf *out)
{
	bool result = strcmp(s->name, "return") == 0;
	char *value = result ? spore__xstrdup("spore_r") : local(s->name), *length = local(s->length);
	if (named)
		spore__buf_printf(out, "\t\tspore_write_str(spore_w, \"%s\");\n", s->name);
	if (fills(s) && s->length_by_pointer) // not beyond what there is, whatever the function says
		spore__buf_printf(out, "\t\tif (%s > spore_room_%s)\n\t\t\t%s = spore_room_%s;\n", length, s->length,
		                  length, s->length);
	spore__stub_emit_put(out, s, "\t\t", value, length);
	free(value);
	free(length);
}

static void put_results(const struct spore__stub_function *f, struct spore__buf *out)
{
	size_t outs = 0;
	bool returns = f->result.form != SPORE__FORM_NONE;
	for (size_t i = 0; i < f->count; i++)
		outs += f->slots[i].out;
	spore__buf_str(out, "\tstruct spore_writer *spore_w = spore_stub_result(spore_s, 0");
	for (size_t i = 0; i < f->count; i++)
		if (f->slots[i].out && f->slots[i].length != NULL)
			spore__buf_printf(out, " + (size_t)v_%s%s", f->slots[i].length,
			                  f->slots[i].element == SPORE__ELEMENT_SCALAR ? " * 9" : "");
	if (f->result.length != NULL)
		spore__buf_printf(out, " + (size_t)v_%s%s", f->result.length,
		                  f->result.element == SPORE__ELEMENT_SCALAR ? " * 9" : "");
	spore__buf_str(out, ");\n\tif (spore_w != NULL) {\n");
	if (outs == 0) {
		put_slot(&f->result, false, out);
	} else {
		spore__buf_printf(out, "\t\tspore_write_map(spore_w, %zu);\n", outs + returns);
		if (returns)
			put_slot(&f->result, true, out);
		for (size_t i = 0; i < f->count; i++)
			if (f->slots[i].out)
				put_slot(&f->slots[i], true, out);
	}
	spore__buf_str(out, "\t}\n");
}

// What the function gave away.
static void free_slot(const struct spore__stub_slot *s, const char *value, struct spore__buf *out)
{
	bool deep = s->record != NULL && s->record->gives;
	if (deep && s->form == SPORE__FORM_ONE && !s->in)
		spore__buf_printf(out, "\tspore_free_%u(&%s);\n", s->record->number, value);
	if (!s->given)
		return;
	if (deep && s->form == SPORE__FORM_POINTER)
		spore__buf_printf(out, "\tif (%s != NULL)\n\t\tspore_free_%u(%s);\n", value, s->record->number, value);
	if (deep && s->form == SPORE__FORM_BUFFER)
		spore__buf_printf(
		    out,
		    "\tfor (size_t spore_i = 0; spore_i < (size_t)v_%s; spore_i++)\n\t\tspore_free_%u(&%s[spore_i]);\n",
		    s->length, s->record->number, value);
	spore__buf_printf(out, "\tspore_stub_free(%s);\n", value);
}

static void emit_callback(const struct spore__stub_function *f, struct spore__buf *out)
{
	const struct spore__stub_callback *c = &f->callback;
	spore__buf_printf(out, "static %s spore_emit_%s(", c->stops ? "int" : "void", f->name);
	for (size_t i = 0; i < c->declared.count; i++)
		spore__buf_printf(out, "%s%s", i > 0 ? ", " : "", c->declared.items[i]);
	spore__buf_printf(out,
	                  ")\n{\n\tstruct spore_stub_served *spore_s = %s;\n\tstruct spore_writer *spore_w = "
	                  "spore_stub_item(spore_s, 0);\n\tif (spore_w != NULL) {\n",
	                  c->names.items[c->passed]);
	if (c->count != 1)
		spore__buf_printf(out, "\t\tspore_write_array(spore_w, %zu);\n", c->count);
	for (size_t i = 0; i < c->count; i++)
		spore__stub_emit_put(out, &c->slots[i], "\t\t", c->slots[i].name, c->slots[i].length);
	spore__buf_printf(out, "\t}\n\t%sspore_stub_item_end(spore_s);\n}\n\n", c->stops ? "return " : "(void)");
}

static void emit_function(const struct spore__stub_function *f, struct spore__buf *out)
{
	const struct spore__stub_slot *r = &f->result;
	if (f->callback.name != NULL)
		emit_callback(f, out);
	spore__buf_printf(out, "static void spore_serve_%s(struct spore_stub_served *spore_s)\n{\n", f->name);
	for (size_t i = 0; i < f->count; i++)
		spore__stub_emit_local(out, &f->slots[i]);
	if (r->length != NULL)
		spore__buf_printf(out, "\t%s v_%s = 0;\n", r->length_type, r->length);
	get_params(f, out);
	spore__buf_str(out, "\tif (!spore_stub_run(spore_s))\n\t\treturn;\n");
	for (size_t i = 0; i < f->count; i++)
		if (fills(&f->slots[i]) && f->slots[i].length_by_pointer)
			spore__buf_printf(out, "\t%s spore_room_%s = v_%s;\n", f->slots[i].length_type,
			                  f->slots[i].length, f->slots[i].length);
	spore__buf_char(out, '\t');
	if (r->form != SPORE__FORM_NONE)
		spore__buf_printf(out, "%s spore_r = ", f->returns);
	call(f, out);
	spore__buf_str(out, ";\n");
	put_results(f, out);
	if (r->form != SPORE__FORM_NONE)
		free_slot(r, "spore_r", out);
	for (size_t i = 0; i < f->count; i++) {
		char *value = local(f->slots[i].name);
		if (f->slots[i].out)
			free_slot(&f->slots[i], value, out);
		free(value);
	}
	spore__buf_str(out, "}\n\n");
}

static void emit_description(const struct spore__stub_function *f, struct spore__buf *out)
{
	struct spore__stub_slot *in = spore__xcalloc(f->count + 1, sizeof *in),
	                        *result = spore__xcalloc(f->count + 1, sizeof *result);
	size_t ins = 0, outs = 0;
	static char integer[] = "size_t";
	for (size_t i = 0; i < f->count; i++) {
		if (f->slots[i].in)
			in[ins++] = f->slots[i];
		else if (fills(&f->slots[i]))
			in[ins++] =
			    (struct spore__stub_slot){.name = f->slots[i].length,
			                              .type = integer,
			                              .form = SPORE__FORM_ONE,
			                              .scalar = SPORE_STUB_U64,
			                              .in = true,
			                              .help = spore__xasprintf("how much %s may be", f->slots[i].name)};
		if (f->slots[i].out)
			result[outs++] = f->slots[i];
	}
	char *label = spore__xasprintf("spore_params_%s", f->name);
	spore__stub_emit_fields(out, label, in, ins, NULL);
	free(label);
	label = spore__xasprintf("spore_result_%s", f->name);
	spore__stub_emit_fields(out, label, result, outs, &f->result);
	free(label);
	label = spore__xasprintf("spore_items_%s", f->name);
	if (f->callback.name != NULL && f->callback.count == 1)
		spore__stub_emit_fields(out, label, NULL, 0, &f->callback.slots[0]);
	else if (f->callback.name != NULL)
		spore__stub_emit_fields(out, label, f->callback.slots, f->callback.count, NULL);
	free(label);
	for (size_t i = 0; i < ins; i++)
		if (in[i].type == integer)
			free(in[i].help);
	free(in);
	free(result);
}

void spore__stub_emit_server(const struct spore__stub_model *m, const char *port, struct spore__buf *out)
{
	spore__stub_emit_records(m, out);
	for (size_t i = 0; i < m->count; i++) {
		emit_function(&m->functions[i], out);
		emit_description(&m->functions[i], out);
	}
	spore__buf_str(out, "static const struct spore_stub_method spore_methods[] = {\n");
	for (size_t i = 0; i < m->count; i++) {
		const struct spore__stub_function *f = &m->functions[i];
		spore__buf_printf(out, "\t{\"%s\", spore_serve_%s, {\"%s\", NULL, ", f->method, f->name, f->method);
		spore__stub_emit_text(out, f->help);
		spore__buf_printf(out, ", spore_params_%s, spore_result_%s, ", f->name, f->name);
		if (f->callback.name != NULL)
			spore__buf_printf(out, "spore_items_%s, NULL}},\n", f->name);
		else
			spore__buf_str(out, "NULL, NULL}},\n");
	}
	spore__buf_str(out, "\t{NULL, NULL, {NULL, NULL, NULL, NULL, NULL, NULL, NULL}},\n};\n\n");
	const char *base = strrchr(m->header, '/');
	spore__buf_printf(out, "static struct spore_stub_service spore_service = {\"%s\", ", port);
	spore__stub_emit_text(out, base != NULL ? base + 1 : m->header);
	spore__buf_str(
	    out,
	    ", spore_methods, NULL};\n\n"
	    "static void __attribute__((constructor)) spore_begin(void)\n{\n\tspore_stub_serve(&spore_service);\n}\n\n"
	    "// Of a program that has no main of its own.\n"
	    "int __attribute__((weak)) main(void)\n{\n\treturn spore_stub_main();\n}\n");
}
