// Subscriptions that outlive an instance. Of each port that subscribes the hold keeps what its program has of the subscription: the cursor, the
// socket to the publisher, and once the program has said that it has it, the publisher's memory. When the task is swapped the node has it send them
// to the hold of the new instance (`lend`, and a channel "lent" there) over a pair of sockets, in which they wait until that instance is alone. So
// the publisher sees no end, and keeps for the next instance what the one before had not released, whoever dies meanwhile.
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chan/pub.h"
#include "pass.h"
#include "task/hold.h"

enum { CURSOR, SOCKET, MEMORY, ALL = SPORE__SUBSCRIPTION_FDS };

// ---- what the program has

void spore__hold_subscription_drop(struct spore__hold *h, struct spore__hold_subscription *s)
{
	for (int i = 0; i < ALL; i++)
		if (s->serial != 0 && s->fds[i] >= 0)
			close(s->fds[i]);
	h->subscriptions -= s->serial != 0;
	s->serial = 0;
}

void spore__hold_subscription_keep(struct spore__hold *h, struct spore__hold_subscription *s,
                                   const struct spore__hold_passed *passed)
{
	spore__hold_subscription_drop(h, s);
	s->later = s->had;
	s->had = true;
	if (h->subscriptions == SPORE__HOLD_SUBSCRIPTIONS)
		return;
	h->subscriptions++;
	s->serial = passed->serial;
	for (unsigned i = 0; i < ALL; i++)
		s->fds[i] = i < passed->count ? fcntl(passed->fds[i], F_DUPFD_CLOEXEC, 3) : -1;
	if (s->fds[CURSOR] < 0 || s->fds[SOCKET] < 0)
		spore__hold_subscription_drop(h, s);
}

void spore__hold_subscription_memory(struct spore__hold_subscription *s, uint64_t serial, int memory)
{
	if (s->serial != 0 && s->serial == serial && s->fds[MEMORY] < 0)
		s->fds[MEMORY] = memory;
	else
		close(memory);
}

// The memory that has come, and that the program has not taken yet: it stays there.
static bool peek(int sock, int *fds, size_t count)
{
	union {
		char bytes[CMSG_SPACE(ALL * sizeof(int))];
		struct cmsghdr align;
	} control;
	char bytes[256];
	int all[ALL];
	struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
	struct msghdr m = {.msg_iov = &part,
	                   .msg_iovlen = 1,
	                   .msg_control = control.bytes,
	                   .msg_controllen = CMSG_LEN(ALL * sizeof(int))};
	if (recvmsg(sock, &m, MSG_PEEK | MSG_DONTWAIT) <= 0)
		return false;
	const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len > CMSG_LEN(ALL * sizeof(int)))
		return false;
	size_t came = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(all, CMSG_DATA(c), came * sizeof(int));
	for (size_t i = 0; i < came; i++) {
		(void)fcntl(all[i], F_SETFD, FD_CLOEXEC);
		if (came != count)
			close(all[i]); // nobody sends others
		else
			fds[i] = all[i];
	}
	return came == count;
}

// Has the program begun with it? As long as there is something to receive of the one before it has not.
static bool is_begun(int cursor)
{
	uint64_t released;
	return pread(cursor, &released, sizeof released, (off_t)offsetof(struct spore__cursor, released)) ==
	           (ssize_t)sizeof released &&
	       released != SPORE__PUB_NOWHERE;
}

bool spore__hold_subscription_lend(struct spore__hold_subscription *s, uint64_t serial, int to)
{
	if (s->serial == 0 || s->serial != serial)
		return false;
	if (s->fds[MEMORY] < 0 && !s->later)
		(void)peek(s->fds[SOCKET], &s->fds[MEMORY], 1);
	return s->fds[MEMORY] >= 0 && (!s->later || is_begun(s->fds[CURSOR])) &&
	       spore__pass_send(to, "l", 1, s->fds, ALL) == 1;
}

// ---- what another instance had

struct spore__hold_lent {
	struct spore__hold_lent *next;
	uint64_t serial;
	int from; // the socket in which it waits
	char port[SPORE__HOLD_WORD + 1], peer[SPORE__LENT_PEER], slow[16];
};

static void take_text(const struct spore__hold_message *m, const char *key, char *out, size_t size)
{
	struct spore__msgpack_reader at;
	const char *s;
	uint32_t len;
	if (!spore__msgpack_find(&m->map, key, &at) || spore__msgpack_read_str(&at, &s, &len) != SPORE__MSGPACK_OK ||
	    len >= size)
		return;
	memcpy(out, s, len);
	out[len] = '\0';
}

static struct spore__hold_lent **find(struct spore__hold *h, const char *port)
{
	struct spore__hold_lent **at = &h->lent;
	while (*at != NULL && strcmp((*at)->port, port) != 0)
		at = &(*at)->next;
	return at;
}

bool spore__hold_lent_put(struct spore__hold *h, const char *port, const struct spore__hold_message *m, int from)
{
	struct spore__hold_lent *l = *find(h, port);
	if (l == NULL) {
		l = calloc(1, sizeof *l);
		if (l == NULL) {
			close(from);
			return false;
		}
		l->next = h->lent;
		h->lent = l;
		strcpy(l->port, port);
	} else {
		close(l->from); // the node, or another one, has asked again
	}
	l->serial = m->serial;
	l->from = from;
	take_text(m, "peer", l->peer, sizeof l->peer);
	take_text(m, "slow", l->slow, sizeof l->slow);
	return true;
}

bool spore__hold_lent_lend(struct spore__hold *h, const char *port, uint64_t serial, int to)
{
	const struct spore__hold_lent *l = *find(h, port);
	int fds[ALL];
	if (l == NULL || l->serial != serial || !peek(l->from, fds, ALL))
		return false;
	bool sent = spore__pass_send(to, "l", 1, fds, ALL) == 1;
	for (int i = 0; i < ALL; i++)
		close(fds[i]);
	return sent;
}

uint64_t spore__hold_lent_serial(const struct spore__hold *h, const char *port)
{
	const struct spore__hold_lent *l = h->lent;
	while (l != NULL && strcmp(l->port, port) != 0)
		l = l->next;
	return l != NULL ? l->serial : 0;
}

void spore__hold_lent_drop(struct spore__hold *h)
{
	for (struct spore__hold_lent *l = h->lent, *next; l != NULL; l = next) {
		next = l->next;
		close(l->from);
		free(l);
	}
	h->lent = NULL;
}

bool spore__hold_lent_take(struct spore__hold *h, const char *port, struct spore__hold_passed *passed, char *peer,
                           char *slow)
{
	struct spore__hold_lent **at = find(h, port), *l = *at;
	char byte;
	if (l == NULL)
		return false;
	*passed = (struct spore__hold_passed){.serial = l->serial};
	if (spore__pass_receive(l->from, &byte, 1, passed->fds, ALL, &passed->count) <= 0 || passed->count != ALL) {
		for (unsigned i = 0; i < passed->count; i++)
			close(passed->fds[i]);
		passed->count = 0;
	}
	strcpy(peer, l->peer);
	strcpy(slow, l->slow);
	close(l->from);
	*at = l->next;
	free(l);
	return true;
}
