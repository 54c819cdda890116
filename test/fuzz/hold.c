// The hold protocol, and the specifications and states that it carries, on any bytes: what is read is read the same when written again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"
#include "task/hold_protocol.h"
#include "task/spec.h"
#include "task/state.h"

static _Noreturn void differs(void *arg, const struct spore__spec_field *field)
{
	(void)arg, (void)field;
	abort();
}

static void look_at_spec(struct spore__msgpack_reader r)
{
	struct spore__spec spec, again;
	struct spore__msgpack_writer w = {0};
	char why[100] = "";
	enum spore_err e = spore__spec_decode(r, &spec, why, sizeof why);
	if (e == SPORE_OK) {
		spore__spec_encode(&spec, &w, false);
		check(w.err != 0 ||
		      spore__spec_decode(spore__msgpack_reader(w.data, w.len), &again, NULL, 0) == SPORE_OK);
		if (w.err == 0) {
			spore__spec_compare(&spec, &again, differs, NULL);
			spore__spec_finish(&again);
		}
		spore__msgpack_writer_finish(&w);
	} else {
		check(e == SPORE_ENOMEM || why[0] != '\0');
	}
	spore__spec_finish(&spec);
}

static void look_at_state(struct spore__msgpack_reader r)
{
	struct spore__hold_state state, again;
	struct spore__msgpack_writer w = {0};
	if (spore__state_decode(r, &state) != SPORE_OK)
		return;
	spore__state_encode(&state, &w);
	if (w.err == 0) {
		check(spore__state_decode(spore__msgpack_reader(w.data, w.len), &again) == SPORE_OK);
		check(again.run == state.run && strcmp(again.why, state.why) == 0);
	}
	spore__msgpack_writer_finish(&w);
}

// What a hold says of a port reads the same when it is said again.
static void look_at_open(const struct spore__hold_message *m)
{
	struct spore__msgpack_writer items = {0}, w = {0};
	struct spore__msgpack_reader held = m->held;
	struct spore__hold_message again;
	uint64_t serials[16];
	uint32_t count = 0, kept = 0;
	size_t used;
	check(m->port.len > 0 && m->port.len <= SPORE__HOLD_WORD && m->kind.len > 0 && m->shape.len > 0);
	check(spore__msgpack_read_array(&held, &count) == SPORE__MSGPACK_OK);
	for (uint32_t i = 0; i < count && kept < 16; i++) {
		int64_t serial;
		if (spore__msgpack_read_int(&held, &serial) != SPORE__MSGPACK_OK || serial < 0)
			break;
		serials[kept++] = (uint64_t)serial;
	}
	spore__msgpack_strn(&items, m->port.s, m->port.len);
	spore__msgpack_strn(&items, m->kind.s, m->kind.len);
	spore__msgpack_strn(&items, m->shape.s, m->shape.len);
	spore__msgpack_raw(&items, m->map.at, (size_t)(m->map.end - m->map.at));
	spore__msgpack_raw(&items, m->list.at, (size_t)(m->list.end - m->list.at));
	spore__hold_put_open(&w, 1, items.data, items.len, serials, kept);
	if (items.err == 0 && w.err == 0) {
		check(spore__hold_decode(w.data, w.len, &again, &used) == SPORE_OK && used == w.len);
		check(again.type == SPORE__HOLD_OPEN && again.port.len == m->port.len && again.number == 1);
	}
	spore__msgpack_writer_finish(&items);
	spore__msgpack_writer_finish(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spore__hold_message m;
	size_t used;
	look_at_spec(spore__msgpack_reader(data, size));
	look_at_state(spore__msgpack_reader(data, size));
	while (spore__hold_decode(data, size, &m, &used) == SPORE_OK) {
		check(used > 0 && used <= size && m.bytes != NULL);
		check(m.len == 0 || (m.bytes > data && m.bytes + m.len <= data + used));
		if (m.type == SPORE__HOLD_UPDATE)
			look_at_spec(m.map);
		if (m.type == SPORE__HOLD_STATE)
			look_at_state(m.map);
		if (m.type == SPORE__HOLD_OPEN)
			look_at_open(&m);
		if (m.type == SPORE__HOLD_CHANNEL)
			check(m.kind.len > 0 && m.kind.len <= SPORE__HOLD_WORD &&
			      m.descriptors <= SPORE__HOLD_DESCRIPTORS);
		data += used;
		size -= used;
	}
	return 0;
}
