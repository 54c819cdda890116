#include "task/hold_own.h"

#include <fcntl.h>
#include <string.h>

static void put_text(struct spore__msgpack_writer *w, const char *key, const char *text)
{
	spore__msgpack_str(w, key);
	spore__msgpack_str(w, text);
}

void spore__own_put(const struct spore__own_port *port, uint64_t id, uint64_t serial, struct spore__msgpack_writer *w)
{
	unsigned char bytes[512];
	struct spore__msgpack_writer items;
	bool speaks = port->protocol[0] != '\0';
	spore__msgpack_writer_fixed(&items, bytes, sizeof bytes);
	spore__msgpack_str(&items, port->name);
	spore__msgpack_str(&items, "bytes");
	spore__msgpack_str(&items, "connect");
	spore__msgpack_map(&items, 1 + (uint32_t)speaks + (uint32_t)(port->as != NULL) + (uint32_t)port->pump +
	                               (uint32_t)port->renews);
	// With it the node knows a plain end.
	put_text(&items, "framing", port->framing[0] != '\0' ? port->framing : "lines");
	if (speaks)
		put_text(&items, "protocol", port->protocol);
	if (port->as != NULL)
		put_text(&items, "as", port->as);
	if (port->pump)
		put_text(&items, "pump", "true");
	if (port->renews)
		put_text(&items, "renews", "true");
	spore__msgpack_array(&items, port->feature_count);
	for (unsigned i = 0; i < port->feature_count; i++)
		spore__msgpack_str(&items, port->features[i]);
	spore__hold_put_open(w, id, items.data, items.len, &serial, serial != 0 ? 1 : 0);
}

void spore__own_say_open(struct spore__hold *h, const struct spore__own_port *port, uint64_t *id, uint64_t *serial)
{
	struct spore__msgpack_writer w = {0};
	*id = ++h->ports.last_id;
	*serial = 0;
	spore__own_put(port, *id, 0, &w);
	spore__hold_peers_say(h, &w);
	spore__msgpack_writer_finish(&w);
}

void spore__own_say_close(struct spore__hold *h, uint64_t *id, uint64_t *serial)
{
	struct spore__msgpack_writer w = {0};
	if (*id == 0)
		return;
	spore__hold_put_number(&w, SPORE__HOLD_CLOSE, (int64_t)*id);
	spore__hold_peers_say(h, &w);
	spore__msgpack_writer_finish(&w);
	*id = *serial = 0;
}

bool spore__own_is(const struct spore__hold_word *word, const char *text)
{
	return word->len == strlen(text) && memcmp(word->s, text, word->len) == 0;
}

bool spore__own_can(int fd, int without)
{
	int flags = fcntl(fd, F_GETFL);
	return flags >= 0 && (flags & O_ACCMODE) != without && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}
