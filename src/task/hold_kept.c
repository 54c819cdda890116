// Ends of channels whose port the program has not opened yet, while the other end is at a program that has: the node sent them ahead. When the
// port is opened, and is what the node took it for, the program gets its end at once and the other program is rung; the node hears of it by
// `open`, which names the channel. Else the end is closed, which the other program takes for nothing.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "task/hold.h"

enum { KEPT_MAX = 32 };

struct spore__hold_kept {
	struct spore__hold_kept *next;
	uint64_t serial;
	uint64_t id; // that the port gets
	char name[SPORE__HOLD_WORD + 1], kind[SPORE__HOLD_WORD + 1], shape[SPORE__HOLD_WORD + 1],
	    protocol[SPORE__HOLD_WORD + 1];
	struct spore__hold_passed passed;
	struct spore__msgpack_writer frame; // for the program
};

static void tell(struct spore__hold *h, uint64_t serial)
{
	struct spore__msgpack_writer w = {0};
	spore__hold_put_serial(&w, SPORE__HOLD_OVER, 0, serial);
	spore__hold_peers_say(h, &w);
	spore__msgpack_writer_finish(&w);
}

static void drop(struct spore__hold *h, struct spore__hold_kept **at)
{
	struct spore__hold_kept *k = *at;
	*at = k->next;
	h->kept_count--;
	for (unsigned i = 0; i < k->passed.count; i++)
		close(k->passed.fds[i]);
	spore__hold_memory_drop(h, k->id, k->serial);
	spore__msgpack_writer_finish(&k->frame);
	free(k);
}

static bool take_text(const struct spore__hold_message *m, const char *key, char *out, size_t size)
{
	struct spore__msgpack_reader at;
	const char *s = "";
	uint32_t len = 0;
	if (spore__msgpack_find(&m->map, key, &at) && spore__msgpack_read_str(&at, &s, &len) != SPORE__MSGPACK_OK)
		return false;
	if (len >= size)
		return false;
	memcpy(out, s, len);
	out[len] = '\0';
	return true;
}

// What the program is to be told, encoded beforehand.
static bool describe(struct spore__hold *h, struct spore__hold_kept *k, const struct spore__hold_message *m)
{
	enum { PEER_MAX = 1024 };
	static const char ring[] = "ring";
	char peer[PEER_MAX];
	bool redeliver = false;
	struct spore__msgpack_reader at;
	if (m->kind.len != sizeof ring - 1 || memcmp(m->kind.s, ring, m->kind.len) != 0 || m->descriptors != 3)
		return false;
	memcpy(k->name, m->port.s, m->port.len);
	if (!take_text(m, "kind", k->kind, sizeof k->kind) || !take_text(m, "shape", k->shape, sizeof k->shape) ||
	    !take_text(m, "protocol", k->protocol, sizeof k->protocol) || !take_text(m, "peer", peer, sizeof peer))
		return false;
	if (spore__msgpack_find(&m->map, "redeliver", &at))
		(void)spore__msgpack_read_bool(&at, &redeliver);
	k->serial = m->serial;
	k->id = ++h->ports.last_id;
	spore__control_put_subscription(&k->frame, k->name, k->serial, ring, m->role, m->descriptors,
	                                peer[0] != '\0' ? peer : NULL, NULL, redeliver, false, false);
	return k->frame.err == 0;
}

void spore__hold_kept_take(struct spore__hold *h, const struct spore__hold_message *m, const int *fds)
{
	struct spore__hold_kept *k = h->kept_count < KEPT_MAX ? calloc(1, sizeof *k) : NULL;
	if (k == NULL || !describe(h, k, m)) {
		for (unsigned i = 0; i < m->descriptors; i++)
			close(fds[i]);
		if (k != NULL)
			spore__msgpack_writer_finish(&k->frame);
		free(k);
		tell(h, m->serial);
		return;
	}
	k->passed =
	    (struct spore__hold_passed){.count = m->descriptors, .id = k->id, .serial = k->serial, .kept = true};
	memcpy(k->passed.fds, fds, m->descriptors * sizeof *fds);
	struct spore__hold_message of = *m;
	of.number = (int64_t)k->id;
	spore__hold_memory_keep(h, &of, fds[0]);
	k->next = h->kept;
	h->kept = k;
	h->kept_count++;
}

bool spore__hold_kept_over(struct spore__hold *h, const struct spore__hold_message *m)
{
	if (m->number != 0)
		return false;
	for (struct spore__hold_kept **at = &h->kept; *at != NULL; at = &(*at)->next)
		if ((*at)->serial == m->serial) {
			drop(h, at);
			break;
		}
	tell(h, m->serial);
	return true;
}

void spore__hold_kept_drop(struct spore__hold *h)
{
	while (h->kept != NULL)
		drop(h, &h->kept);
}

static bool is(const struct spore__control_word *word, const char *text)
{
	return word->len == strlen(text) && memcmp(word->s, text, word->len) == 0;
}

// Is the port what the node took it for?
static bool fits(const struct spore__hold_kept *k, const struct spore__control_message *m)
{
	struct spore__msgpack_reader at;
	struct spore__control_word protocol = {"", 0};
	if (spore__msgpack_find(&m->fields, "protocol", &at) &&
	    spore__msgpack_read_str(&at, &protocol.s, &protocol.len) != SPORE__MSGPACK_OK)
		return false;
	return is(&m->kind, k->kind) && is(&m->shape, k->shape) && is(&protocol, k->protocol);
}

bool spore__hold_kept_opened(struct spore__hold *h, const struct spore__control_message *m, bool rings, uint64_t *id,
                             uint64_t *serial)
{
	for (struct spore__hold_kept **at = &h->kept, *k; (k = *at) != NULL;) {
		if (!is(&m->port, k->name)) {
			at = &k->next;
		} else if (rings && fits(k, m)) {
			*id = k->id;
			*serial = k->serial;
			return true;
		} else {
			uint64_t other = k->serial;
			drop(h, at);
			tell(h, other); // before it hears of the port, so that it makes another
		}
	}
	return false;
}

int spore__hold_kept_pass(struct spore__hold *h, uint64_t serial)
{
	enum { RINGS = 1 }; // the descriptor that the other program hears
	struct spore__hold_kept **at = &h->kept, *k;
	while (*at != NULL && (*at)->serial != serial)
		at = &(*at)->next;
	if ((k = *at) == NULL)
		return -1;
	*at = k->next;
	h->kept_count--;
	int bell = fcntl(k->passed.fds[RINGS], F_DUPFD_CLOEXEC, 0);
	if (bell < 0)
		(void)!write(k->passed.fds[RINGS], "", 1);
	(void)spore__hold_say(h, &k->frame, &k->passed);
	free(k);
	return bell;
}
