// What the peers of a hold ask it for, message by message.
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "task/hold_peer.h"

static void update(struct spore__hold *h, struct spore__msgpack_reader map)
{
	struct spore__spec spec;
	char why[200];
	enum spore_err e = spore__spec_decode(map, &spec, why, sizeof why);
	if (e != SPORE_OK) {
		spore__hold_event(h, SPORE_ERROR, "update", NULL, "what it was to be changed to is refused: %s", why);
	} else {
		spore__spec_take_live(&h->spec, &spec);
		if (spore__folder_write_spec(h->dir, &h->spec) != 0)
			spore__hold_complain(h, "its specification cannot be written: %s", strerror(errno));
		spore__hold_event(h, SPORE_INFO, "updated", NULL, "%s has a changed specification", h->task);
		h->dirty = true;
	}
	spore__spec_finish(&spec);
}

static void send_signal(struct spore__hold *h, int64_t number)
{
	const struct spore__hold_number numbers[] = {{"signal", number}, {0}};
	if (number < 1 || number > 64 || h->run.pid <= 0)
		return;
	if (kill(-h->run.pid, (int)number) == 0)
		spore__hold_event(h, SPORE_INFO, "signal", numbers, "%s#%" PRId64 " got signal %" PRId64, h->task,
		                  h->state.run, number);
}

static bool greet(struct spore__hold *h, struct spore__hold_peer *p, const struct spore__hold_message *m)
{
	if (m->number != SPORE__HOLD_MAJOR) {
		char why[100];
		(void)snprintf(why, sizeof why, "this hold speaks version %d of the hold protocol, not %" PRId64,
		               SPORE__HOLD_MAJOR, m->number);
		return spore__peer_refuse(h, p, SPORE_EVERSION, why);
	}
	p->hello = true;
	if (m->node && !p->node) {
		p->node = true;
		h->nodes++;
	}
	if (m->node) {
		spore__hold_node_came(h);
		spore__hold_kept_drop(h); // it knows nothing of what another one sent ahead
	}
	p->looks = m->memory && !m->node;
	p->ports = p->ports_due = (m->node || p->looks) && m->ports;
	bool good = spore__peer_flush(h, p);
	if (good && m->node)
		spore__hold_pumped_ask(h);
	return good;
}

// One that looked on and has ended may not have been heard of yet.
static void drop_ended_lookers(struct spore__hold *h, const struct spore__hold_peer *but)
{
	char byte;
	for (size_t i = 0; i < SPORE__HOLD_PEERS; i++)
		if (h->peers[i] != NULL && h->peers[i] != but && h->peers[i]->looks && h->peers[i]->joined_count > 0 &&
		    recv(h->peers[i]->io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
			spore__peer_drop(h, h->peers[i]);
}

// May P, which looks on, be the other end of the port of M?
static bool may_join(struct spore__hold *h, const struct spore__hold_peer *p, const struct spore__hold_message *m)
{
	if (m->serial < SPORE__HOLD_JOINED || p->joined_count == SPORE__HOLD_JOINS)
		return false;
	if (spore__hold_ports_is_free(h, m))
		return true;
	drop_ended_lookers(h, p);
	return spore__hold_ports_is_free(h, m);
}

// What is for a port that is open, or (keep) not yet. Its descriptors came with its first byte. Where this hold has no room for them the channel is
// over. False: they did not come.
static bool take_channel(struct spore__hold *h, struct spore__hold_peer *p, const struct spore__hold_message *m)
{
	unsigned count = m->descriptors;
	int fds[SPORE__HOLD_DESCRIPTORS];
	enum spore_err e = count > 0 ? spore__passed_take(&p->passed, fds, count) : SPORE_OK;
	if (e == SPORE_EMALFORMED)
		return spore__peer_refuse(h, p, e, "a channel without its descriptors");
	if (e != SPORE_OK)
		spore__hold_event(h, SPORE_ERROR, "channel", NULL,
		                  "one was refused: this hold has too many files open");
	if (e != SPORE_OK || (p->looks && !may_join(h, p, m))) {
		for (unsigned i = 0; i < count && e == SPORE_OK; i++)
			close(fds[i]);
		spore__hold_put_serial(&p->out, SPORE__HOLD_OVER, (uint64_t)m->number, m->serial);
		return spore__peer_flush(h, p);
	}
	if (m->type == SPORE__HOLD_KEEP) {
		spore__hold_kept_take(h, m, fds);
		return true;
	}
	if (p->looks) {
		p->joined[p->joined_count].id = (uint64_t)m->number;
		p->joined[p->joined_count++].serial = m->serial;
	}
	spore__hold_ports_channel(h, m, fds);
	return !p->gone;
}

// Its descriptor came with its first byte.
static bool lend(struct spore__hold *h, struct spore__hold_peer *p, const struct spore__hold_message *m)
{
	int to;
	enum spore_err e = spore__passed_take(&p->passed, &to, 1);
	if (e == SPORE_EMALFORMED)
		return spore__peer_refuse(h, p, e, "lend without its descriptor");
	spore__hold_put_lent(&p->out, (uint64_t)m->number, m->serial,
	                     e == SPORE_OK && spore__hold_ports_lend(h, m, to));
	return spore__peer_flush(h, p);
}

bool spore__peer_obey(struct spore__hold *h, struct spore__hold_peer *p, const struct spore__hold_message *m)
{
	if (!p->hello && m->type != SPORE__HOLD_HELLO)
		return spore__peer_refuse(h, p, SPORE_EMALFORMED, "the first message must be hello");
	// Who looks on changes nothing else.
	if (p->looks && m->type != SPORE__HOLD_MEMORY && m->type != SPORE__HOLD_CHANNEL &&
	    m->type != SPORE__HOLD_REFUSE)
		return true;
	switch (m->type) {
	case SPORE__HOLD_HELLO:
		return greet(h, p, m);
	case SPORE__HOLD_STOP:
		h->grace = m->number > INT32_MAX ? INT32_MAX : m->number;
		h->swap = m->swap;
		spore__hold_happens(h, SPORE__ON_STOP);
		break;
	case SPORE__HOLD_KILL:
		spore__hold_happens(h, SPORE__ON_KILL);
		break;
	case SPORE__HOLD_RESTART:
		spore__hold_happens(h, SPORE__ON_RESTART);
		break;
	case SPORE__HOLD_SIGNAL:
		send_signal(h, m->number);
		break;
	case SPORE__HOLD_UPDATE:
		update(h, m->map);
		break;
	case SPORE__HOLD_LEAVING:
		p->leaving = true;
		break;
	case SPORE__HOLD_ATTACH:
		if (!spore__hold_viewers_attach(h, p, m->number, m->columns))
			return spore__peer_refuse(h, p, SPORE_ENOMEM, "there is no memory for its output");
		return spore__peer_flush(h, p);
	case SPORE__HOLD_INPUT:
		spore__hold_viewers_input(h, m->bytes, m->len);
		break;
	case SPORE__HOLD_RESIZE:
		spore__hold_viewers_resize(h, p, m->number, m->columns);
		break;
	case SPORE__HOLD_CHANNEL:
	case SPORE__HOLD_KEEP:
		return take_channel(h, p, m);
	case SPORE__HOLD_OVER:
		spore__hold_ports_over(h, m);
		break;
	case SPORE__HOLD_UNWIRE:
		spore__hold_ports_unwire(h, m);
		break;
	case SPORE__HOLD_SWAP:
		spore__hold_ports_swap(h, m);
		break;
	case SPORE__HOLD_LEND:
		return lend(h, p, m);
	case SPORE__HOLD_ALONE:
		spore__hold_ports_alone(h);
		break;
	case SPORE__HOLD_ENDED:
		spore__hold_pumped_answered(h, m);
		break;
	case SPORE__HOLD_HAND:
		spore__hold_heir_hand(h, m->swap);
		break;
	case SPORE__HOLD_INHERIT:
		return spore__hold_heir_give(h, p);
	case SPORE__HOLD_MEMORY:
		return spore__hold_memory_give(h, p, m) && spore__peer_flush(h, p);
	case SPORE__HOLD_REFUSE:
		return false;
	default:
		break;
	}
	return true;
}
