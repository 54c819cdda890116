// Calls over a channel. Both ends of a conversation may call and be called; what is spoken is MessagePack-RPC (docs/rpc.md), so that clients in other
// languages exist. Values are written and read in place (value.h): parameters in the one copy that is made of a message, since a peer may change the
// memory of a channel while it is looked at, and results likewise; small calls allocate nothing.
//
// A service, of a port of the shape serve:
//
//	#include <spore/rpc.h>
//
//	static void add(struct spore_rpc_call *call, void *data)
//	{
//		int64_t a, b;
//		if (spore_rpc_int(call, 0, "a", &a) && spore_rpc_int(call, 1, "b", &b)) {
//			spore_write_int(spore_rpc_result(call, 0), a + b);
//			spore_rpc_done(call);
//		}
//	}
//	static const struct spore_rpc_method methods[] = {{.name = "add", .handle = add, .help = "The sum of two numbers"}, {0}};
//
//	int main(void)
//	{
//		return spore_rpc_serve("calc", &(struct spore_rpc_options){.methods = methods}) == SPORE_OK ? 0 : 1;
//	}
//
// A client, over a port that is wired to it:
//
//	struct spore_rpc *r;
//	struct spore_rpc_ask *a;
//	struct spore_writer *w;
//	struct spore_reader result;
//	int64_t sum;
//	if (spore_rpc_open("calc", NULL, &r) == SPORE_OK && spore_rpc_ask(r, "add", 0, &a, &w) == SPORE_OK) {
//		spore_write_array(w, 2), spore_write_int(w, 2), spore_write_int(w, 3);
//		if (spore_rpc_wait(a, 1000, &result) != SPORE_OK)
//			printf("%s\n", spore_rpc_why(a)->text);
//		else if (spore_read_int(&result, &sum))
//			printf("%d\n", (int)sum);
//		spore_rpc_end(a);
//	}
//
// Or `spore call calc.calc add 2 3`. `spore call calc.calc --describe` shows the table of methods, which every conversation
// answers to the reserved method `$/describe`.
//
// Three ways to live with it, which may be mixed:
//	blocking     spore_rpc_wait, spore_rpc_run and spore_rpc_serve read, and run the handlers of what the peer calls meanwhile, so that
//	             two ends may call each other to any depth (32 handlers in each other; then the peer gets SPORE_EBUSY)
//	callbacks    spore_rpc_start: the answer comes to a function, from within whatever reads
//	polled       from the program's own loop: poll spore_rpc_fd, call spore_rpc_turn(r, SPORE_NOW)
//
// Nothing that reads waits to write: what the peer does not take at once is queued, and while that is over `outgoing` bytes, calls of the
// peer are kept for later and new ones of this end are refused (SPORE_EBUSY). So two ends that both write cannot lock each other. A peer that
// goes on calling without ever reading loses the conversation.
//
// Threads: one thread at a time reads a conversation (spore_rpc_turn, spore_rpc_run); while it does, it runs the handlers and callbacks, one at a
// time. Everything marked [any] may be done by any thread at once without a lock; of threads in spore_rpc_wait one reads for all.
// A thing of one call (a writer, an answer) is for one thread at a time. A handler that takes long should answer later from another thread.
// [close]: no other thread is within the conversation, and none of its calls is used. None may be called from a signal handler.
#ifndef SPORE_RPC_H
#define SPORE_RPC_H

#include <spore/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spore_rpc;      // a conversation
struct spore_rpc_call; // what the peer calls: to be answered exactly once
struct spore_rpc_ask;  // what this end calls

// A time-out beside SPORE_FOREVER and SPORE_NOW: what remains to the call whose handler runs on this thread. For ever outside of one, and when
// it has no deadline.
#define SPORE_INHERIT (-2)

// ---- the table of methods

// Answers CALL, now or later: spore_rpc_done or spore_rpc_fail. DATA is the options'.
typedef void spore_rpc_handler(struct spore_rpc_call *call, void *data);

// A parameter, a member of a result, for `$/describe`.
struct spore_rpc_field {
	const char *name; // NULL ends the list
	const char *type; // "nil", "bool", "int", "float", "str", "bytes", "array", "map", "any"
	const char *help; // one sentence, no full stop; may be NULL
	bool optional;
};

struct spore_rpc_fault {
	int64_t code;     // enum spore_err above zero, JSON-RPC's below; 0 ends the list
	const char *help; // when; may be NULL
};

struct spore_rpc_method {
	const char *name; // NULL ends the table
	spore_rpc_handler *handle;
	const char *help;                     // one sentence, no full stop; may be NULL
	const struct spore_rpc_field *params; // by position, or by name; may be NULL: none, or not said
	const struct spore_rpc_field
	    *result; // members of a map, or one with the name "": the result itself; may be NULL: nil
	const struct spore_rpc_field *items;  // of each $/item, likewise; may be NULL: there are none
	const struct spore_rpc_fault *errors; // may be NULL
};

// ---- a conversation

// Zeroed: the defaults. What it points to must outlive the conversation.
struct spore_rpc_options {
	const struct spore_rpc_method *methods; // may be NULL: the peer cannot call but `$/describe`
	void *data;                             // the handlers'
	unsigned in_flight;  // calls that are not answered, of each end; 0: 128. The largest is 1 << 20
	size_t outgoing;     // bytes that may be queued before calls wait; 0: 4 MiB
	size_t largest;      // bytes of a message from the peer; 0: 64 MiB
	const char *program; // as `$/describe` names it; may be NULL: the task's name
	const char *version; // likewise; may be NULL
	// A method that the table does not have; NULL: SPORE_ENOTFOUND is answered. spore_rpc_method tells which.
	spore_rpc_handler *other;
	// A notification that is not reserved and whose method is not in the table (those in the table come to its handler, and what it answers is
	// dropped). May be NULL.
	void (*notice)(struct spore_rpc *r, const char *method, struct spore_reader params, void *data);
	// The peer is there (WHY SPORE_OK: at first, and when it returned), or not (SPORE_EEND, SPORE_ECLOSED, SPORE_EMALFORMED); all calls in
	// flight have ended before. Of spore_rpc_serve for each client; R is closed behind it. May be NULL.
	void (*peer)(struct spore_rpc *r, enum spore_err why, void *data);
	bool bytes; // of spore_rpc_open and spore_rpc_serve: a port of bytes, as other programs' MessagePack-RPC is
	unsigned clients;  // of spore_rpc_serve; 0: 256. Others wait
	unsigned grace_ms; // of spore_rpc_serve, how long calls in flight may take after the stop request; 0: 1000
};

// Opens the port PORT of this task (shape connect, protocol "rpc") and speaks over it. Does not wait for the peer. OPTIONS may be NULL. Errors as of
// spore_chan_open; SPORE_EINVALID also for options.
SPORE_EXPORT enum spore_err spore_rpc_open(const char *port, const struct spore_rpc_options *options,
                                           struct spore_rpc **r);
// Speaks over C, an opened or accepted channel of messages or bytes, which it takes over in every case: it may be used for nothing else.
SPORE_EXPORT enum spore_err spore_rpc_create(struct spore_chan *c, const struct spore_rpc_options *options,
                                             struct spore_rpc **r);
// Ends all calls in flight (SPORE_ECLOSED) and closes the channel. Unanswered calls of the peer are over: they still have to be
// answered, to no effect; that may be later, since what they need lives until the last one is. NULL is fine. [close]
SPORE_EXPORT void spore_rpc_close(struct spore_rpc *r);

// Accepts the clients of the port PORT (shape serve) and serves them all on this thread until a stop is requested (spore_stop_requested) and what is in
// flight then has been answered. Says spore_ready() when it begins. SPORE_OK: after a stop. Errors as of spore_port_open; SPORE_ECLOSED: nobody
// will connect any more.
SPORE_EXPORT enum spore_err spore_rpc_serve(const char *port, const struct spore_rpc_options *options);

// Reads and handles what is there, having waited for it TIMEOUT_MS at most; sends what was queued; ends what is over its time. One thread at a
// time (another gets SPORE_EBUSY). SPORE_OK: something was handled. SPORE_EAGAIN, SPORE_ETIMEOUT, SPORE_ENOTWIRED, SPORE_ECANCELLED: as of a
// channel. SPORE_EEND, SPORE_ECLOSED, SPORE_EMALFORMED: the conversation is over (that of an open port only when nobody will wire it any more).
SPORE_EXPORT enum spore_err spore_rpc_turn(struct spore_rpc *r, int timeout_ms);
// Turns until a stop is requested (SPORE_OK) or the conversation is over.
SPORE_EXPORT enum spore_err spore_rpc_run(struct spore_rpc *r);

// For poll: when it is ready, or spore_rpc_timeout is over, call spore_rpc_turn(r, SPORE_NOW), until that says SPORE_EAGAIN, before the first poll
// too. -1 when descriptors ran out, and for an opened port on plain POSIX. Borrowed. [any]
SPORE_EXPORT int spore_rpc_fd(const struct spore_rpc *r);
SPORE_EXPORT short spore_rpc_events(const struct spore_rpc *r);
// Milliseconds until the next call is over its time; -1: none will be. [any]
SPORE_EXPORT int spore_rpc_timeout(const struct spore_rpc *r);

struct spore_rpc_stats {
	unsigned asked;  // calls of this end in flight
	unsigned called; // ... of the peer
	uint64_t asks;   // of this end, all in all
	uint64_t calls;  // of the peer
	uint64_t busy;   // calls of the peer that were refused
	uint64_t late;   // answers and parts that nobody waited for any more
	size_t queued;   // bytes that the peer does not take
};
SPORE_EXPORT void spore_rpc_stats(const struct spore_rpc *r, struct spore_rpc_stats *stats); // [any]
// The channel, to be looked at: spore_chan_stats, spore_chan_peer. Borrowed.
SPORE_EXPORT const struct spore_chan *spore_rpc_chan(const struct spore_rpc *r);
SPORE_EXPORT void *spore_rpc_data(const struct spore_rpc *r); // of the options

// ---- calling

// Begins a call of METHOD. Exactly one array or map of parameters has to be written to *PARAMS (nothing: none). SIZE: about how many bytes they
// will take, if that is much: room for them is made at once; 0: not known. SPORE_EBUSY: `in_flight`
// calls have not been answered, or too much is queued. SPORE_ENOMEM; SPORE_EINVALID: METHOD is empty or over 255 bytes.
// *A ends with spore_rpc_end, or by itself as spore_rpc_start says. [any]
SPORE_EXPORT enum spore_err spore_rpc_ask(struct spore_rpc *r, const char *method, size_t size,
                                          struct spore_rpc_ask **a, struct spore_writer **params);
// The same for a notification: spore_rpc_tell sends it. [any]
SPORE_EXPORT enum spore_err spore_rpc_notice(struct spore_rpc *r, const char *method, size_t size,
                                             struct spore_rpc_ask **a, struct spore_writer **params);

// Before it is sent: FN is called with each part of the result ($/item) or each report of progress ($/progress), on the thread that reads. VALUE is
// valid meanwhile. [any]
typedef void spore_rpc_part(struct spore_rpc_ask *a, struct spore_reader value, void *arg);
SPORE_EXPORT void spore_rpc_on_item(struct spore_rpc_ask *a, spore_rpc_part *fn, void *arg);
SPORE_EXPORT void spore_rpc_on_progress(struct spore_rpc_ask *a, spore_rpc_part *fn, void *arg);

// Sends A, unless that was done, and waits for its answer, TIMEOUT_MS at most (counted from the sending; the peer hears of it: $/deadline). SPORE_OK:
// *RESULT (may be NULL) stands before the result, valid until spore_rpc_end. Else, with more in spore_rpc_why:
//	the peer's   its code where that is one of enum spore_err, and SPORE_EREMOTE for any other
//	SPORE_ETIMEOUT: the peer has been told that nobody waits any more
//	SPORE_ECANCELLED: a signal; the call goes on
//	SPORE_ENOTWIRED: nobody was there in that time
//	SPORE_ECLOSED, SPORE_EEND, SPORE_ERETURNED: the peer went away, or was another one suddenly; the call may have been executed
//	SPORE_EMALFORMED: it broke the rules
//	SPORE_ETOOBIG, SPORE_ENOMEM, SPORE_EINVALID: the parameters; nothing was sent
// May be called again after SPORE_ECANCELLED and, with SPORE_NOW, as long as it says SPORE_EAGAIN. [any]
SPORE_EXPORT enum spore_err spore_rpc_wait(struct spore_rpc_ask *a, int timeout_ms, struct spore_reader *result);

// Sends A. FN (may be NULL) is called once with what spore_rpc_wait would have said, on the thread that reads or closes, never within this call;
// then A is over by itself. On an error FN is not called, and A is over. With FN NULL A has to be waited for or ended. [any]
typedef void spore_rpc_answer(struct spore_rpc_ask *a, enum spore_err e, struct spore_reader result, void *arg);
SPORE_EXPORT enum spore_err spore_rpc_start(struct spore_rpc_ask *a, int timeout_ms, spore_rpc_answer *fn, void *arg);

// Sends a notification; A is over in every case. SPORE_EBUSY: too much is queued. [any]
SPORE_EXPORT enum spore_err spore_rpc_tell(struct spore_rpc_ask *a);

// Tells the peer that the answer is not needed any more; it still comes, once: mostly SPORE_ECANCELLED. [any]
SPORE_EXPORT void spore_rpc_cancel(struct spore_rpc_ask *a);

// Gives A back: not for one that was started with a function. One that was not answered is cancelled, and its answer dropped. NULL is fine. [any]
SPORE_EXPORT void spore_rpc_end(struct spore_rpc_ask *a);

struct spore_rpc_error {
	int64_t code;             // enum spore_err above zero, JSON-RPC's below
	const char *text;         // never NULL
	size_t text_len;          // it may have a NUL within
	struct spore_reader data; // before one value, or empty
	bool peer;                // it came from there; else this end says it
};
// Of A, whose answer was an error. Valid until spore_rpc_end, or until the function returns that was called with it. [any]
SPORE_EXPORT const struct spore_rpc_error *spore_rpc_why(const struct spore_rpc_ask *a);

// ---- being called

// All of CALL are valid until it is answered.
SPORE_EXPORT struct spore_reader spore_rpc_params(const struct spore_rpc_call *call); // before an array or a map
SPORE_EXPORT const char *spore_rpc_method(const struct spore_rpc_call *call);
SPORE_EXPORT struct spore_rpc *spore_rpc_of(const struct spore_rpc_call *call);
SPORE_EXPORT bool spore_rpc_is_notice(const struct spore_rpc_call *call); // what is answered is dropped
// Milliseconds until its deadline, 0 when it is over; -1: it has none.
SPORE_EXPORT int spore_rpc_remaining(const struct spore_rpc_call *call);

// The parameter at INDEX of an array, or called NAME in a map; NAME may be NULL. *AT stands before it. False: it is not there, or nil.
SPORE_EXPORT bool spore_rpc_param(const struct spore_rpc_call *call, uint32_t index, const char *name,
                                  struct spore_reader *at);
// Likewise. False: it is not there or something else, and CALL has been answered with an error (SPORE_EINVALID) that names it.
SPORE_EXPORT bool spore_rpc_bool(struct spore_rpc_call *call, uint32_t index, const char *name, bool *b);
SPORE_EXPORT bool spore_rpc_int(struct spore_rpc_call *call, uint32_t index, const char *name, int64_t *i);
SPORE_EXPORT bool spore_rpc_float(struct spore_rpc_call *call, uint32_t index, const char *name, double *f);
// *S is not NUL-terminated.
SPORE_EXPORT bool spore_rpc_str(struct spore_rpc_call *call, uint32_t index, const char *name, const char **s,
                                size_t *len);
SPORE_EXPORT bool spore_rpc_bytes(struct spore_rpc_call *call, uint32_t index, const char *name, const void **data,
                                  size_t *len);

// Write exactly one value (nothing: nil), then spore_rpc_done. SIZE as of spore_rpc_ask. [any]
SPORE_EXPORT struct spore_writer *spore_rpc_result(struct spore_rpc_call *call, size_t size);
// Sends the result or the error that was begun, or nil. CALL is over. Never waits. When there is no memory for it the peer gets SPORE_ENOMEM
// instead. [any]
SPORE_EXPORT void spore_rpc_done(struct spore_rpc_call *call);
// Answers with an error: enum spore_err above zero, JSON-RPC's codes below, and a text as of printf (at most 1023 bytes). CALL is over. [any]
SPORE_EXPORT void spore_rpc_fail(struct spore_rpc_call *call, int64_t code, const char *format, ...) SPORE_PRINTF(3, 4);
// Begins an error instead of a result: write its data, one value, then spore_rpc_done. [any]
SPORE_EXPORT struct spore_writer *spore_rpc_failure(struct spore_rpc_call *call, int64_t code, const char *format, ...)
    SPORE_PRINTF(3, 4);

// Begin a part of the result or a report of progress: write one value, then spore_rpc_send. One at a time, before the result is begun. [any]
SPORE_EXPORT struct spore_writer *spore_rpc_item(struct spore_rpc_call *call, size_t size);
SPORE_EXPORT struct spore_writer *spore_rpc_progress(struct spore_rpc_call *call);
// Sends it. While too much is queued it waits, TIMEOUT_MS at most, and reads meanwhile when nobody else does (handlers of other calls run
// later). SPORE_EAGAIN, SPORE_ETIMEOUT: still so; call it again. SPORE_ECANCELLED: nobody wants it any more. SPORE_ECLOSED, SPORE_ENOMEM,
// SPORE_ETOOBIG. But for the first two what was begun is over. [any]
SPORE_EXPORT enum spore_err spore_rpc_send(struct spore_rpc_call *call, int timeout_ms);

// Does nobody want the answer any more ($/cancel, a deadline that passed, a peer that is gone)? It has to be given all the same. [any]
SPORE_EXPORT bool spore_rpc_cancelled(const struct spore_rpc_call *call);
// FN is called once when that happens (at once when it has), on the thread that reads, and not after the answer. It may answer CALL; another thread
// that answers it meanwhile waits until FN has returned. [any]
SPORE_EXPORT void spore_rpc_on_cancel(struct spore_rpc_call *call, void (*fn)(struct spore_rpc_call *call, void *arg),
                                      void *arg);

#ifdef __cplusplus
}
#endif

#endif
