// What generated code of transparent calls is made of (call.h is for people). It fits the library of the same version, not another one.
#ifndef SPORE_STUB_H
#define SPORE_STUB_H

#include <spore/rpc.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPORE_STUB_FIELDS 64

enum spore_stub_scalar {
	SPORE_STUB_BOOL,
	SPORE_STUB_I8,
	SPORE_STUB_I16,
	SPORE_STUB_I32,
	SPORE_STUB_I64,
	SPORE_STUB_U8,
	SPORE_STUB_U16,
	SPORE_STUB_U32,
	SPORE_STUB_U64,
	SPORE_STUB_F32,
	SPORE_STUB_F64,
};

// ---- writing

SPORE_EXPORT void spore_stub_put(struct spore_writer *w, enum spore_stub_scalar type, const void *value);
// An array; N elements at V.
SPORE_EXPORT void spore_stub_put_numbers(struct spore_writer *w, enum spore_stub_scalar type, const void *v, size_t n);
SPORE_EXPORT void spore_stub_put_strings(struct spore_writer *w, const char *const *v, size_t n);
SPORE_EXPORT void spore_stub_put_array(struct spore_writer *w, size_t n);
SPORE_EXPORT void spore_stub_put_bytes(struct spore_writer *w, const void *data, size_t n); // DATA NULL: nil
SPORE_EXPORT void spore_stub_put_value(struct spore_writer *w, const void *value,
                                       size_t n); // encoded already; VALUE NULL: nil
SPORE_EXPORT void spore_stub_put_text(struct spore_writer *w, const char *s, size_t n);     // S NULL: nil
SPORE_EXPORT void spore_stub_put_until(struct spore_writer *w, const char *s, size_t room); // as far as a NUL

// ---- reading

struct spore_stub_memory; // what is freed together

// The first failure stays; what is read after it is zero.
struct spore_stub_get {
	struct spore_reader r;
	struct spore_stub_memory **memory;
	enum spore_err err;
	bool server;   // memory is never given
	char why[160]; // what is wrong
};

// The members of a structure or the parameters of a call, by name (a map) or by position (an array).
struct spore_stub_fields {
	struct spore_reader at[SPORE_STUB_FIELDS]; // empty: it is not there
	struct spore_reader after;
	const char *const *names;
};

// WHAT is for messages. COUNT names at NAMES, all of them in use. False: G has failed.
SPORE_EXPORT bool spore_stub_enter(struct spore_stub_get *g, const char *what, const char *const *names, size_t count,
                                   struct spore_stub_fields *f);
// G is before it; it has to be there.
SPORE_EXPORT void spore_stub_field(struct spore_stub_get *g, const struct spore_stub_fields *f, size_t index);
// The same for one that may be missing, which is nil then.
SPORE_EXPORT void spore_stub_maybe(struct spore_stub_get *g, const struct spore_stub_fields *f, size_t index);
SPORE_EXPORT void spore_stub_leave(struct spore_stub_get *g, const struct spore_stub_fields *f); // G is behind all

SPORE_EXPORT void spore_stub_get(struct spore_stub_get *g, enum spore_stub_scalar type, const char *name, void *value);
// Memory of its own; *N (of what N_MAX allows) elements. Never NULL unless the value is nil or G has failed.
SPORE_EXPORT void *spore_stub_get_numbers(struct spore_stub_get *g, enum spore_stub_scalar type, const char *name,
                                          bool given, uint64_t n_max, size_t *n);
SPORE_EXPORT char **spore_stub_get_strings(struct spore_stub_get *g, const char *name, bool given, uint64_t n_max,
                                           size_t *n);
SPORE_EXPORT void *spore_stub_get_bytes(struct spore_stub_get *g, const char *name, bool given, uint64_t n_max,
                                        size_t *n);
// One value, encoded as it is. NULL: it is missing.
SPORE_EXPORT void *spore_stub_get_value(struct spore_stub_get *g, const char *name, bool given, uint64_t n_max,
                                        size_t *n);
SPORE_EXPORT char *spore_stub_get_string(struct spore_stub_get *g, const char *name, bool given);
// A structure that may be nil: NULL then. Of SIZE bytes, zeroed; to be read next.
SPORE_EXPORT void *spore_stub_get_pointer(struct spore_stub_get *g, size_t size, bool given);
// *N elements of SIZE bytes, zeroed; each to be read next.
SPORE_EXPORT void *spore_stub_get_array(struct spore_stub_get *g, const char *name, size_t size, bool given,
                                        uint64_t n_max, size_t *n);
// Into ROOM elements at V, those that are not there are zeroed where EXACT; how many there were.
SPORE_EXPORT size_t spore_stub_fill_numbers(struct spore_stub_get *g, enum spore_stub_scalar type, const char *name,
                                            void *v, size_t room, bool exact);
SPORE_EXPORT size_t spore_stub_fill_bytes(struct spore_stub_get *g, const char *name, void *v, size_t room, bool exact);
SPORE_EXPORT size_t spore_stub_fill_text(struct spore_stub_get *g, const char *name, char *v, size_t room, bool ends);
SPORE_EXPORT size_t spore_stub_fill_array(struct spore_stub_get *g, const char *name, size_t room);
// A capacity: memory for that many elements of SIZE bytes, zeroed.
SPORE_EXPORT void *spore_stub_get_room(struct spore_stub_get *g, const char *name, size_t size, uint64_t n_max,
                                       size_t *n);
SPORE_EXPORT void spore_stub_get_fail(struct spore_stub_get *g, enum spore_err e, const char *format, ...)
    SPORE_PRINTF(3, 4);

// ---- calling

struct spore_stub_port {
	const char *name;
	void *rpc; // the library's
};

struct spore_stub_call {
	struct spore_rpc_ask *ask;
	struct spore_stub_get get; // before the result, once it is there
	enum spore_err err;
	int timeout_ms;
	int (*item)(struct spore_stub_get *g, void *data); // other than zero: enough
	void *data;
	bool enough;
	struct spore_stub_memory *memory; // of items
};

// Write COUNT parameters to what it returns. NULL: it failed, which spore_stub_end says. SIZE: about how many bytes.
SPORE_EXPORT struct spore_writer *spore_stub_begin(struct spore_stub_call *c, struct spore_stub_port *p,
                                                   const char *method, unsigned count, size_t size);
SPORE_EXPORT void spore_stub_items(struct spore_stub_call *c, int (*fn)(struct spore_stub_get *g, void *data),
                                   void *data);
SPORE_EXPORT bool spore_stub_wait(struct spore_stub_call *c); // true: c->get is before the result
// Sets the status of the thread; false: what the call returns has to be zeroed.
SPORE_EXPORT bool spore_stub_end(struct spore_stub_call *c);

// ---- being called

struct spore_stub_served {
	struct spore_rpc_call *call;
	struct spore_stub_get get; // before the parameters
	struct spore_stub_memory *memory;
	int64_t code; // of spore_call_fail; 0: it was not called
	char text[256];
	bool stopped; // items are not wanted any more
	struct spore_stub_served *outer;
};

struct spore_stub_method {
	const char *name; // NULL ends the table
	void (*serve)(struct spore_stub_served *s);
	struct spore_rpc_method rpc; // name, help, params, result, items
};

struct spore_stub_service {
	const char *port;
	const char *header;
	const struct spore_stub_method *methods;
	struct spore_stub_service *next; // the library's
};

// Before main; S is kept.
SPORE_EXPORT void spore_stub_serve(struct spore_stub_service *s);
// Are the parameters right? If not the call is answered. After it the function is called.
SPORE_EXPORT bool spore_stub_run(struct spore_stub_served *s);
// The function has returned: where to write the result. NULL: it failed, or nobody wants it.
SPORE_EXPORT struct spore_writer *spore_stub_result(struct spore_stub_served *s, size_t size);
// An item: write it, then spore_stub_item_end, which is not zero when the caller wants no more.
SPORE_EXPORT struct spore_writer *spore_stub_item(struct spore_stub_served *s, size_t size);
SPORE_EXPORT int spore_stub_item_end(struct spore_stub_served *s);
SPORE_EXPORT int spore_stub_main(void);           // of a program without a main
SPORE_EXPORT void spore_stub_free(const void *p); // free()

#ifdef __cplusplus
}
#endif

#endif
