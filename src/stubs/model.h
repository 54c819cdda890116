// What a header says, as far as calls need it: functions whose parameters and results are slots. parse.c makes it from C; emit*.c write
// code from it. Everything lives until the program ends.
#ifndef SPORE_STUBS_MODEL_H
#define SPORE_STUBS_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "spore/stub.h"

struct spore__stub_record;

enum spore__stub_form {
	SPORE__FORM_NONE,    // void
	SPORE__FORM_ONE,     // one element
	SPORE__FORM_POINTER, // to one structure or number, or NULL
	SPORE__FORM_BUFFER,  // a pointer and a length
	SPORE__FORM_FIXED,   // an array whose length its type has
};

enum spore__stub_element {
	SPORE__ELEMENT_SCALAR,
	SPORE__ELEMENT_BYTE,   // of a buffer of bytes
	SPORE__ELEMENT_CHAR,   // of a text that has a length
	SPORE__ELEMENT_STRING, // a pointer to a text that ends with NUL, or NULL
	SPORE__ELEMENT_RECORD,
	SPORE__ELEMENT_VALUE, // of a buffer that holds one value as it is on the wire
};

struct spore__stub_slot {
	char *name; // in C and on the wire
	char *type; // of an element, in C, without const: "double", "struct point"; of a string "char"
	char *help; // may be NULL
	enum spore__stub_form form;
	enum spore__stub_element element;
	enum spore_stub_scalar scalar;
	struct spore__stub_record *record;
	const struct spore__strs *names; // NAME=VALUE of an enumeration; may be NULL
	bool in, out;
	bool nullable;   // nil is fine
	bool given;      // the receiver frees it
	bool allocated;  // out: the function says where it is (T **)
	bool by_pointer; // out: the caller says where it goes (T *)
	char *length;    // BUFFER: the name of its length
	char *length_type;
	bool length_by_pointer;
	size_t count; // FIXED
};

struct spore__stub_record {
	char *type; // in C: "struct point"
	char *name; // for people: "point"
	unsigned number;
	struct spore__stub_slot *slots;
	size_t count;
	bool open;  // its members are being read
	bool gives; // something in it is for the receiver to free
	struct spore__stub_record *next;
};

struct spore__stub_callback {
	char *name, *argument; // of the two parameters; NULL: there is none
	struct spore__stub_slot *slots;
	size_t count;
	struct spore__strs declared; // the parameters in C, that which is passed through among them
	struct spore__strs names;    // likewise
	size_t passed;               // which of them that is
	bool stops;                  // it returns int: other than zero ends the calls
};

enum spore__stub_role { SPORE__ROLE_VALUE, SPORE__ROLE_LENGTH, SPORE__ROLE_CALLBACK, SPORE__ROLE_ARGUMENT };

// A parameter in C.
struct spore__stub_param {
	char *declared; // "const double *v"
	char *name;
	enum spore__stub_role role;
	size_t slot;
};

struct spore__stub_function {
	char *name;
	char *method;  // on the wire
	char *help;    // may be NULL
	char *returns; // in C
	struct spore__stub_slot result;
	struct spore__stub_slot *slots; // without the callback
	size_t count;
	struct spore__stub_param *params;
	size_t param_count;
	struct spore__stub_callback callback;
};

struct spore__stub_model {
	const char *header; // its path
	struct spore__stub_function *functions;
	size_t count;
	struct spore__stub_record *records; // those within others first
	unsigned record_count;
	struct spore__buf errors; // as compilers print them; empty: all is well
	size_t error_count;
};

// Reads the header at PATH. FLAGS are of the compiler (-I, -D). False: errors has why.
bool spore__stub_parse(struct spore__stub_model *m, const char *path, const struct spore__strs *flags);

// "TYPE NAME" as C has it, also where the name stands within; malloc'ed.
char *spore__stub_declare(const char *type, const char *name);

enum { SPORE__STUB_FIELDS = SPORE_STUB_FIELDS };

// Code: definitions of the functions, which call the port PORT.
void spore__stub_emit_client(const struct spore__stub_model *m, const char *port, struct spore__buf *out);
// Code that answers calls of the port PORT with the functions.
void spore__stub_emit_server(const struct spore__stub_model *m, const char *port, struct spore__buf *out);

// Shared by the two (emit.c): reading and writing of structures, and of one slot. VALUE and LENGTH are expressions.
void spore__stub_emit_records(const struct spore__stub_model *m, struct spore__buf *out);
// Declares the local v_NAME of a slot, zeroed, and that of its length.
void spore__stub_emit_local(struct spore__buf *out, const struct spore__stub_slot *s);
void spore__stub_emit_put(struct spore__buf *out, const struct spore__stub_slot *s, const char *indent,
                          const char *value, const char *length);
// Into what is declared as VALUE (and LENGTH); memory is made.
void spore__stub_emit_get(struct spore__buf *out, const struct spore__stub_slot *s, const char *indent,
                          const char *value, const char *length, bool given);
// Into a buffer at VALUE that has room for ROOM elements; LENGTH (NULL: nobody asks) becomes how many there are.
void spore__stub_emit_fill(struct spore__buf *out, const struct spore__stub_slot *s, const char *indent,
                           const char *value, const char *room, const char *length);
// The reader is before the field INDEX of spore_f.
void spore__stub_emit_field(struct spore__buf *out, const struct spore__stub_slot *s, const char *indent, size_t index);
const char *spore__stub_scalar_name(enum spore_stub_scalar s); // "SPORE_STUB_I32"
// Declares the types for `$/describe` under the name LABEL: spore_rpc_field tables (describe.c).
void spore__stub_emit_fields(struct spore__buf *out, const char *label, const struct spore__stub_slot *slots,
                             size_t count, const struct spore__stub_slot *result);
void spore__stub_emit_text(struct spore__buf *out, const char *text); // as a string literal; NULL: NULL

// A header from a description (MessagePack, the result of $/describe) of the service NAME. False: *WHY says why not.
bool spore__stub_header(const void *description, size_t len, const char *name, struct spore__buf *out,
                        const char **why);

#endif
