// Calls and their answers: who asked, in which order, and what becomes of a call when either of the two is gone or its time is over.
#include "bridge/middle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bridge/jsonrpc.h"

enum { HUB_CALLS = 16384 };

// ---- answers

static void put_error(struct spore__model *m, int64_t code, const char *text)
{
	*m = (struct spore__model){
	    .kind = SPORE__MODEL_ERROR, .code = code, .text = spore__middle_text(text), .remaining_ms = -1};
}

static void put_answer(struct spore__bridge_end *caller, struct spore__span id, const char *session,
                       const struct spore__model *answer)
{
	struct spore__model m = *answer;
	m.id = id;
	m.session = session;
	m.remaining_ms = -1;
	enum spore_err err = spore__middle_encode(caller, &m);
	if (err == SPORE_OK || err == SPORE_ENOTFOUND)
		return;
	char why[320];
	struct spore__model failed;
	(void)snprintf(why, sizeof why, "the answer cannot be said in %s: %s", caller->codec->ops->name,
	               spore__middle_why(caller, err));
	put_error(&failed, SPORE_EUNSUPPORTED, why);
	failed.id = id;
	failed.session = session;
	spore__middle_park_model(caller, 1 - caller->side, &m, why);
	(void)spore__middle_encode(caller, &failed);
}

// Its caller has its answer, or is gone.
static void forget(struct spore__bridge_call *call)
{
	const struct spore__bridge *b = call->caller->bridge;
	if (call->token >= 0 && b->host->answered != NULL)
		b->host->answered(b->owner, call->token);
	call->token = -1;
	spore__bridge_call_forget_caller(call);
}

// The parts that were gathered, and what the call returned unless that is nil.
static void gather(struct spore__bridge_call *call, struct spore__model *m, struct spore__msgpack_writer *w)
{
	bool last = m->value.len > 0 && !(m->value.len == 1 && m->value.bytes[0] == 0xc0);
	spore__msgpack_array(w, call->item_count + (last ? 1 : 0));
	spore__msgpack_raw(w, call->items.data, call->items.len);
	if (last)
		spore__msgpack_raw(w, m->value.bytes, m->value.len);
	m->value = (struct spore__span){w->data, w->len};
}

// Answers of a caller whose protocol has no ids come in the order of its requests.
static void flush_in_order(struct spore__bridge_end *caller)
{
	struct spore__bridge_call *call;
	while ((call = caller->by) != NULL && call->done) {
		put_answer(caller, (struct spore__span){call->id, call->id_len}, call->session, &call->answer);
		forget(call);
		if (call->abandoned && call->callee != NULL && !(call->told && call->callee->codec->ops->ids))
			continue; // which still owes its own
		spore__bridge_call_destroy(&caller->bridge->calls, call);
	}
}

// CALL is answered; KEEP: the callee will say something of it yet, which is dropped.
static void answer(struct spore__bridge *b, struct spore__bridge_call *call, struct spore__model *m, bool keep)
{
	struct spore__bridge_end *caller = call->caller;
	struct spore__msgpack_writer w = {0};
	if (call->due != INT64_MAX) {
		call->due = INT64_MAX;
		b->dues--;
	}
	if (call->abandoned || caller == NULL) {
		if (!keep)
			b->counts.late++;
	} else {
		if (call->item_count > 0 && m->kind == SPORE__MODEL_RESPONSE)
			gather(call, m, &w);
		if (caller->codec->ops->ids) {
			put_answer(caller, (struct spore__span){call->id, call->id_len}, call->session, m);
			forget(call);
		} else {
			spore__bridge_call_keep(call, m);
		}
	}
	spore__msgpack_writer_finish(&w);
	if (keep) {
		call->abandoned = true;
	} else if (call->caller == NULL) {
		spore__bridge_call_destroy(&b->calls, call);
	} else { // it waits for those before it only
		spore__bridge_call_forget_callee(call);
	}
	if (caller != NULL && !caller->codec->ops->ids)
		flush_in_order(caller);
}

void spore__middle_fail(struct spore__bridge *b, struct spore__bridge_call *call, int64_t code, const char *why,
                        bool keep)
{
	struct spore__model m;
	put_error(&m, code, why);
	answer(b, call, &m, keep);
}

// ---- requests

size_t spore__middle_number(unsigned char out[SPORE__MIDDLE_NUMBER], uint32_t number)
{
	struct spore__msgpack_writer w;
	spore__msgpack_writer_fixed(&w, out, SPORE__MIDDLE_NUMBER);
	spore__msgpack_uint(&w, number);
	return w.len;
}

unsigned spore__middle_limit(const struct spore__bridge_end *end)
{
	return end->codec->ops->hub && end->side == SPORE__BRIDGE_LEFT ? HUB_CALLS : end->codec->limits->in_flight;
}

// To whom what END said goes. NULL with *WHY.
static struct spore__bridge_end *target(struct spore__bridge_end *end, const char *session, const char **why)
{
	struct spore__bridge *b = end->bridge;
	struct spore__bridge_end *to = b->first[1 - end->side];
	if (end->side == SPORE__BRIDGE_LEFT && b->host->open != NULL) {
		for (to = b->first[SPORE__BRIDGE_RIGHT]; to != NULL; to = to->next)
			if (session == NULL ? to->session == NULL
			                    : to->session != NULL && strcmp(to->session, session) == 0)
				break;
		if (to == NULL)
			to = b->host->open(b->owner, session);
	}
	*why = to != NULL                        ? NULL
	       : end->side == SPORE__BRIDGE_LEFT ? "the callee is gone"
	                                         : "there is no caller any more";
	if (to != NULL && end->side == SPORE__BRIDGE_RIGHT) {
		if (to->next != NULL)
			*why = "there are several clients, so none can be called back";
		else if (!to->codec->ops->symmetric)
			*why = "the client's protocol cannot be called back";
	}
	return *why == NULL ? to : NULL;
}

static void refuse(struct spore__bridge_end *end, const struct spore__model *m, int64_t code, const char *why)
{
	struct spore__model failed;
	put_error(&failed, code, why);
	put_answer(end, m->id, m->session, &failed);
}

// An answer that comes before those that are owed already.
void spore__middle_refuse(struct spore__bridge_end *end, const struct spore__model *m, int64_t code, const char *why)
{
	struct spore__bridge *b = end->bridge;
	if (end->codec->ops->ids || end->by == NULL) {
		refuse(end, m, code, why);
		return;
	}
	struct spore__bridge_call *call = spore__bridge_call_create(&b->calls, m->id);
	if (call == NULL)
		return; // 32768 of them
	spore__bridge_call_join(call, end, end);
	spore__middle_fail(b, call, code, why, false);
}

void spore__middle_request(struct spore__bridge_end *end, const struct spore__model *m)
{
	struct spore__bridge *b = end->bridge;
	const char *why = NULL;
	struct spore__bridge_end *to = target(end, m->session, &why);
	if (to == NULL) {
		spore__middle_refuse(end, m, end->side == SPORE__BRIDGE_LEFT ? SPORE_ECLOSED : SPORE_EUNSUPPORTED, why);
		return;
	}
	struct spore__bridge_call *call =
	    end->unanswered < spore__middle_limit(end) ? spore__bridge_call_create(&b->calls, m->id) : NULL;
	if (call == NULL) {
		b->counts.busy++;
		spore__middle_refuse(end, m, SPORE_EBUSY, "too many calls are under way: try again later");
		return;
	}
	unsigned char number[SPORE__MIDDLE_NUMBER];
	struct spore__model asked = *m;
	asked.id = (struct spore__span){number, spore__middle_number(number, call->number)};
	// A call of the right is of its end's conversation.
	const char *session = m->session != NULL ? m->session : end->session;
	asked.session = to->session != NULL ? to->session : session;
	spore__bridge_call_join(call, end, to);
	if (b->host->called != NULL)
		call->token = b->host->called(b->owner, end, m->id);
	call->session = session != NULL ? spore__xstrdup(session) : NULL;
	if (m->remaining_ms >= 0) {
		call->due = b->now_ms + m->remaining_ms;
		b->dues++;
	}
	enum spore_err err = spore__middle_encode(to, &asked);
	if (err == SPORE_OK)
		return;
	char text[320];
	(void)snprintf(text, sizeof text, "the call cannot be said in %s: %s", to->codec->ops->name,
	               spore__middle_why(to, err));
	spore__middle_park_model(end, end->side, m, text);
	spore__middle_fail(b, call, SPORE_EUNSUPPORTED, text, false);
}

// That its callee knows it by.
static const char *session_of(const struct spore__bridge_call *call)
{
	return call->callee->session != NULL ? call->callee->session : call->session;
}

// Tells its callee that nobody waits for CALL, which may answer it at once.
static bool tell_cancel(struct spore__bridge_call *call)
{
	unsigned char number[SPORE__MIDDLE_NUMBER];
	char *session = session_of(call) != NULL ? spore__xstrdup(session_of(call)) : NULL;
	const struct spore__model asked = {.kind = SPORE__MODEL_CANCEL,
	                                   .id = {number, spore__middle_number(number, call->number)},
	                                   .remaining_ms = -1,
	                                   .session = session};
	bool told = spore__middle_encode(call->callee, &asked) == SPORE_OK;
	free(session);
	return told;
}

// The call NUMBER has no caller: of a callee that knows it by that number nothing is kept.
static void drop_number(struct spore__bridge *b, uint32_t number)
{
	struct spore__bridge_call *call = spore__bridge_call_find(&b->calls, number);
	if (call != NULL && call->caller == NULL && (call->callee == NULL || call->callee->codec->ops->ids))
		spore__bridge_call_destroy(&b->calls, call);
}

// Answers the caller of CALL instead of the callee, who is told.
static void abandon(struct spore__bridge *b, struct spore__bridge_call *call, int64_t code, const char *why, bool told)
{
	uint32_t number = call->number;
	spore__middle_fail(b, call, code, why, true);
	call = spore__bridge_call_find(&b->calls, number);
	if (call != NULL && call->callee != NULL && !told)
		(void)tell_cancel(call);
	call = spore__bridge_call_find(&b->calls, number);
	if (call != NULL)
		call->told = true;
	drop_number(b, number);
}

void spore__middle_cancel(struct spore__bridge_end *end, const struct spore__model *m)
{
	struct spore__bridge *b = end->bridge;
	struct spore__bridge_call *call = spore__bridge_call_by(end, m->id);
	if (call == NULL || call->callee == NULL)
		return; // it was answered meanwhile
	if (tell_cancel(call))
		return; // and answers it
	b->counts.dropped++;
	abandon(b, call, SPORE_ECANCELLED, "the call was cancelled", true);
}

// ---- what callees say

static struct spore__bridge_call *call_of(struct spore__bridge_end *end, struct spore__span id)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(id.bytes, id.len);
	struct spore__bridge_call *call = NULL;
	int64_t number;
	if (!end->codec->ops->ids)
		return end->to;
	if (id.bytes != NULL && spore__msgpack_read_int(&r, &number) == SPORE__MSGPACK_OK && number >= 0 &&
	    number <= UINT32_MAX)
		call = spore__bridge_call_find(&end->bridge->calls, (uint32_t)number);
	return call != NULL && call->callee == end ? call : NULL;
}

void spore__middle_answer(struct spore__bridge_end *end, const struct spore__model *m)
{
	struct spore__bridge_call *call = call_of(end, m->id);
	struct spore__model copy = *m;
	if (call == NULL) {
		end->bridge->counts.late++;
		return;
	}
	answer(end->bridge, call, &copy, false);
}

void spore__middle_part(struct spore__bridge_end *end, const struct spore__model *m)
{
	struct spore__bridge_call *call = call_of(end, m->id);
	if (call == NULL || call->abandoned || call->caller == NULL)
		return;
	struct spore__model part = *m;
	part.id = (struct spore__span){call->id, call->id_len};
	part.session = call->session;
	enum spore_err err = spore__middle_encode(call->caller, &part);
	if (err == SPORE_OK)
		return;
	if (m->kind == SPORE__MODEL_PROGRESS) {
		end->bridge->counts.dropped++;
		return;
	}
	if (call->items.len + m->value.len > end->codec->limits->message) {
		abandon(end->bridge, call, SPORE_ETOOBIG, "the parts of the result are larger than a message may be",
		        false);
		return;
	}
	spore__buf_add(&call->items, m->value.bytes, m->value.len);
	call->item_count++;
}

void spore__middle_notification(struct spore__bridge_end *end, const struct spore__model *m)
{
	struct spore__bridge *b = end->bridge;
	struct spore__model told = *m;
	const char *why;
	struct spore__bridge_end *to = b->first[1 - end->side];
	bool said = false;
	if (end->side == SPORE__BRIDGE_LEFT && b->host->open != NULL) {
		to = target(end, m->session, &why);
		told.session = to != NULL ? to->session : NULL;
		said = to != NULL && spore__middle_encode(to, &told) == SPORE_OK;
	} else {
		if (end->session != NULL)
			told.session = end->session;
		for (; to != NULL; to = to->next)
			said |= spore__middle_encode(to, &told) == SPORE_OK;
	}
	b->counts.dropped += !said;
}

// ---- ends and times

void spore__middle_leave(struct spore__bridge_end *end, const char *why)
{
	struct spore__bridge *b = end->bridge;
	for (struct spore__bridge_call *call = end->by, *next; call != NULL; call = next) {
		uint32_t number = call->number;
		bool waited = !call->abandoned && call->callee != NULL && call->callee != end;
		next = call->by_next;
		if (call->due != INT64_MAX)
			b->dues--;
		call->due = INT64_MAX;
		forget(call);
		call->abandoned = true;
		if (waited)
			(void)tell_cancel(call);
		drop_number(b, number);
	}
	for (struct spore__bridge_call *call = end->to, *next; call != NULL; call = next) {
		next = call->to_next;
		if (call->abandoned) {
			if (call->caller != NULL) { // its answer waits for its turn
				spore__bridge_call_forget_callee(call);
				call->abandoned = false;
			} else {
				spore__bridge_call_destroy(&b->calls, call);
			}
		} else {
			spore__middle_fail(b, call, SPORE_ECLOSED, why, false);
		}
	}
}

int64_t spore__middle_overdue(struct spore__bridge *b)
{
	int64_t next = INT64_MAX;
	for (size_t i = 0; b->dues > 0 && i < b->calls.count; i++) {
		struct spore__bridge_call *call = b->calls.slots[i].call;
		if (call == NULL || call->due == INT64_MAX)
			continue;
		if (call->due > b->now_ms) {
			next = call->due < next ? call->due : next;
			continue;
		}
		b->counts.timeouts++;
		abandon(b, call, SPORE_ETIMEOUT, "the deadline passed", false);
	}
	return next;
}
