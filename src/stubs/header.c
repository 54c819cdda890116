// The other way round: from what a service of any language says of itself (`$/describe`) to a header, as far as that is typed. What has no
// type that C knows is a value as it is on the wire (spore/value.h reads it).
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "spore/value.h"
#include "stubs/model.h"

enum type { NIL, BOOL, INT, FLOAT, STR, BYTES, ANY };

struct field {
	char *name; // "" or NULL: none
	char *help;
	enum type type;
	bool optional;
};

struct fields {
	struct field *items;
	size_t count;
	bool whole; // the value itself, without a name
};

static bool is_word(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(s, word, len) == 0;
}

static enum type type_of(const char *s, size_t len)
{
	static const struct {
		const char *word;
		enum type type;
	} words[] = {
	    {"nil", NIL}, {"null", NIL},    {"none", NIL},    {"bool", BOOL},    {"boolean", BOOL},
	    {"int", INT}, {"integer", INT}, {"float", FLOAT}, {"number", FLOAT}, {"double", FLOAT},
	    {"str", STR}, {"string", STR},  {"bytes", BYTES},
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (is_word(s, len, words[i].word))
			return words[i].type;
	return ANY;
}

static const char *const keywords[] = {
    "auto",     "break",  "case",     "char",   "const",  "continue", "default", "do",     "double",  "else",
    "enum",     "extern", "float",    "for",    "goto",   "if",       "inline",  "int",    "long",    "register",
    "restrict", "return", "short",    "signed", "sizeof", "static",   "struct",  "switch", "typedef", "union",
    "unsigned", "void",   "volatile", "while",  "bool",   "true",     "false",   "NULL",   "main",    NULL,
};

// A name that C takes.
static char *identifier(const char *name, size_t len)
{
	struct spore__buf out = {0};
	if (len == 0 || isdigit((unsigned char)*name))
		spore__buf_char(&out, '_');
	for (size_t i = 0; i < len; i++)
		spore__buf_char(&out, isalnum((unsigned char)name[i]) ? name[i] : '_');
	char *s = spore__buf_take(&out);
	for (size_t i = 0; keywords[i] != NULL; i++) {
		if (strcmp(s, keywords[i]) == 0) {
			char *longer = spore__xasprintf("%s_", s);
			free(s);
			return longer;
		}
	}
	return s;
}

static char *copy_of(const struct spore_reader *map, const char *key)
{
	struct spore_reader at;
	const char *s;
	size_t len;
	if (!spore_reader_find(map, key, &at) || !spore_read_str(&at, &s, &len) || len == 0)
		return NULL;
	char *text = spore__xstrndup(s, len);
	for (char *p = text; *p != '\0'; p++)
		if (*p == '\n' || *p == '\r' || (*p == '*' && p[1] == '/'))
			*p = ' ';
	for (char *p = text; (p = strstr(p, "spore:")) != NULL;) // what a stranger says is no instruction
		p[5] = ' ';
	return text;
}

static void read_field(struct spore_reader at, struct fields *f)
{
	struct field field = {.type = ANY};
	struct spore_reader value;
	const char *s;
	size_t len;
	if (spore_reader_find(&at, "name", &value) && spore_read_str(&value, &s, &len) && len > 0)
		field.name = spore__xstrndup(s, len);
	if (spore_reader_find(&at, "type", &value) && spore_read_str(&value, &s, &len))
		field.type = type_of(s, len);
	if (spore_reader_find(&at, "optional", &value))
		(void)spore_read_bool(&value, &field.optional);
	field.help = copy_of(&at, "help");
	f->whole = f->whole || field.name == NULL;
	f->items = spore__xrealloc(f->items, (f->count + 1) * sizeof *f->items);
	f->items[f->count++] = field;
}

// The list KEY of METHOD; false: it says nothing of it.
static bool read_fields(const struct spore_reader *method, const char *key, struct fields *f)
{
	struct spore_reader at;
	uint32_t count;
	*f = (struct fields){0};
	if (!spore_reader_find(method, key, &at) || !spore_read_array(&at, &count))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		read_field(at, f);
		if (!spore_read_skip(&at))
			return false;
	}
	return true;
}

static void finish_fields(struct fields *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->items[i].name);
		free(f->items[i].help);
	}
	free(f->items);
}

static const char *const plain[] = {[BOOL] = "bool ", [INT] = "int64_t ", [FLOAT] = "double ", [STR] = "const char *"};

static void param(struct spore__buf *out, const struct field *f)
{
	char *name = identifier(f->name != NULL ? f->name : "value", f->name != NULL ? strlen(f->name) : 5);
	if (f->type == BYTES || f->type == ANY)
		spore__buf_printf(out, "const void *%s%s, size_t %s_len", name,
		                  f->type == ANY ? " /* spore: value */" : "", name);
	else if (f->type == STR)
		spore__buf_printf(out, "const char *%s%s", name, f->optional ? " /* spore: null */" : "");
	else if (f->type == NIL)
		spore__buf_printf(out, "const void *%s /* spore: value */, size_t %s_len", name, name);
	else if (f->optional)
		spore__buf_printf(out, "const %s*%s /* spore: null */", plain[f->type], name);
	else
		spore__buf_printf(out, "%s%s", plain[f->type], name);
	free(name);
}

// A member of the result, which comes out by way of a pointer.
static void out_param(struct spore__buf *out, const struct field *f)
{
	char *name = identifier(f->name, strlen(f->name));
	if (f->type == BYTES || f->type == ANY || f->type == NIL || (f->optional && f->type != STR))
		spore__buf_printf(out, "const void **%s%s, size_t *%s_len", name,
		                  f->type == BYTES && !f->optional ? "" : " /* spore: value */", name);
	else
		spore__buf_printf(out, "%s*%s", plain[f->type], name);
	free(name);
}

static void comment(struct spore__buf *out, const char *help, const char *method, const struct fields *params,
                    const char *more)
{
	spore__buf_str(out, "/*");
	if (help != NULL)
		spore__buf_printf(out, " %s.", help);
	for (size_t i = 0; i < params->count; i++)
		if (params->items[i].help != NULL && params->items[i].name != NULL)
			spore__buf_printf(out, "\n * @param %s %s", params->items[i].name, params->items[i].help);
	spore__buf_printf(out, "\n * spore: method=%s%s */\n", method, more);
}

static void one_method(struct spore__buf *out, const struct spore_reader *m, const char *service, const char *method)
{
	struct fields params, result, items;
	bool typed = read_fields(m, "params", &params), returns = read_fields(m, "result", &result);
	bool streams = read_fields(m, "items", &items) && items.count > 0;
	// With the service before it, so that it is not the name of a function of the system.
	char *whole_name = spore__xasprintf("%s_%s", service, method);
	char *help = copy_of(m, "help"), *name = identifier(whole_name, strlen(whole_name));
	free(whole_name);
	bool whole = returns && result.count == 1 && result.whole;
	bool raw = !returns || (whole && (result.items[0].type == ANY || result.items[0].type == BYTES));
	bool value = raw && (!returns || result.items[0].type == ANY);
	comment(out, help, method, &params, value ? " value len=result_len" : raw ? " len=result_len" : "");
	const char *type = raw                                    ? "const void *"
	                   : whole && result.items[0].type != NIL ? plain[result.items[0].type]
	                                                          : "void ";
	spore__buf_printf(out, "%s%s(", type, name);
	const char *between = "";
	for (size_t i = 0; typed && i < params.count; i++) {
		spore__buf_str(out, between);
		param(out, &params.items[i]);
		between = ", ";
	}
	for (size_t i = 0; returns && !whole && i < result.count; i++) {
		if (result.items[i].name == NULL)
			continue;
		spore__buf_str(out, between);
		out_param(out, &result.items[i]);
		between = ", ";
	}
	if (raw) {
		spore__buf_printf(out, "%ssize_t *result_len", between);
		between = ", ";
	}
	if (streams) {
		spore__buf_printf(out, "%svoid (*item)(", between);
		for (size_t i = 0; i < items.count; i++) {
			items.items[i].optional = items.items[i].optional && items.items[i].type == STR;
			param(out, &items.items[i]);
			spore__buf_str(out, ", ");
		}
		spore__buf_str(out, "void *arg), void *arg");
		between = ", ";
	}
	spore__buf_printf(out, "%s);\n\n", *between == '\0' ? "void" : "");
	finish_fields(&params);
	finish_fields(&result);
	finish_fields(&items);
	free(help);
	free(name);
}

bool spore__stub_header(const void *description, size_t len, const char *name, struct spore__buf *out, const char **why)
{
	struct spore_reader r = spore_reader(description, len), at, value;
	uint32_t count = 0;
	*why = "there is no list of methods in it";
	if (!spore_reader_find(&r, "methods", &at) || !spore_read_array(&at, &count))
		return false;
	char *guard = identifier(name, strlen(name)), *program = copy_of(&r, "program");
	for (char *p = guard; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	spore__buf_printf(out,
	                  "// The methods of %s, from its own description.\n#ifndef %s_H\n#define %s_H\n#include "
	                  "<stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n\n",
	                  program != NULL ? program : name, guard, guard);
	size_t before = out->len;
	for (uint32_t i = 0; i < count; i++) {
		const char *s;
		size_t n;
		if (spore_reader_find(&at, "name", &value) && spore_read_str(&value, &s, &n) && n > 0 && n < 256 &&
		    *s != '$') {
			char *method = spore__xstrndup(s, n);
			if (strpbrk(method, " \t\n\r,\"\\*") == NULL)
				one_method(out, &at, name, method);
			free(method);
		}
		if (!spore_read_skip(&at))
			break;
	}
	spore__buf_str(out, "#endif\n");
	free(guard);
	free(program);
	*why = "it names no method that C could call";
	return out->len > before + strlen("#endif\n");
}
