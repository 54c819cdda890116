// From C's types to slots: which pointer is a text, which a buffer and where its length is, what goes in and what comes out.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "stubs/parse.h"

#define SKIP "or write /* spore: skip */ before what cannot be called from elsewhere"

struct shaper {
	struct spore__stub_reader *r;
	struct spore__stub_item *items;
	size_t count;
	bool members; // of a structure or a callback: nothing comes out through pointers
};

static CXType pointee(CXType t)
{
	if (t.kind == CXType_Pointer) // as it was written: size_t stays one
		return clang_getPointeeType(t);
	CXType c = t.kind == CXType_IncompleteArray || t.kind == CXType_ConstantArray ? t : clang_getCanonicalType(t);
	return c.kind == CXType_Pointer ? clang_getPointeeType(c) : clang_getArrayElementType(c);
}

static enum CXTypeKind kind_of(CXType t)
{
	enum CXTypeKind kind = clang_getCanonicalType(t).kind;
	return kind == CXType_IncompleteArray ? CXType_Pointer : kind;
}

static bool is_char(CXType t)
{
	enum CXTypeKind k = kind_of(t);
	return k == CXType_Char_S || k == CXType_Char_U;
}

static bool is_byte(CXType t)
{
	enum CXTypeKind k = kind_of(t);
	return k == CXType_UChar || k == CXType_Void;
}

static bool is_integer(CXType t)
{
	enum CXTypeKind k = kind_of(t);
	return k >= CXType_UShort && k <= CXType_LongLong && k != CXType_WChar && k != CXType_UInt128 &&
	       k != CXType_Char_S && k != CXType_SChar;
}

static bool is_size(CXType t)
{
	char *name = spore__stub_spelling(t);
	bool is = strcmp(name, "size_t") == 0;
	free(name);
	return is;
}

static bool scalar_of(CXType t, enum spore_stub_scalar *scalar)
{
	CXType c = clang_getCanonicalType(t);
	if (c.kind == CXType_Enum)
		c = clang_getCanonicalType(clang_getEnumDeclIntegerType(clang_getTypeDeclaration(c)));
	static const enum spore_stub_scalar is_signed[] = {0, SPORE_STUB_I8, SPORE_STUB_I16, 0, SPORE_STUB_I32, 0, 0,
	                                                   0, SPORE_STUB_I64};
	static const enum spore_stub_scalar is_unsigned[] = {0, SPORE_STUB_U8, SPORE_STUB_U16, 0, SPORE_STUB_U32, 0, 0,
	                                                     0, SPORE_STUB_U64};
	long long size = clang_Type_getSizeOf(c);
	switch ((int)c.kind) {
	case CXType_Bool:
		*scalar = SPORE_STUB_BOOL;
		return true;
	case CXType_Float:
		*scalar = SPORE_STUB_F32;
		return true;
	case CXType_Double:
		*scalar = SPORE_STUB_F64;
		return true;
	case CXType_Char_S:
	case CXType_SChar:
	case CXType_Short:
	case CXType_Int:
	case CXType_Long:
	case CXType_LongLong:
	case CXType_WChar:
		*scalar = size > 0 && size <= 8 ? is_signed[size] : 0;
		return *scalar != 0;
	case CXType_Char_U:
	case CXType_UChar:
	case CXType_UShort:
	case CXType_UInt:
	case CXType_ULong:
	case CXType_ULongLong:
	case CXType_Char16:
	case CXType_Char32:
		*scalar = size > 0 && size <= 8 ? is_unsigned[size] : 0;
		return *scalar != 0;
	default:
		return false;
	}
}

static enum CXChildVisitResult add_enumerator(CXCursor cursor, CXCursor parent, CXClientData data)
{
	(void)parent;
	if (clang_getCursorKind(cursor) == CXCursor_EnumConstantDecl) {
		char *name = spore__stub_string(clang_getCursorSpelling(cursor));
		spore__strs_addf(data, "%s=%lld", name, clang_getEnumConstantDeclValue(cursor));
		free(name);
	}
	return CXChildVisit_Continue;
}

static const struct spore__strs *enumerators(CXType t)
{
	CXType c = clang_getCanonicalType(t);
	if (c.kind != CXType_Enum)
		return NULL;
	struct spore__strs *names = spore__xcalloc(1, sizeof *names);
	clang_visitChildren(clang_getTypeDeclaration(c), add_enumerator, names);
	return names;
}

// ---- structures

struct fields {
	struct spore__stub_reader *r;
	struct spore__stub_item items[SPORE__STUB_FIELDS];
	size_t count;
};

static enum CXChildVisitResult add_field(CXCursor cursor, CXCursor parent, CXClientData data)
{
	(void)parent;
	struct fields *f = data;
	if (clang_getCursorKind(cursor) == CXCursor_UnionDecl && clang_Cursor_isAnonymous(cursor) != 0)
		spore__stub_refuse(f->r, cursor, "give each of its members a place of its own",
		                   "%s: a union cannot be carried: nothing says which member is in use", f->r->what);
	if (clang_getCursorKind(cursor) == CXCursor_StructDecl && clang_Cursor_isAnonymousRecordDecl(cursor) != 0)
		spore__stub_refuse(f->r, cursor, "give it a name and the member too",
		                   "%s: a structure without a name cannot be carried", f->r->what);
	if (clang_getCursorKind(cursor) != CXCursor_FieldDecl)
		return CXChildVisit_Continue;
	if (clang_Cursor_isBitField(cursor) != 0)
		spore__stub_refuse(f->r, cursor, "use a whole integer", "%s: a bit-field cannot be carried",
		                   f->r->what);
	if (f->count == SPORE__STUB_FIELDS) {
		spore__stub_refuse(f->r, cursor, "put some into a structure of their own", "%s: more than %d members",
		                   f->r->what, SPORE__STUB_FIELDS);
		return CXChildVisit_Break;
	}
	f->items[f->count++] = spore__stub_item(f->r, cursor, NULL);
	return CXChildVisit_Continue;
}

static void read_record(struct spore__stub_reader *r, CXCursor declared, struct spore__stub_record *record)
{
	const char *outer = r->what;
	struct fields *f = spore__xcalloc(1, sizeof *f);
	f->r = r;
	r->what = record->type;
	record->open = true;
	clang_visitChildren(declared, add_field, f);
	spore__stub_notes_find(r, declared, f->items, f->count);
	if (!r->failed)
		(void)spore__stub_members(r, f->items, f->count, &record->slots, &record->count);
	for (size_t i = 0; i < record->count; i++)
		record->gives = record->gives || record->slots[i].given ||
		                (record->slots[i].record != NULL && record->slots[i].record->gives);
	record->open = false;
	r->what = outer;
	free(f);
}

static struct spore__stub_record *record_of(struct spore__stub_reader *r, CXCursor at, CXType t)
{
	struct spore__stub_model *m = r->m;
	CXType c = clang_getCanonicalType(t);
	CXCursor declared = clang_getTypeDeclaration(c);
	char *key = spore__stub_spelling(c);
	struct spore__stub_record *record = m->records;
	while (record != NULL && strcmp(record->name, key) != 0)
		record = record->next;
	if (record != NULL) {
		free(key);
		if (record->open)
			spore__stub_refuse(r, at, "pass the parts as an array, or one call for each",
			                   "%s: %s has itself as a member", r->what, record->type);
		return record->open ? NULL : record;
	}
	if (clang_getCursorKind(declared) == CXCursor_UnionDecl)
		spore__stub_refuse(r, at, "give each of its members a place of its own",
		                   "%s: a union cannot be carried: nothing says which member is in use", r->what);
	else if (strchr(key, '(') != NULL)
		spore__stub_refuse(r, at, "give it a name", "%s: a structure without a name cannot be carried",
		                   r->what);
	else if (clang_Type_getSizeOf(c) < 0)
		spore__stub_refuse(r, at, "let a number stand for it (a handle), and keep it where the functions are",
		                   "%s: what is in %s is not known here, so it cannot be carried", r->what, key);
	if (r->failed) {
		free(key);
		return NULL;
	}
	record = spore__xcalloc(1, sizeof *record);
	record->name = key;
	record->type = spore__stub_spelling(t);
	record->next = m->records;
	m->records = record;
	read_record(r, declared, record);
	record->number = m->record_count++;
	return r->failed ? NULL : record;
}

// What a value or the element of a buffer is.
static bool element(struct spore__stub_reader *r, const struct spore__stub_item *item, CXType t,
                    struct spore__stub_slot *slot)
{
	slot->type = spore__stub_spelling(t);
	if (scalar_of(t, &slot->scalar)) {
		slot->element = SPORE__ELEMENT_SCALAR;
		slot->names = enumerators(t);
		return true;
	}
	if (kind_of(t) == CXType_Record) {
		slot->element = SPORE__ELEMENT_RECORD;
		slot->record = record_of(r, item->cursor, t);
		return slot->record != NULL;
	}
	spore__stub_refuse(r, item->cursor,
	                   kind_of(t) == CXType_LongDouble ? "use double"
	                                                   : "use numbers, texts, structures and buffers of them",
	                   "%s: %s is of the type %s, which cannot be carried", r->what, item->name, slot->type);
	return false;
}

// ---- lengths

static bool ends_with(const char *name, const char *end)
{
	size_t a = strlen(name), b = strlen(end);
	return a >= b && strcasecmp(name + a - b, end) == 0;
}

// SURE: no word that also counts what is no buffer.
static bool is_length_name(const char *name, const char *buffer, bool sure)
{
	static const char *const whole[] = {"n",      "len",   "length", "size",  "cap",   "capacity",
	                                    "nbytes", "count", "num",    "nmemb", "bytes", NULL};
	static const char *const ends[] = {"_n", "len", "length", "size", "count", "_num", "_cap", NULL};
	size_t b = strlen(buffer);
	if (strncasecmp(name, buffer, b) == 0 && name[b] != '\0')
		return true; // names_count, vn
	if ((*name == 'n' || *name == 'N') && ends_with(name, buffer))
		return true; // nvalues, n_values
	for (size_t i = 0; whole[i] != NULL && (!sure || strcmp(whole[i], "count") != 0); i++)
		if (strcasecmp(name, whole[i]) == 0)
			return true;
	for (size_t i = 0; ends[i] != NULL && !sure; i++)
		if (ends_with(name, ends[i]))
			return true;
	return false;
}

enum length { NO_LENGTH, BY_VALUE, BY_POINTER };

static enum length length_kind(CXType t)
{
	if (is_integer(t))
		return BY_VALUE;
	if (kind_of(t) == CXType_Pointer && is_integer(pointee(t)) && !clang_isConstQualifiedType(pointee(t)))
		return BY_POINTER;
	return NO_LENGTH;
}

// The length of the buffer items[AT]. PLAIN: without a length it would be a text or one structure, so that the name has to say it.
static enum length find_length(const struct shaper *s, size_t at, bool plain, size_t *index)
{
	const struct spore__stub_item *item = &s->items[at];
	*index = s->count;
	if (item->notes.length != NULL) {
		for (size_t i = 0; i < s->count; i++)
			if (strcmp(s->items[i].name, item->notes.length) == 0 &&
			    length_kind(s->items[i].type) != NO_LENGTH)
				*index = i;
		if (*index == s->count)
			spore__stub_refuse(s->r, item->cursor, "name an integer that stands beside it",
			                   "%s: '%s', the length of %s, is not there", s->r->what, item->notes.length,
			                   item->name);
	} else if (!item->notes.one && at + 1 < s->count && !s->items[at + 1].used) {
		const struct spore__stub_item *next = &s->items[at + 1];
		enum length kind = length_kind(next->type);
		bool pointer = kind == BY_POINTER;
		bool is_it = is_length_name(next->name, item->name, pointer && plain) ||
		             (!plain && kind == BY_VALUE && is_size(next->type));
		if (kind != NO_LENGTH && is_it && !(s->members && pointer))
			*index = at + 1;
	}
	return *index < s->count ? length_kind(s->items[*index].type) : NO_LENGTH;
}

static void take_length(const struct shaper *s, struct spore__stub_slot *slot, enum length kind, size_t index)
{
	struct spore__stub_item *item = &s->items[index];
	item->used = true;
	slot->form = SPORE__FORM_BUFFER;
	slot->length = item->name;
	slot->length_by_pointer = kind == BY_POINTER;
	slot->length_type = spore__stub_spelling(kind == BY_POINTER ? pointee(item->type) : item->type);
}

// What a buffer of T has in it.
static bool buffer_element(struct spore__stub_reader *r, const struct spore__stub_item *item, CXType t, bool until_nul,
                           struct spore__stub_slot *slot)
{
	if (is_char(t) || is_byte(t)) {
		bool text = is_char(t) ? (until_nul || item->notes.text) && !item->notes.bytes : item->notes.text;
		slot->type = kind_of(t) == CXType_Void ? spore__xstrdup("unsigned char") : spore__stub_spelling(t);
		slot->element = item->notes.value ? SPORE__ELEMENT_VALUE
		                : text            ? SPORE__ELEMENT_CHAR
		                                  : SPORE__ELEMENT_BYTE;
		if (slot->element == SPORE__ELEMENT_VALUE && slot->by_pointer && !slot->allocated) {
			spore__stub_refuse(r, item->cursor, "let the function make it: const void **value, size_t *len",
			                   "%s: a value cannot be put into the buffer %s", r->what, item->name);
			return false;
		}
		return true;
	}
	return element(r, item, t, slot);
}

// ---- parameters

static bool refuse_pointer(const struct shaper *s, const struct spore__stub_item *item, const char *remedy)
{
	char *type = spore__stub_string(clang_getTypeSpelling(item->type));
	spore__stub_refuse(s->r, item->cursor, remedy, "%s: how much %s (%s) points to is not known", s->r->what,
	                   item->name, type);
	free(type);
	return false;
}

// T ** of a parameter: what the function makes.
static bool shape_made(const struct shaper *s, size_t at, struct spore__stub_slot *slot, size_t *length)
{
	const struct spore__stub_item *item = &s->items[at];
	CXType inner = pointee(item->type), t = pointee(inner);
	enum length kind;
	slot->given = !clang_isConstQualifiedType(t) && !item->notes.lent;
	if (is_char(t) &&
	    (clang_isConstQualifiedType(inner) != 0 || s->members)) { // const char *const *names, size_t n
		kind = find_length(s, at, false, length);
		if (kind != BY_VALUE)
			return refuse_pointer(s, item, "let its length follow: const char *const *names, size_t n");
		slot->given = s->members && slot->given;
		slot->type = spore__xstrdup(slot->given ? "char *" : "const char *");
		slot->element = SPORE__ELEMENT_STRING;
		take_length(s, slot, kind, *length);
		return true;
	}
	if (s->members || clang_isConstQualifiedType(inner) != 0 || kind_of(t) == CXType_Pointer)
		return refuse_pointer(s, item, "use a pointer and a length, " SKIP);
	kind = find_length(s, at, is_char(t) || kind_of(t) == CXType_Record, length);
	slot->in = false;
	slot->out = slot->allocated = slot->by_pointer = true;
	if (kind == BY_POINTER) {
		take_length(s, slot, kind, *length);
		return buffer_element(s->r, item, t, false, slot);
	}
	*length = s->count;
	if (is_char(t)) {
		slot->form = SPORE__FORM_ONE;
		slot->element = SPORE__ELEMENT_STRING;
		slot->type = spore__xstrdup("char");
		return true;
	}
	slot->form = SPORE__FORM_POINTER;
	if (kind_of(t) == CXType_Record)
		return element(s->r, item, t, slot);
	return refuse_pointer(s, item, "let its length follow: size_t *n");
}

static bool shape_record_pointer(const struct shaper *s, const struct spore__stub_item *item, CXType t,
                                 struct spore__stub_slot *slot)
{
	if (s->members || clang_isConstQualifiedType(t) != 0) {
		slot->form = SPORE__FORM_POINTER;
		slot->given = s->members && !clang_isConstQualifiedType(t) && !item->notes.lent;
	} else {
		slot->form = SPORE__FORM_ONE;
		slot->by_pointer = slot->out = true;
		slot->in = item->notes.inout || item->notes.in;
		slot->out = !item->notes.in;
	}
	return element(s->r, item, t, slot);
}

static bool shape_buffer(const struct shaper *s, const struct spore__stub_item *item, CXType t, enum length kind,
                         size_t length, struct spore__stub_slot *slot)
{
	bool constant = clang_isConstQualifiedType(t) != 0 || item->notes.in;
	take_length(s, slot, kind, length);
	if (s->members) {
		slot->given = !clang_isConstQualifiedType(t) && !item->notes.lent;
	} else if (!constant) {
		slot->out = true;
		slot->in = item->notes.inout;
		slot->by_pointer = true;
		if (kind == BY_VALUE && !item->notes.out && !item->notes.inout && !is_char(t) && !is_byte(t)) {
			spore__stub_refuse(s->r, item->cursor,
			                   "write /* spore: out */ behind it when it is only written, /* spore: inout "
			                   "*/ when it is read too, or make it const",
			                   "%s: C does not say whether the buffer %s is read or written", s->r->what,
			                   item->name);
			return false;
		}
	} else if (kind == BY_POINTER) {
		return refuse_pointer(s, item, "give the length by value");
	}
	return buffer_element(s->r, item, t, slot->out && kind == BY_VALUE, slot);
}

static bool shape_pointer(const struct shaper *s, size_t at, struct spore__stub_slot *slot, size_t *length)
{
	const struct spore__stub_item *item = &s->items[at];
	CXType t = pointee(item->type);
	enum CXTypeKind kind = kind_of(t);
	bool constant = clang_isConstQualifiedType(t) != 0;
	if (kind == CXType_Pointer)
		return shape_made(s, at, slot, length);
	if (kind == CXType_FunctionProto || kind == CXType_FunctionNoProto) {
		spore__stub_refuse(s->r, item->cursor,
		                   "only the last two parameters may be a function and its void *, " SKIP,
		                   "%s: %s is a function, which cannot be carried here", s->r->what, item->name);
		return false;
	}
	enum spore_stub_scalar scalar;
	bool plain = (is_char(t) && constant) || kind == CXType_Record || (!constant && scalar_of(t, &scalar));
	enum length found = find_length(s, at, plain, length);
	if (s->r->failed)
		return false;
	if (found != NO_LENGTH)
		return shape_buffer(s, item, t, found, *length, slot);
	if (kind == CXType_Record)
		return shape_record_pointer(s, item, t, slot);
	if (is_char(t) && (constant || s->members)) {
		slot->form = SPORE__FORM_ONE;
		slot->element = SPORE__ELEMENT_STRING;
		slot->type = spore__xstrdup("char");
		slot->given = s->members && !constant && !item->notes.lent;
		return true;
	}
	if (is_char(t))
		return refuse_pointer(
		    s, item, "const char * for a text that goes in; char *buf, size_t size for one that comes out");
	if (constant && (item->notes.one || item->notes.null) && !s->members && kind != CXType_Void) {
		slot->form = SPORE__FORM_POINTER;
		slot->nullable = true;
		return element(s->r, item, t, slot);
	}
	if (kind == CXType_Void || s->members || constant)
		return refuse_pointer(
		    s, item,
		    kind == CXType_Void ? "let its length follow: const void *data, size_t len"
		                        : "let its length follow: const T *v, size_t n; one value is passed by itself");
	slot->form = SPORE__FORM_ONE;
	slot->by_pointer = slot->out = true;
	slot->in = item->notes.inout;
	return element(s->r, item, t, slot);
}

static bool shape_fixed(const struct shaper *s, const struct spore__stub_item *item, struct spore__stub_slot *slot)
{
	CXType c = clang_getCanonicalType(item->type), t = pointee(item->type);
	slot->form = SPORE__FORM_FIXED;
	slot->count = (size_t)clang_getArraySize(c);
	if (!s->members && !clang_isConstQualifiedType(t) && !item->notes.in) {
		slot->out = true;
		slot->in = item->notes.inout;
	}
	if (kind_of(t) == CXType_Pointer || kind_of(t) == CXType_ConstantArray)
		return refuse_pointer(s, item, "use an array of numbers, characters or structures");
	return buffer_element(s->r, item, t, true, slot);
}

static bool shape(const struct shaper *s, size_t at, struct spore__stub_slot *slot, size_t *length)
{
	const struct spore__stub_item *item = &s->items[at];
	*slot = (struct spore__stub_slot){
	    .name = item->name, .help = item->help, .in = true, .nullable = s->members || item->notes.null};
	*length = s->count;
	switch ((int)clang_getCanonicalType(item->type).kind) {
	case CXType_Pointer:
		return shape_pointer(s, at, slot, length);
	case CXType_IncompleteArray:
		if (!s->members)
			return shape_pointer(s, at, slot, length);
		return refuse_pointer(s, item, "use a pointer and a length");
	case CXType_ConstantArray:
		return shape_fixed(s, item, slot);
	default:
		slot->form = SPORE__FORM_ONE;
		return element(s->r, item, item->type, slot);
	}
}

bool spore__stub_shape(struct spore__stub_reader *r, struct spore__stub_item *items, size_t count, size_t at,
                       struct spore__stub_slot *slot, size_t *length)
{
	const struct shaper s = {.r = r, .items = items, .count = count};
	return shape(&s, at, slot, length) && !r->failed;
}

bool spore__stub_members(struct spore__stub_reader *r, struct spore__stub_item *items, size_t count,
                         struct spore__stub_slot **slots, size_t *slot_count)
{
	const struct shaper s = {.r = r, .items = items, .count = count, .members = true};
	size_t length;
	*slots = spore__xcalloc(count + 1, sizeof **slots);
	*slot_count = 0;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; items[i].notes.length != NULL && k < count; k++)
			if (strcmp(items[k].name, items[i].notes.length) == 0)
				items[k].used = true;
	for (size_t i = 0; i < count; i++) {
		if (items[i].used)
			continue;
		items[i].used = true;
		if (shape(&s, i, &(*slots)[*slot_count], &length))
			(*slot_count)++;
	}
	return !r->failed;
}

// ---- results

// size_t *len of a function that returns a pointer: not when it belongs to another pointer.
static size_t result_length(const struct shaper *s, const struct spore__stub_notes *notes)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct spore__stub_item *item = &s->items[i];
		if (item->used || length_kind(item->type) != BY_POINTER ||
		    (notes->length == NULL && !is_size(pointee(item->type))))
			continue;
		if (notes->length != NULL ? strcmp(item->name, notes->length) == 0
		                          : is_length_name(item->name, "return", false)) {
			bool others = i > 0 && kind_of(s->items[i - 1].type) == CXType_Pointer &&
			              !clang_isConstQualifiedType(pointee(s->items[i - 1].type));
			if (notes->length != NULL || !others)
				return i;
		}
	}
	return s->count;
}

bool spore__stub_result(struct spore__stub_reader *r, CXCursor function, CXType type,
                        const struct spore__stub_notes *notes, struct spore__stub_item *items, size_t count,
                        struct spore__stub_slot *slot, size_t *length)
{
	const struct shaper s = {.r = r, .items = items, .count = count};
	static char result[] = "its result";
	const struct spore__stub_item item = {.cursor = function, .type = type, .name = result, .notes = *notes};
	*length = count;
	if (kind_of(type) == CXType_Void)
		return true;
	if (kind_of(type) != CXType_Pointer) {
		slot->form = SPORE__FORM_ONE;
		return element(r, &item, type, slot);
	}
	CXType t = pointee(type);
	slot->given = !clang_isConstQualifiedType(t) && !notes->lent;
	*length = result_length(&s, notes);
	if (kind_of(t) != CXType_Pointer && *length < count) {
		take_length(&s, slot, BY_POINTER, *length);
		return buffer_element(r, &item, t, false, slot);
	}
	if (is_char(t)) {
		slot->form = SPORE__FORM_ONE;
		slot->element = SPORE__ELEMENT_STRING;
		slot->type = spore__xstrdup("char");
		return true;
	}
	slot->form = SPORE__FORM_POINTER;
	if (kind_of(t) == CXType_Record)
		return element(r, &item, t, slot);
	return refuse_pointer(
	    &s, &item, "return a text, a structure, or a buffer whose length comes out: const double *f(size_t *n)");
}
