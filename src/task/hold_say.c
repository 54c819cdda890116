// What a hold says to its program over the control channel. A program need not read all the time: what does not fit waits here, in order.
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pass.h"
#include "task/hold.h"

enum { WAITING_MAX = SPORE__HOLD_PORTS_MAX + 4 * SPORE__HOLD_UNWIRED };

struct spore__hold_frame {
	struct spore__hold_frame *next;
	size_t len, sent;
	struct spore__hold_passed passed;
	unsigned char bytes[];
};

static void close_passed(struct spore__hold_passed *p)
{
	for (unsigned i = 0; i < p->count; i++)
		close(p->fds[i]);
	p->count = 0;
}

static void free_frame(struct spore__hold_frame *f)
{
	close_passed(&f->passed);
	free(f);
}

void spore__hold_say_drop(struct spore__hold *h)
{
	struct spore__hold_says *s = &h->run.says;
	for (struct spore__hold_frame *f = s->first, *next; f != NULL; f = next) {
		next = f->next;
		if (f->passed.count > 0)
			spore__hold_ports_not_passed(h, &f->passed);
		free_frame(f);
	}
	*s = (struct spore__hold_says){0};
}

// How many bytes went; -1: the program is gone.
static ssize_t send_some(struct spore__hold *h, const unsigned char *bytes, size_t len,
                         const struct spore__hold_passed *p)
{
	for (;;) {
		ssize_t n = spore__pass_send(h->run.control.fd, bytes, len, p->fds, p->count);
		if (n >= 0)
			return n;
		// Too many descriptors are under way, of all this user's processes: that passes.
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM ||
		    errno == ETOOMANYREFS)
			return 0;
		if (errno != EINTR)
			return -1;
	}
}

static void wait_for_room(struct spore__hold *h)
{
	h->run.control.events = POLLIN;
	if (h->run.says.first != NULL)
		h->run.control.events |= POLLOUT;
}

void spore__hold_say_more(struct spore__hold *h)
{
	struct spore__hold_says *s = &h->run.says;
	while (s->first != NULL && h->run.control.fn != NULL) {
		struct spore__hold_frame *f = s->first;
		ssize_t n = send_some(h, f->bytes + f->sent, f->len - f->sent, &f->passed);
		if (n < 0) {
			spore__hold_say_drop(h); // that it is gone is seen by reading
			break;
		}
		if (n == 0) {
			// The socket may have room, but not for descriptors: without a pause that would be a busy loop.
			struct pollfd room = {.fd = h->run.control.fd, .events = POLLOUT};
			if (poll(&room, 1, 0) > 0) {
				h->run.control.events = POLLIN;
				spore__hold_timer(h, SPORE__TIMER_SAY, 20);
				return;
			}
			break;
		}
		if (f->passed.count > 0)
			spore__hold_ports_passed(h, &f->passed);
		close_passed(&f->passed);
		f->sent += (size_t)n;
		if (f->sent < f->len)
			break;
		s->first = f->next;
		s->count--;
		if (f->passed.swap)
			spore__hold_ports_said_swap(h, &f->passed);
		free_frame(f);
	}
	if (s->first == NULL)
		s->last = NULL;
	if (h->run.control.fn != NULL)
		wait_for_room(h);
}

bool spore__hold_say(struct spore__hold *h, struct spore__msgpack_writer *w, struct spore__hold_passed *p)
{
	static struct spore__hold_passed none;
	struct spore__hold_says *s = &h->run.says;
	struct spore__hold_frame *f = NULL;
	p = p != NULL ? p : &none;
	if (w->err == 0 && h->run.control.fn != NULL && s->count < WAITING_MAX)
		f = malloc(sizeof *f + w->len);
	if (f != NULL) {
		*f = (struct spore__hold_frame){.len = w->len, .passed = *p};
		memcpy(f->bytes, w->data, w->len);
		*(s->last != NULL ? &s->last->next : &s->first) = f;
		s->last = f;
		s->count++;
		p->count = 0; // they are the frame's
		if (s->first == f)
			spore__hold_say_more(h);
	}
	close_passed(p);
	spore__msgpack_writer_finish(w);
	return f != NULL;
}

bool spore__hold_say_now(struct spore__hold *h, struct spore__msgpack_writer *w)
{
	static const struct spore__hold_passed none;
	bool sent = w->err == 0 && h->run.control.fn != NULL && h->run.says.first == NULL &&
	            send_some(h, w->data, w->len, &none) == (ssize_t)w->len;
	spore__msgpack_writer_finish(w);
	return sent;
}
