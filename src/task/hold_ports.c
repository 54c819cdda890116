// The ports that the program has open, and the channels that reached them. The hold understands none of it: it keeps what the program said
// for the node, which may come later, and passes on what the node sends.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pass.h"
#include "task/hold.h"

enum {
	ITEMS_MAX = 4096,      // bytes of what a program says of one port
	FEATURES_MAX = 16,     // of a program's hello
	FEATURE_MAX = 32,      // bytes of each
	SERIALS_MAX = 1 << 16, // channels of one port
};

struct spore__hold_port {
	struct spore__hold_port *next;
	uint64_t id;
	char name[SPORE__HOLD_WORD + 1];
	uint64_t *serials; // malloc'ed
	size_t serial_count, serial_cap;
	int bell;       // of the other end of a channel that was kept for it; -1
	bool untold;    // nobody was told of it
	uint64_t early; // one of them, whose other end was at no program when it came; 0: none
	// The channel of which the program was told that its other end is swapped; 0: none, or there was another since.
	uint64_t told;
	struct spore__hold_broken *broken;            // the peers that were
	struct spore__hold_subscription subscription; // what the program has of it
	struct spore__hold_publication *publication;  // NULL: it does not publish, or does so without the hold
	size_t len;
	unsigned char items[]; // encoded: port, kind, shape, options
};

static const char publication[] = "publication";

static bool is(const struct spore__hold_word *word, const char *text)
{
	return word->len == strlen(text) && memcmp(word->s, text, word->len) == 0;
}

static struct spore__hold_port *find(struct spore__hold *h, int64_t id)
{
	for (struct spore__hold_port *p = h->ports.first; p != NULL; p = p->next)
		if (p->id == (uint64_t)id)
			return p;
	return NULL;
}

static struct spore__hold_port *find_name(struct spore__hold *h, const char *name, size_t len)
{
	for (struct spore__hold_port *p = h->ports.first; p != NULL; p = p->next)
		if (strlen(p->name) == len && memcmp(p->name, name, len) == 0)
			return p;
	return NULL;
}

static void free_port(struct spore__hold *h, struct spore__hold_port *p)
{
	free(p->serials);
	spore__hold_broken_finish(&p->broken);
	spore__hold_publication_finish(p->publication);
	spore__hold_subscription_drop(h, &p->subscription);
	if (p->bell >= 0)
		close(p->bell);
	free(p);
}

// ---- to the node

void spore__hold_ports_tell(struct spore__hold *h, enum spore__hold_type type, uint64_t id, uint64_t serial)
{
	struct spore__msgpack_writer w = {0};
	spore__hold_put_serial(&w, type, id, serial);
	if (serial < SPORE__HOLD_JOINED)
		spore__hold_peers_say(h, &w);
	else
		spore__hold_peers_say_lookers(h, &w);
	spore__msgpack_writer_finish(&w);
}

static void put_open(const struct spore__hold *h, const struct spore__hold_port *p, bool all,
                     struct spore__msgpack_writer *w)
{
	uint64_t *serials = p->serials, *some = NULL;
	size_t count = p->serial_count;
	if (!all && count > 0 && (some = malloc(count * sizeof *some)) != NULL) {
		serials = some;
		count = 0;
		for (size_t i = 0; i < p->serial_count; i++)
			if (p->serials[i] < SPORE__HOLD_JOINED)
				some[count++] = p->serials[i];
	}
	uint64_t lent = all || count > 0 ? 0 : spore__hold_lent_serial(h, p->name);
	if (lent != 0) {
		serials = &lent;
		count = 1;
	}
	unsigned char bytes[ITEMS_MAX + sizeof h->ports.features];
	memcpy(bytes, p->items, p->len);
	memcpy(bytes + p->len, h->ports.features, h->ports.features_len);
	spore__hold_put_open_told(w, p->id, bytes, p->len + h->ports.features_len, serials, count, p->told);
	free(some);
}

void spore__hold_ports_put(const struct spore__hold *h, bool all, struct spore__msgpack_writer *w)
{
	spore__hold_put_ports(w, h->state.run,
	                      h->ports.count + h->wired_count + spore__hold_pumped_said(h) + spore__hold_named_said(h));
	spore__hold_wired_put(h, w);
	spore__hold_pumped_put(h, all, w);
	spore__hold_named_put(h, all, w);
	for (const struct spore__hold_port *p = h->ports.first; p != NULL; p = p->next)
		put_open(h, p, all, w);
	for (const struct spore__hold_port *p = h->ports.first; p != NULL; p = p->next)
		spore__hold_broken_put(p->broken, p->id, w);
}

// ---- from the program

void spore__hold_ports_features(struct spore__hold *h, struct spore__msgpack_reader features)
{
	struct spore__msgpack_writer w;
	uint32_t count = 0, kept = 0;
	unsigned char bytes[sizeof h->ports.features];
	spore__msgpack_writer_fixed(&w, bytes, sizeof bytes);
	(void)spore__msgpack_read_array(&features, &count);
	for (uint32_t i = 0; i < count && kept < FEATURES_MAX; i++) {
		struct spore__msgpack_reader at = features;
		const char *s;
		uint32_t len;
		if (spore__msgpack_skip(&features) != SPORE__MSGPACK_OK)
			break;
		if (spore__msgpack_read_str(&at, &s, &len) != SPORE__MSGPACK_OK || len > FEATURE_MAX)
			continue;
		spore__msgpack_strn(&w, s, len);
		kept++;
	}
	struct spore__msgpack_writer out;
	spore__msgpack_writer_fixed(&out, h->ports.features, sizeof h->ports.features);
	spore__msgpack_array(&out, kept);
	spore__msgpack_raw(&out, bytes, w.len);
	h->ports.features_len = out.err == 0 && w.err == 0 ? out.len : 0;
}

static bool add_serial(struct spore__hold_port *p, uint64_t serial)
{
	if (p->serial_count == p->serial_cap) {
		size_t cap = p->serial_cap == 0 ? 1 : p->serial_cap * 2;
		uint64_t *serials = cap <= SERIALS_MAX ? realloc(p->serials, cap * sizeof *serials) : NULL;
		if (serials == NULL)
			return false;
		p->serials = serials;
		p->serial_cap = cap;
	}
	p->serials[p->serial_count++] = serial;
	return true;
}

static bool remove_serial(struct spore__hold *h, struct spore__hold_port *p, uint64_t serial)
{
	if (p->subscription.serial == serial)
		spore__hold_subscription_drop(h, &p->subscription);
	for (size_t i = 0; i < p->serial_count; i++)
		if (p->serials[i] == serial) {
			p->serials[i] = p->serials[--p->serial_count];
			p->early = p->early == serial ? 0 : p->early;
			return true;
		}
	return false;
}

// "ring" is known to a program with the feature ring-N, whatever the N.
static bool knows(const struct spore__hold *h, const struct spore__hold_word *what)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(h->ports.features, h->ports.features_len);
	uint32_t count = 0;
	(void)spore__msgpack_read_array(&r, &count);
	for (uint32_t i = 0; i < count; i++) {
		const char *s;
		uint32_t len;
		if (spore__msgpack_read_str(&r, &s, &len) != SPORE__MSGPACK_OK)
			return false;
		if (len > what->len + 1 && memcmp(s, what->s, what->len) == 0 && s[what->len] == '-')
			return true;
	}
	return false;
}

static void refuse(struct spore__hold *h, const char *port, enum spore_err code, const char *why)
{
	struct spore__msgpack_writer w = {0};
	spore__control_put_closed(&w, port, code, why);
	(void)spore__hold_say(h, &w, NULL);
	if (code != SPORE_OK)
		spore__hold_event(h, SPORE_ERROR, "port", NULL, "its port %s is refused: %s", port, why);
}

// What the node has sent ahead for it. True: it has it.
static bool take_kept(struct spore__hold *h, struct spore__hold_port *p, const struct spore__control_message *m)
{
	static const struct spore__hold_word ring = {"ring", 4};
	uint64_t serial;
	if (!spore__hold_kept_opened(h, m, knows(h, &ring), &p->id, &serial) || !add_serial(p, serial))
		return false;
	p->bell = spore__hold_kept_pass(h, serial);
	return true;
}

// What another instance had at a port of this name: for the program, now that this is the only one.
static void pass_lent(struct spore__hold *h, struct spore__hold_port *p)
{
	struct spore__hold_passed passed;
	struct spore__msgpack_writer w = {0};
	char peer[SPORE__LENT_PEER] = "", slow[16] = "";
	if (!spore__hold_lent_take(h, p->name, &passed, peer, slow))
		return;
	const struct spore__hold_message m = {.number = (int64_t)p->id,
	                                      .serial = passed.serial,
	                                      .kind = {publication, sizeof publication - 1},
	                                      .role = 1};
	passed.id = p->id;
	bool good = passed.count > 0 && knows(h, &m.kind) && add_serial(p, passed.serial);
	if (good) {
		spore__hold_subscription_keep(h, &p->subscription, &passed);
		spore__hold_memory_keep(h, &m, passed.fds[0]);
		spore__control_put_subscription(&w, p->name, passed.serial, publication, 1, passed.count,
		                                peer[0] != '\0' ? peer : NULL, slow[0] != '\0' ? slow : NULL, false,
		                                false, false);
		good = spore__hold_say(h, &w, &passed); // takes the descriptors
		if (!good)
			(void)remove_serial(h, p, m.serial);
	}
	for (unsigned i = 0; i < passed.count; i++)
		close(passed.fds[i]);
	if (!good)
		spore__hold_ports_tell(h, SPORE__HOLD_OVER, p->id, m.serial);
}

static void tell_open(struct spore__hold *h, struct spore__hold_port *p)
{
	struct spore__msgpack_writer frame = {0};
	put_open(h, p, false, &frame);
	spore__hold_peers_say(h, &frame);
	spore__msgpack_writer_finish(&frame);
	if (p->bell >= 0) {
		(void)!write(p->bell, "", 1);
		close(p->bell);
	}
	p->bell = -1;
	p->untold = false;
}

void spore__hold_ports_settle(struct spore__hold *h)
{
	if (!h->ports.untold)
		return;
	h->ports.untold = false;
	spore__hold_timer(h, SPORE__TIMER_PORTS, -1);
	for (struct spore__hold_port *p = h->ports.first; p != NULL; p = p->next)
		if (p->untold)
			tell_open(h, p);
}

void spore__hold_ports_open(struct spore__hold *h, const struct spore__control_message *m)
{
	char name[SPORE__HOLD_WORD + 1], why[100];
	struct spore__msgpack_reader after = m->fields;
	memcpy(name, m->port.s, m->port.len);
	name[m->port.len] = '\0';
	(void)spore__msgpack_skip(&after);
	struct spore__msgpack_writer w = {0};
	spore__msgpack_strn(&w, m->port.s, m->port.len);
	spore__msgpack_strn(&w, m->kind.s, m->kind.len);
	spore__msgpack_strn(&w, m->shape.s, m->shape.len);
	spore__msgpack_raw(&w, m->fields.at, (size_t)(after.at - m->fields.at));
	struct spore__hold_port *p = NULL;
	if (find_name(h, name, m->port.len) != NULL || spore__hold_wired_has(h, name) ||
	    spore__hold_pumped_has(h, name) || spore__hold_named_has(h, name)) {
		refuse(h, name, SPORE_EEXISTS, "it is open already");
	} else if (h->ports.count >= SPORE__HOLD_PORTS_MAX) {
		(void)snprintf(why, sizeof why, "%d ports are open, which is all that there can be",
		               SPORE__HOLD_PORTS_MAX);
		refuse(h, name, SPORE_EBUSY, why);
	} else if (w.err == 0 && w.len > ITEMS_MAX) {
		(void)snprintf(why, sizeof why, "its options are over %d bytes", ITEMS_MAX);
		refuse(h, name, SPORE_ETOOBIG, why);
	} else if (w.err != 0 || (p = malloc(sizeof *p + w.len)) == NULL) {
		refuse(h, name, SPORE_ENOMEM, "out of memory");
	}
	if (p != NULL) {
		*p = (struct spore__hold_port){
		    .id = ++h->ports.last_id, .bell = -1, .len = w.len, .next = h->ports.first};
		memcpy(p->name, name, sizeof name);
		memcpy(p->items, w.data, w.len);
		p->publication = spore__hold_publication_take(h, m);
		h->ports.first = p;
		h->ports.count++;
		spore__hold_ports_settle(h); // in their order
		// One that has its channel is not to wait until others have run that are told of it.
		p->untold = h->ports.untold = take_kept(h, p, m);
		if (p->untold)
			spore__hold_timer(h, SPORE__TIMER_PORTS, 1);
		else
			tell_open(h, p);
	}
	spore__msgpack_writer_finish(&w);
}

void spore__hold_ports_close(struct spore__hold *h, const struct spore__control_message *m)
{
	struct spore__hold_port *p = find_name(h, m->port.s, m->port.len);
	if (p == NULL)
		return;
	spore__hold_ports_settle(h);
	for (struct spore__hold_port **at = &h->ports.first; *at != NULL; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	h->ports.count--;
	struct spore__msgpack_writer w = {0};
	spore__hold_put_number(&w, SPORE__HOLD_CLOSE, (int64_t)p->id);
	spore__hold_peers_say(h, &w);
	spore__msgpack_writer_finish(&w);
	refuse(h, p->name, SPORE_OK, "");
	spore__hold_memory_drop_port(h, p->id);
	free_port(h, p);
}

void spore__hold_ports_end(struct spore__hold *h)
{
	bool had = h->ports.first != NULL;
	spore__hold_ports_settle(h);
	for (struct spore__hold_port *p = h->ports.first, *next; p != NULL; p = next) {
		next = p->next;
		spore__hold_memory_drop_port(h, p->id);
		free_port(h, p);
	}
	h->ports.first = NULL;
	h->ports.count = 0;
	h->ports.features_len = 0;
	if (!had)
		return;
	struct spore__msgpack_writer w = {0};
	spore__hold_ports_put(h, false, &w);
	spore__hold_peers_say(h, &w);
	spore__msgpack_writer_finish(&w);
}

// ---- from the node

static bool says(const struct spore__hold_message *m, const char *key)
{
	struct spore__msgpack_reader at;
	bool value = false;
	return spore__msgpack_find(&m->map, key, &at) && spore__msgpack_read_bool(&at, &value) == SPORE__MSGPACK_OK &&
	       value;
}

static bool is_early(const struct spore__hold_message *m)
{
	return says(m, "early");
}

static bool pass_on(struct spore__hold *h, struct spore__hold_port *port, const struct spore__hold_message *m,
                    struct spore__hold_passed *passed)
{
	enum { PEER_MAX = 1024, SLOW_MAX = 16 };
	struct spore__msgpack_writer w = {0};
	struct spore__msgpack_reader at;
	char transport[SPORE__HOLD_WORD + 1], peer[PEER_MAX] = "", slow[SLOW_MAX] = "";
	const char *s;
	uint32_t len;
	memcpy(transport, m->kind.s, m->kind.len);
	transport[m->kind.len] = '\0';
	if (spore__msgpack_find(&m->map, "peer", &at) && spore__msgpack_read_str(&at, &s, &len) == SPORE__MSGPACK_OK &&
	    len < sizeof peer) {
		memcpy(peer, s, len);
		peer[len] = '\0';
	}
	if (spore__msgpack_find(&m->map, "slow", &at) && spore__msgpack_read_str(&at, &s, &len) == SPORE__MSGPACK_OK &&
	    len < sizeof slow) {
		memcpy(slow, s, len);
		slow[len] = '\0';
	}
	spore__hold_broken_forget(&port->broken, peer);
	spore__control_put_subscription(&w, port->name, m->serial, transport, m->role, m->descriptors,
	                                peer[0] != '\0' ? peer : NULL, slow[0] != '\0' ? slow : NULL,
	                                says(m, "redeliver"), is_early(m), says(m, "moves"));
	return spore__hold_say(h, &w, passed);
}

void spore__hold_ports_channel(struct spore__hold *h, const struct spore__hold_message *m, const int *fds)
{
	if (spore__hold_wired_channel(h, m, fds) || spore__hold_pumped_channel(h, m, fds) ||
	    spore__hold_named_channel(h, m, fds))
		return;
	struct spore__hold_port *port = find(h, m->number);
	struct spore__hold_passed passed = {.count = m->descriptors, .id = (uint64_t)m->number, .serial = m->serial};
	memcpy(passed.fds, fds, m->descriptors * sizeof *fds);
	if (port != NULL && m->descriptors == 1 && is(&m->kind, "lent")) {
		if (!spore__hold_lent_put(h, port->name, m, fds[0]))
			spore__hold_ports_tell(h, SPORE__HOLD_OVER, port->id, m->serial);
		return;
	}
	if (port != NULL && knows(h, &m->kind) && add_serial(port, m->serial)) {
		if (passed.count > 0)
			spore__hold_memory_keep(h, m, passed.fds[0]);
		if (passed.count == 2 && m->role == 1 && is(&m->kind, publication))
			spore__hold_subscription_keep(h, &port->subscription, &passed);
		if (port->publication != NULL && passed.count == 2)
			spore__hold_publication_give(port->publication, passed.fds[1]);
		if (is_early(m))
			port->early = m->serial;
		else
			port->told = 0;
		if (pass_on(h, port, m, &passed)) {
			if (m->descriptors == 0)
				spore__hold_ports_tell(h, SPORE__HOLD_WIRED, port->id, m->serial);
			return;
		}
		(void)remove_serial(h, port, m->serial);
		spore__hold_memory_drop(h, port->id, m->serial);
	}
	for (unsigned i = 0; i < passed.count; i++)
		close(passed.fds[i]);
	spore__hold_ports_tell(h, SPORE__HOLD_OVER, (uint64_t)m->number, m->serial);
}

void spore__hold_ports_passed(struct spore__hold *h, const struct spore__hold_passed *passed)
{
	struct spore__hold_port *p = find(h, (int64_t)passed->id);
	if (p != NULL && p->publication != NULL && passed->count == 2)
		spore__hold_publication_passed(p->publication, passed->fds[1]);
	if (!passed->kept)
		spore__hold_ports_tell(h, SPORE__HOLD_WIRED, passed->id, passed->serial);
}

void spore__hold_ports_not_passed(struct spore__hold *h, const struct spore__hold_passed *passed)
{
	struct spore__hold_port *p = find(h, (int64_t)passed->id);
	spore__hold_ports_settle(h);
	if (p != NULL)
		(void)remove_serial(h, p, passed->serial);
	spore__hold_memory_drop(h, passed->id, passed->serial);
	spore__hold_ports_tell(h, SPORE__HOLD_OVER, passed->id, passed->serial);
}

bool spore__hold_ports_is_free(struct spore__hold *h, const struct spore__hold_message *m)
{
	const struct spore__hold_port *p = find(h, m->number);
	struct spore__msgpack_value shape = {0};
	if (p == NULL)
		return spore__hold_pumped_is_free(h, m) || spore__hold_named_is_free(h, m);
	struct spore__msgpack_reader r = spore__msgpack_reader(p->items, p->len);
	if (spore__msgpack_skip(&r) != SPORE__MSGPACK_OK || spore__msgpack_skip(&r) != SPORE__MSGPACK_OK ||
	    spore__msgpack_read(&r, &shape) != SPORE__MSGPACK_OK)
		return false;
	if (is(&m->kind, publication))
		return spore__msgpack_is(&shape, "publish") ||
		       (spore__msgpack_is(&shape, "subscribe") && p->serial_count == 0);
	return spore__msgpack_is(&shape, "serve") ||
	       (spore__msgpack_is(&shape, "connect") && p->serial_count == (p->early != 0));
}

void spore__hold_ports_broken(struct spore__hold *h, const struct spore__control_message *m)
{
	struct spore__msgpack_writer w = {0};
	struct spore__hold_port *p = find_name(h, m->port.s, m->port.len);
	const struct spore__hold_word peer = {m->peer.s, m->peer.len}, how = {m->kind.s, m->kind.len};
	if (p == NULL || !spore__hold_broken_add(&p->broken, &m->peer, &m->kind))
		return;
	spore__hold_put_broken(&w, p->id, &peer, &how);
	spore__hold_peers_say(h, &w);
	spore__msgpack_writer_finish(&w);
}

int spore__hold_ports_published(struct spore__hold *h, uint64_t id)
{
	const struct spore__hold_port *p = find(h, (int64_t)id);
	return p != NULL && p->publication != NULL ? spore__hold_publication_memory(p->publication) : -1;
}

bool spore__hold_ports_lend(struct spore__hold *h, const struct spore__hold_message *m, int to)
{
	struct spore__hold_port *p = find(h, m->number);
	bool lent = p != NULL && (spore__hold_subscription_lend(&p->subscription, m->serial, to) ||
	                          spore__hold_lent_lend(h, p->name, m->serial, to));
	close(to);
	return lent;
}

void spore__hold_ports_memory(struct spore__hold *h, const struct spore__control_message *m)
{
	struct spore__hold_port *p = find_name(h, m->port.s, m->port.len);
	int memory;
	if (m->serial == 0 || spore__passed_take(&h->run.came, &memory, 1) != SPORE_OK)
		return; // it did not come along
	if (p != NULL)
		spore__hold_subscription_memory(&p->subscription, m->serial, memory);
	else
		close(memory);
}

void spore__hold_ports_left(struct spore__hold *h, uint64_t id, uint64_t serial)
{
	struct spore__hold_port *p = find(h, (int64_t)id);
	if (!spore__hold_pumped_left(h, id, serial) && !spore__hold_named_left(h, id, serial) && p != NULL &&
	    remove_serial(h, p, serial))
		spore__hold_memory_drop(h, id, serial);
}

void spore__hold_ports_over(struct spore__hold *h, const struct spore__hold_message *m)
{
	struct spore__hold_port *port = find(h, m->number);
	if (!spore__hold_kept_over(h, m) && !spore__hold_wired_over(h, m) && !spore__hold_pumped_over(h, m) &&
	    !spore__hold_named_over(h, m) && port != NULL && remove_serial(h, port, m->serial))
		spore__hold_memory_drop(h, port->id, m->serial);
}

void spore__hold_ports_unwire(struct spore__hold *h, const struct spore__hold_message *m)
{
	struct spore__hold_port *port = find(h, m->number);
	struct spore__msgpack_writer w = {0};
	if (spore__hold_wired_over(h, m) || spore__hold_pumped_unwire(h, m) || spore__hold_named_unwire(h, m) ||
	    port == NULL || !remove_serial(h, port, m->serial))
		return;
	spore__hold_memory_drop(h, port->id, m->serial);
	spore__control_put_unwired(&w, port->name, m->serial);
	(void)spore__hold_say(h, &w, NULL);
}

// ---- swapping

void spore__hold_ports_swap(struct spore__hold *h, const struct spore__hold_message *m)
{
	struct spore__hold_port *port = find(h, m->number);
	struct spore__msgpack_writer w = {0};
	struct spore__hold_passed said = {.id = (uint64_t)m->number, .serial = m->serial, .swap = true};
	if (port == NULL)
		return;
	if (m->swap || port->told == m->serial)
		port->told = m->swap ? m->serial : 0;
	spore__control_put_swap(&w, port->name, m->serial, m->swap);
	(void)spore__hold_say(h, &w, &said);
}

void spore__hold_ports_said_swap(struct spore__hold *h, const struct spore__hold_passed *said)
{
	spore__hold_ports_tell(h, SPORE__HOLD_SWAP, said->id, said->serial);
}

void spore__hold_ports_alone(struct spore__hold *h)
{
	struct spore__msgpack_writer w = {0};
	if (!h->beside)
		return;
	h->beside = false; // of the next run as well
	for (struct spore__hold_port *p = h->ports.first; p != NULL; p = p->next)
		pass_lent(h, p);
	spore__hold_lent_drop(h); // it is not for ever that a publisher waits for one which nobody opens
	spore__control_put_alone(&w);
	(void)spore__hold_say(h, &w, NULL);
}

bool spore__hold_ports_knows_swap(const struct spore__hold *h)
{
	const struct spore__hold_word swap = {"swap", 4};
	return knows(h, &swap);
}
