#include "rough.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 60000 };

struct flow { // from one socket to the other
	int from, to;
	unsigned char bytes[PIECE];
	size_t len, sent;
	bool ended, told;
};

struct rough {
	pthread_t thread;
	int fds[2];
	struct flow flows[2];
	uint32_t seed;
	size_t cut, passed;
};

static uint32_t any(struct rough *r)
{
	r->seed = r->seed * 1664525 + 1013904223;
	return r->seed >> 8;
}

static size_t some(struct rough *r, size_t most)
{
	size_t n = any(r) % 4 == 0 ? 1 + any(r) % 7 : 1 + any(r) % most;
	return n < most ? n : most;
}

static void move(struct rough *r, struct flow *f, short ready, short writable)
{
	if (f->len == f->sent && !f->ended && ready != 0) {
		ssize_t n = recv(f->from, f->bytes, some(r, PIECE), MSG_DONTWAIT);
		f->len = n > 0 ? (size_t)n : 0;
		f->sent = 0;
		f->ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	}
	size_t most = f->len - f->sent;
	if (r->cut > 0 && most > r->cut - r->passed)
		most = r->cut - r->passed;
	if (most > 0 && writable != 0) {
		ssize_t n = send(f->to, f->bytes + f->sent, some(r, most), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			f->sent += (size_t)n;
			r->passed += (size_t)n;
		} else if (errno != EAGAIN && errno != EINTR) {
			f->ended = true;
			f->sent = f->len;
		}
	}
	if (f->ended && f->len == f->sent && !f->told) {
		(void)shutdown(f->to, SHUT_WR);
		(void)shutdown(f->from, SHUT_RD);
		f->told = true;
	}
}

static void *pass_on(void *arg)
{
	struct rough *r = arg;
	while ((!r->flows[0].told || !r->flows[1].told) && (r->cut == 0 || r->passed < r->cut)) {
		struct pollfd p[2] = {{.fd = r->fds[0]}, {.fd = r->fds[1]}};
		for (int i = 0; i < 2; i++) {
			struct flow *f = &r->flows[i];
			if (f->len == f->sent && !f->ended)
				p[i].events |= POLLIN;
			if (f->len > f->sent)
				p[1 - i].events |= POLLOUT;
		}
		for (int i = 0; i < 2; i++) {
			if (p[i].events == 0)
				p[i].fd = -1;
		}
		if (poll(p, 2, -1) < 0)
			continue;
		for (int i = 0; i < 2; i++)
			move(r, &r->flows[i], p[i].revents, p[1 - i].revents);
		if (any(r) % 16 == 0) {
			const struct timespec late = {.tv_nsec = any(r) % 200000};
			(void)nanosleep(&late, NULL);
		}
	}
	for (int i = 0; i < 2; i++)
		close(r->fds[i]);
	return NULL;
}

struct rough *rough_start(int a, int b, uint32_t seed, size_t cut)
{
	struct rough *r = calloc(1, sizeof *r);
	if (r == NULL)
		return NULL;
	r->fds[0] = a;
	r->fds[1] = b;
	r->seed = seed;
	r->cut = cut;
	for (int i = 0; i < 2; i++) {
		r->flows[i].from = r->fds[i];
		r->flows[i].to = r->fds[1 - i];
	}
	if (pthread_create(&r->thread, NULL, pass_on, r) != 0) {
		free(r);
		return NULL;
	}
	return r;
}

void rough_stop(struct rough *r)
{
	if (r == NULL)
		return;
	(void)pthread_join(r->thread, NULL);
	free(r);
}
