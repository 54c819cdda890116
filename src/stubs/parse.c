// A header, by way of libclang, becomes the model.
#include "stubs/parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { PARAMS_MAX = SPORE__STUB_FIELDS, ERRORS_MAX = 20 };

char *spore__stub_string(CXString s)
{
	const char *text = clang_getCString(s);
	char *copy = spore__xstrdup(text != NULL ? text : "");
	clang_disposeString(s);
	return copy;
}

char *spore__stub_spelling(CXType type)
{
	char *text = spore__stub_string(clang_getTypeSpelling(type)), *from = text;
	while (strncmp(from, "const ", 6) == 0 || strncmp(from, "volatile ", 9) == 0)
		from = strchr(from, ' ') + 1;
	memmove(text, from, strlen(from) + 1);
	return text;
}

char *spore__stub_declare(const char *type, const char *name)
{
	const char *at = strstr(type, "(*");
	if (at != NULL)
		at += 2;
	else
		at = strchr(type, '[');
	if (at == NULL) {
		size_t len = strlen(type);
		return spore__xasprintf("%s%s%s", type, len > 0 && type[len - 1] == '*' ? "" : " ", name);
	}
	bool space = at > type && at[-1] != '*' && at[-1] != ' ';
	return spore__xasprintf("%.*s%s%s%s", (int)(at - type), type, space ? " " : "", name, at);
}

void spore__stub_refuse(struct spore__stub_reader *r, CXCursor cursor, const char *remedy, const char *format, ...)
{
	r->failed = true;
	if (++r->m->error_count > ERRORS_MAX)
		return;
	CXFile file;
	unsigned line, column;
	clang_getFileLocation(clang_getCursorLocation(cursor), &file, &line, &column, NULL);
	char *name = spore__stub_string(clang_getFileName(file));
	va_list ap;
	va_start(ap, format);
	char *text = spore__xvasprintf(format, ap);
	va_end(ap);
	spore__buf_printf(&r->m->errors, "%s:%u:%u: error: %s\n", name, line, column, text);
	if (remedy != NULL)
		spore__buf_printf(&r->m->errors, "%s:%u:%u: note: %s\n", name, line, column, remedy);
	free(text);
	free(name);
}

struct spore__stub_item spore__stub_item(struct spore__stub_reader *r, CXCursor cursor, const char *instead)
{
	struct spore__stub_item item = {
	    .cursor = cursor,
	    .type = clang_getCursorType(cursor),
	    .name = spore__stub_string(clang_getCursorSpelling(cursor)),
	};
	if (*item.name == '\0' && instead != NULL) {
		free(item.name);
		item.name = spore__xstrdup(instead);
	} else if (*item.name == '\0') {
		spore__stub_refuse(r, cursor, "give it a name: it is what peers call it by",
		                   "%s: a parameter has no name", r->what);
	}
	CXSourceRange extent = clang_getCursorExtent(cursor);
	clang_getFileLocation(clang_getRangeStart(extent), NULL, NULL, NULL, &item.from);
	clang_getFileLocation(clang_getRangeEnd(extent), NULL, &item.line, NULL, &item.to);
	return item;
}

// ---- functions

static CXType function_type(CXType type)
{
	CXType t = clang_getCanonicalType(type);
	if (t.kind == CXType_Pointer)
		t = clang_getCanonicalType(clang_getPointeeType(t));
	return t;
}

static bool is_function_pointer(CXType type)
{
	CXType t = clang_getCanonicalType(type);
	if (t.kind != CXType_Pointer)
		return false;
	enum CXTypeKind kind = clang_getCanonicalType(clang_getPointeeType(t)).kind;
	return kind == CXType_FunctionProto || kind == CXType_FunctionNoProto;
}

static bool is_void_pointer(CXType type)
{
	CXType t = clang_getCanonicalType(type);
	if (t.kind != CXType_Pointer)
		return false;
	CXType to = clang_getPointeeType(t);
	return clang_getCanonicalType(to).kind == CXType_Void && !clang_isConstQualifiedType(to);
}

struct names {
	char *items[PARAMS_MAX];
	size_t count;
};

static enum CXChildVisitResult add_name(CXCursor cursor, CXCursor parent, CXClientData data)
{
	(void)parent;
	struct names *n = data;
	if (clang_getCursorKind(cursor) == CXCursor_ParmDecl && n->count < PARAMS_MAX)
		n->items[n->count++] = spore__stub_string(clang_getCursorSpelling(cursor));
	return CXChildVisit_Continue;
}

// The names of a callback's parameters: in the declaration itself, or in the typedef.
static void callback_names(const struct spore__stub_item *item, struct names *n)
{
	clang_visitChildren(item->cursor, add_name, n);
	if (n->count == 0)
		clang_visitChildren(clang_getTypeDeclaration(item->type), add_name, n);
}

static bool read_callback(struct spore__stub_reader *r, struct spore__stub_item *fn, struct spore__stub_item *arg,
                          struct spore__stub_callback *c)
{
	CXType type = function_type(fn->type);
	int n = clang_getNumArgTypes(type);
	enum CXTypeKind returns = clang_getCanonicalType(clang_getResultType(type)).kind;
	struct names names = {0};
	if ((returns != CXType_Void && returns != CXType_Int) || clang_isFunctionTypeVariadic(type))
		spore__stub_refuse(r, fn->cursor, "make it return void, or int: other than 0 ends the calls",
		                   "%s: the callback %s returns what cannot come back", r->what, fn->name);
	bool last = n > 0 && is_void_pointer(clang_getArgType(type, (unsigned)n - 1));
	bool first = n > 0 && is_void_pointer(clang_getArgType(type, 0));
	if (!last && !first)
		spore__stub_refuse(r, fn->cursor, "add a last parameter void *arg to it: it gets that of the function",
		                   "%s: the callback %s has no void * to be given back", r->what, fn->name);
	if (n > PARAMS_MAX)
		spore__stub_refuse(r, fn->cursor, "put them into a structure",
		                   "%s: the callback %s has too many parameters", r->what, fn->name);
	if (r->failed)
		return false;
	callback_names(fn, &names);
	c->name = fn->name;
	c->argument = arg->name;
	c->passed = last ? (size_t)n - 1 : 0;
	c->stops = returns == CXType_Int;
	struct spore__stub_item *items = spore__xcalloc((size_t)n, sizeof *items);
	size_t count = 0;
	for (size_t i = 0; i < (size_t)n; i++) {
		char *name = i < names.count && *names.items[i] != '\0' ? spore__xstrdup(names.items[i])
		                                                        : spore__xasprintf("value%zu", i + 1);
		char *spelling = spore__stub_string(clang_getTypeSpelling(clang_getArgType(type, (unsigned)i)));
		spore__strs_take(&c->declared, spore__stub_declare(spelling, name));
		free(spelling);
		spore__strs_add(&c->names, name);
		if (i != c->passed)
			items[count++] = (struct spore__stub_item){
			    .cursor = fn->cursor, .type = clang_getArgType(type, (unsigned)i), .name = name};
		else
			free(name);
	}
	for (size_t i = 0; i < names.count; i++)
		free(names.items[i]);
	fn->used = arg->used = true;
	bool ok = spore__stub_members(r, items, count, &c->slots, &c->count);
	for (size_t i = 0; i < c->count; i++)
		c->slots[i].given = false; // it has them for as long as it runs
	free(items);
	return ok;
}

// Which callback there is, if any: a function pointer and the void * behind it.
static bool find_callback(struct spore__stub_reader *r, struct spore__stub_item *items, size_t count,
                          struct spore__stub_callback *c)
{
	for (size_t i = 0; i < count; i++) {
		if (!is_function_pointer(items[i].type))
			continue;
		if (c->name != NULL || i + 2 != count || !is_void_pointer(items[i + 1].type)) {
			spore__stub_refuse(r, items[i].cursor,
			                   "let the last two parameters be one function and its void *: (*fn)(..., "
			                   "void *arg), void *arg",
			                   "%s: the callback %s cannot be carried where it stands", r->what,
			                   items[i].name);
			return false;
		}
		if (!read_callback(r, &items[i], &items[i + 1], c))
			return false;
	}
	return true;
}

static void add_param(struct spore__stub_function *f, const struct spore__stub_item *item, enum spore__stub_role role,
                      size_t slot, size_t at)
{
	char *spelling = spore__stub_string(clang_getTypeSpelling(item->type));
	f->params[at] = (struct spore__stub_param){
	    .declared = spore__stub_declare(spelling, item->name), .name = item->name, .role = role, .slot = slot};
	free(spelling);
}

static void name_result(struct spore__stub_function *f)
{
	f->result.name = spore__xstrdup("return");
	f->result.out = f->result.form != SPORE__FORM_NONE;
}

// Slots in the order of what they begin with.
static bool shape_all(struct spore__stub_reader *r, struct spore__stub_function *f, CXCursor cursor,
                      const struct spore__stub_notes *notes, struct spore__stub_item *items, size_t count)
{
	size_t length = count;
	f->slots = spore__xcalloc(count + 1, sizeof *f->slots);
	f->params = spore__xcalloc(count + 1, sizeof *f->params);
	f->param_count = count;
	if (!find_callback(r, items, count, &f->callback) ||
	    !spore__stub_result(r, cursor, clang_getCursorResultType(cursor), notes, items, count, &f->result, &length))
		return false;
	name_result(f);
	if (length < count) {
		items[length].used = true;
		add_param(f, &items[length], SPORE__ROLE_LENGTH, SIZE_MAX, length);
	}
	for (size_t i = 0; i < count; i++) // those whose length is said, before lengths are guessed
		for (size_t k = 0; items[i].notes.length != NULL && k < count; k++)
			if (strcmp(items[k].name, items[i].notes.length) == 0)
				items[k].used = true;
	for (size_t i = 0; i < count; i++) {
		if (f->callback.name != NULL && i + 2 >= count) {
			add_param(f, &items[i], i + 2 == count ? SPORE__ROLE_CALLBACK : SPORE__ROLE_ARGUMENT, 0, i);
			continue;
		}
		if (items[i].used)
			continue;
		items[i].used = true;
		if (!spore__stub_shape(r, items, count, i, &f->slots[f->count], &length))
			continue; // the others may have mistakes, too
		add_param(f, &items[i], SPORE__ROLE_VALUE, f->count, i);
		if (length < count)
			add_param(f, &items[length], SPORE__ROLE_LENGTH, f->count, length);
		f->count++;
	}
	return !r->failed;
}

static void read_function(struct spore__stub_reader *r, CXCursor cursor)
{
	struct spore__stub_model *m = r->m;
	struct spore__stub_notes notes = {0};
	char *comment = spore__stub_string(clang_Cursor_getRawCommentText(cursor));
	char *name = spore__stub_string(clang_getCursorSpelling(cursor));
	struct spore__stub_function f = {.name = name};
	int n = clang_Cursor_getNumArguments(cursor);
	r->what = name;
	r->failed = false;
	(void)spore__stub_notes_read(r, cursor, comment, &notes);
	if (notes.skip)
		goto done;
	if (clang_Cursor_isVariadic(cursor))
		spore__stub_refuse(r, cursor, "name its parameters, or write /* spore: skip */ before it",
		                   "%s: what comes in place of ... cannot be carried", name);
	if (clang_getCursorType(cursor).kind == CXType_FunctionNoProto)
		spore__stub_refuse(r, cursor, "write (void)", "%s: it does not say which parameters it has", name);
	if (n > PARAMS_MAX)
		spore__stub_refuse(r, cursor, "put some of them into a structure", "%s: more than %d parameters", name,
		                   PARAMS_MAX);
	if (r->failed || n < 0)
		goto done;
	struct spore__stub_item *items = spore__xcalloc((size_t)n + 1, sizeof *items);
	for (unsigned i = 0; i < (unsigned)n; i++)
		items[i] = spore__stub_item(r, clang_Cursor_getArgument(cursor, i), NULL);
	spore__stub_notes_find(r, cursor, items, (size_t)n);
	f.method = spore__xstrdup(notes.method != NULL ? notes.method : name);
	f.help = spore__stub_help(comment);
	f.returns = spore__stub_string(clang_getTypeSpelling(clang_getCursorResultType(cursor)));
	if (shape_all(r, &f, cursor, &notes, items, (size_t)n)) {
		m->functions = spore__xrealloc(m->functions, (m->count + 1) * sizeof *m->functions);
		m->functions[m->count++] = f;
		name = NULL;
	}
	for (unsigned i = 0; i < (unsigned)n; i++) {
		free(items[i].notes.length);
		free(items[i].notes.method);
	}
	free(items);
done:
	if (!r->failed)
		free(name); // else it is in what is said
	free(comment);
	free(notes.length);
	free(notes.method);
}

static bool is_known(const struct spore__stub_model *m, CXCursor cursor)
{
	bool known = false;
	char *name = spore__stub_string(clang_getCursorSpelling(cursor));
	for (size_t i = 0; !known && i < m->count; i++)
		known = strcmp(m->functions[i].name, name) == 0;
	free(name);
	return known;
}

static enum CXChildVisitResult visit(CXCursor cursor, CXCursor parent, CXClientData data)
{
	(void)parent;
	struct spore__stub_reader *r = data;
	if (clang_getCursorKind(cursor) == CXCursor_LinkageSpec)
		return CXChildVisit_Recurse;
	if (clang_getCursorKind(cursor) == CXCursor_FunctionDecl &&
	    clang_Location_isFromMainFile(clang_getCursorLocation(cursor)) != 0 &&
	    clang_Cursor_getStorageClass(cursor) != CX_SC_Static && clang_isCursorDefinition(cursor) == 0 &&
	    !is_known(r->m, cursor))
		read_function(r, cursor);
	return CXChildVisit_Continue;
}

// ---- the file

static bool take_diagnostics(struct spore__stub_reader *r)
{
	bool bad = false;
	unsigned n = clang_getNumDiagnostics(r->unit);
	for (unsigned i = 0; i < n; i++) {
		CXDiagnostic d = clang_getDiagnostic(r->unit, i);
		if (clang_getDiagnosticSeverity(d) >= CXDiagnostic_Error) {
			char *text = spore__stub_string(
			    clang_formatDiagnostic(d, CXDiagnostic_DisplaySourceLocation | CXDiagnostic_DisplayColumn));
			if (++r->m->error_count <= ERRORS_MAX)
				spore__buf_printf(&r->m->errors, "%s\n", text);
			free(text);
			bad = true;
		}
		clang_disposeDiagnostic(d);
	}
	if (bad)
		spore__buf_printf(&r->m->errors,
		                  "%s:1:1: note: a header for calls includes what it needs itself, such as <stddef.h> "
		                  "and <stdint.h>\n",
		                  r->m->header);
	return !bad;
}

bool spore__stub_parse(struct spore__stub_model *m, const char *path, const struct spore__strs *flags)
{
	struct spore__stub_reader r = {.m = m};
	struct spore__strs args = {0};
	static const char *const own[] = {"-x", "c", "-std=gnu17", "-fparse-all-comments",
	                                  "-Wno-pragma-once-outside-header"};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		spore__strs_add(&args, own[i]);
	for (size_t i = 0; i < flags->count; i++)
		spore__strs_add(&args, flags->items[i]);
	m->header = path;
	CXIndex index = clang_createIndex(0, 0);
	enum CXErrorCode e = clang_parseTranslationUnit2(index, path, (const char *const *)args.items, (int)args.count,
	                                                 NULL, 0, CXTranslationUnit_SkipFunctionBodies, &r.unit);
	if (e != CXError_Success) {
		spore__buf_printf(&m->errors, "%s:1:1: error: it cannot be read\n", path);
		m->error_count++;
	} else if (take_diagnostics(&r)) {
		clang_visitChildren(clang_getTranslationUnitCursor(r.unit), visit, &r);
		if (m->error_count > ERRORS_MAX)
			spore__buf_printf(&m->errors, "%s:1:1: note: and %zu more\n", path,
			                  m->error_count - ERRORS_MAX);
		if (m->error_count == 0 && m->count == 0) {
			spore__buf_printf(&m->errors, "%s:1:1: error: it declares no function that could be called\n",
			                  path);
			m->error_count++;
		}
	}
	if (e == CXError_Success)
		clang_disposeTranslationUnit(r.unit);
	clang_disposeIndex(index);
	spore__strs_finish(&args);
	return m->error_count == 0;
}
