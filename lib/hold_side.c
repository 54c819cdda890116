#include "hold_side.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void spore__control_input_finish(struct spore__control_input *in)
{
	free(in->data);
	*in = (struct spore__control_input){0};
}

unsigned char *spore__control_space(struct spore__control_input *in, size_t *size)
{
	if (in->from > 0) {
		memmove(in->data, in->data + in->from, in->len - in->from);
		in->len -= in->from;
		in->from = 0;
	}
	// Below the limit there is always room: a whole frame of that size would have been decoded or refused.
	if (in->len == in->cap) {
		size_t cap = in->cap == 0 ? 2048 : in->cap * 2;
		unsigned char *data = cap <= SPORE__CONTROL_FRAME ? realloc(in->data, cap) : NULL;
		if (data == NULL)
			return NULL;
		in->data = data;
		in->cap = cap;
	}
	*size = in->cap - in->len;
	return in->data + in->len;
}

void spore__control_received(struct spore__control_input *in, size_t len)
{
	in->len += len;
}

enum spore_err spore__control_next(struct spore__control_input *in, struct spore__control_message *m)
{
	size_t used;
	if (in->len == in->from)
		return SPORE_EAGAIN;
	enum spore_err e = spore__control_decode(in->data + in->from, in->len - in->from, m, &used);
	if (e == SPORE_OK)
		in->from += used;
	return e;
}

void spore__hold_side_init(struct spore__hold_side *h)
{
	memset(h, 0, sizeof *h);
}

void spore__hold_side_finish(struct spore__hold_side *h)
{
	spore__control_input_finish(&h->in);
}

static enum spore_err refuse(struct spore__hold_side *h, enum spore_err e, const char *why)
{
	snprintf(h->refusal, sizeof h->refusal, "%s", why);
	return e;
}

// SPORE_EAGAIN: not of interest, take the next.
static enum spore_err judge(struct spore__hold_side *h, const struct spore__control_message *m)
{
	if (!h->hello && m->type != SPORE__CONTROL_HELLO)
		return refuse(h, SPORE_EMALFORMED, "the first message must be hello");
	switch (m->type) {
	case SPORE__CONTROL_HELLO:
		if (m->number != SPORE__CONTROL_MAJOR) {
			snprintf(h->refusal, sizeof h->refusal,
			         "the program speaks version %" PRIu64 " of the control protocol, this hold speaks %d",
			         m->number, SPORE__CONTROL_MAJOR);
			return SPORE_EVERSION;
		}
		if (h->hello)
			return SPORE_EAGAIN; // of another process that has inherited the connection
		h->hello = true;
		return SPORE_OK;
	case SPORE__CONTROL_LISTENS:
		if (h->listens)
			return SPORE_EAGAIN;
		h->listens = true;
		return SPORE_OK;
	case SPORE__CONTROL_READY:
		if (h->ready)
			return SPORE_EAGAIN;
		h->ready = true;
		return SPORE_OK;
	case SPORE__CONTROL_STOPPING:
		if (h->stopping)
			return SPORE_EAGAIN;
		h->stopping = true;
		return SPORE_OK;
	case SPORE__CONTROL_LOG:
	case SPORE__CONTROL_LOST:
	case SPORE__CONTROL_STATUS:
	case SPORE__CONTROL_REFUSE:
	case SPORE__CONTROL_OPEN:
	case SPORE__CONTROL_CLOSE:
	case SPORE__CONTROL_BROKEN:
	case SPORE__CONTROL_MEMORY:
		return SPORE_OK;
	case SPORE__CONTROL_STOP:
	case SPORE__CONTROL_CHANNEL:
	case SPORE__CONTROL_UNWIRED:
	case SPORE__CONTROL_CLOSED:
	case SPORE__CONTROL_SWAP:
	case SPORE__CONTROL_ALONE:
		return refuse(h, SPORE_EMALFORMED, "a message that is for the hold to send");
	case SPORE__CONTROL_UNKNOWN:
		break;
	}
	return SPORE_EAGAIN;
}

enum spore_err spore__hold_side_next(struct spore__hold_side *h, struct spore__control_message *m)
{
	for (;;) {
		enum spore_err e = spore__control_next(&h->in, m);
		if (e == SPORE_EAGAIN)
			return e;
		if (e != SPORE_OK)
			return refuse(h, e, e == SPORE_ETOOBIG ? "a frame over 64 KiB" : "a malformed message");
		e = judge(h, m);
		if (e != SPORE_EAGAIN)
			return e;
	}
}
