// What calls about wires ask for.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/plan.h"
#include "node/names.h"
#include "node/wire_ask.h"

enum {
	WIRES_MAX = 10000, // in one call
	WHY = 2048,
};

// What is not said, or nil, leaves OUT as it is.
static bool take_text(const struct spore__msgpack_reader *map, const char *key, char *out, size_t size)
{
	struct spore__msgpack_reader at;
	struct spore__msgpack_value v;
	if (!spore__msgpack_find(map, key, &at))
		return true;
	if (spore__msgpack_read(&at, &v) != SPORE__MSGPACK_OK)
		return false;
	return v.type == SPORE__MSGPACK_NIL || spore__rpc_text(&v, out, size);
}

bool spore__end_take(struct spore__asking *a, const char *shown, int side, struct spore__wish *wish)
{
	char text[SPORE__PORT_NAME], why[WHY];
	struct spore__name name;
	size_t first, count;
	(void)snprintf(text, sizeof text, "%s", shown);
	const char *port = spore__port_cut(text);
	if (port == NULL || !spore__name_parse(text, &name)) {
		spore__rpc_call_fail(a->call, SPORE_EINVALID, "'%s' is no port: [SYSTEM/]TASK[@REPLICA].PORT", shown);
		return false;
	}
	if (a->system[0] != '\0' && !name.has_system) {
		memcpy(name.system, a->system, sizeof name.system); // its tasks may be defined later
	} else if (a->exists) {
		enum spore_err err = spore__names_find(&a->t->table, text, a->from, &first, &count, why, sizeof why);
		if (err != SPORE_OK) {
			spore__rpc_call_fail(a->call, err, "%s: %s", shown, why);
			return false;
		}
		memcpy(name.system, a->t->table.tasks[first]->system->name, sizeof name.system);
	} else if (!name.has_system) {
		// To take a wire away its task need not be there any more.
		if (spore__names_find(&a->t->table, text, a->from, &first, &count, why, sizeof why) == SPORE_OK)
			memcpy(name.system, a->t->table.tasks[first]->system->name, sizeof name.system);
	}
	memcpy(wish->ends[side].system, name.system, sizeof name.system);
	memcpy(wish->ends[side].task, name.task, sizeof name.task);
	(void)snprintf(wish->ends[side].port, sizeof wish->ends[side].port, "%s", port);
	wish->ends[side].replica = name.replica;
	return true;
}

static bool take_end(struct spore__asking *a, const struct spore__msgpack_reader *map, const char *key, int side,
                     struct spore__wish *wish)
{
	char text[SPORE__PORT_NAME] = "";
	if (take_text(map, key, text, sizeof text) && text[0] != '\0')
		return spore__end_take(a, text, side, wish);
	spore__rpc_call_fail(a->call, SPORE_EINVALID, "a wire without '%s'", key);
	return false;
}

// A wire that is there stays as it is in what is not said of it.
static void begin_with(const struct spore__wire *wire, struct spore__wish *wish)
{
	for (int i = 0; i < 2; i++)
		memcpy(wish->ends[i].protocol, wire->ends[i].protocol, sizeof wish->ends[i].protocol);
	wish->duplex = wire->duplex;
	wish->redeliver = wire->redeliver;
	wish->lossless = wire->lossless;
	wish->tap = wire->tap;
	memcpy(wish->slow, wire->slow, sizeof wish->slow);
	memcpy(wish->listens, wire->listens, sizeof wish->listens);
	if (wish->owner[0] == '\0')
		memcpy(wish->owner, wire->owner, sizeof wish->owner);
}

static bool take_flags(struct spore__asking *a, const struct spore__msgpack_reader *map, struct spore__wish *wish)
{
	const struct {
		const char *key;
		bool *flag;
	} flags[] = {{"duplex", &wish->duplex},
	             {"redeliver", &wish->redeliver},
	             {"lossless", &wish->lossless},
	             {"tap", &wish->tap}};
	struct spore__msgpack_reader at;
	struct spore__msgpack_value v;
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		if (!spore__msgpack_find(map, flags[i].key, &at))
			continue;
		bool good = spore__msgpack_read(&at, &v) == SPORE__MSGPACK_OK;
		if (good && v.type == SPORE__MSGPACK_BOOL) {
			*flags[i].flag = v.boolean;
		} else if (!good || v.type != SPORE__MSGPACK_NIL) {
			spore__rpc_call_fail(a->call, SPORE_EINVALID, "'%s' of a wire is no bool", flags[i].key);
			return false;
		}
	}
	return true;
}

static bool take_wish(struct spore__asking *a, const struct spore__msgpack_reader *map, struct spore__wish *wish)
{
	*wish = (struct spore__wish){0};
	memcpy(wish->owner, a->system, sizeof wish->owner);
	if (!take_end(a, map, "from", 0, wish) || !take_end(a, map, "to", 1, wish))
		return false;
	const struct spore__wire *wire = spore__wire_find(&a->t->wires, wish);
	if (wire != NULL)
		begin_with(wire, wish);
	if (!take_flags(a, map, wish))
		return false;
	if (!take_text(map, "listens", wish->listens, sizeof wish->listens)) {
		spore__rpc_call_fail(a->call, SPORE_EINVALID, "'listens' of a wire is no string of less than %d bytes",
		                     SPORE__LISTENS);
		return false;
	}
	if (!take_text(map, "slow", wish->slow, sizeof wish->slow) ||
	    !take_text(map, "from_protocol", wish->ends[0].protocol, sizeof wish->ends[0].protocol) ||
	    !take_text(map, "to_protocol", wish->ends[1].protocol, sizeof wish->ends[1].protocol)) {
		spore__rpc_call_fail(a->call, SPORE_EINVALID, "'slow' or a protocol of a wire is no short string");
		return false;
	}
	if (wish->slow[0] != '\0' && !spore__slow_is_word(wish->slow)) {
		spore__rpc_call_fail(a->call, SPORE_EINVALID,
		                     "'slow' of a wire is '%s'; it is block, drop-oldest or disconnect", wish->slow);
		return false;
	}
	for (int i = 0; i < 2; i++) {
		char why[WHY];
		if (wish->ends[i].protocol[0] == '\0' ||
		    spore__plan_check(spore__codec_facts, wish->ends[i].protocol, why, sizeof why))
			continue;
		spore__rpc_call_fail(a->call, SPORE_EINVALID, "%s", why);
		return false;
	}
	return true;
}

int spore__wish_ends_compare(const void *a, const void *b)
{
	const struct spore__wish_end *x = a, *y = b;
	int order = strcmp(x->wish->ends[x->side].task, y->wish->ends[y->side].task);
	return order != 0 ? order : strcmp(x->wish->ends[x->side].system, y->wish->ends[y->side].system);
}

bool spore__wishes_take(struct spore__asking *a)
{
	struct spore__msgpack_reader r;
	uint32_t count = 0;
	if (!spore__rpc_param_at(spore__rpc_call_params(a->call), 0, "wires", &r) ||
	    spore__msgpack_read_array(&r, &count) != SPORE__MSGPACK_OK || count > WIRES_MAX) {
		spore__rpc_call_fail(a->call, SPORE_EINVALID,
		                     "the parameter 'wires' is a list of at most %d maps with from and to", WIRES_MAX);
		return false;
	}
	a->wishes = calloc(count + 1, sizeof *a->wishes);
	a->kept = calloc(count + 1, sizeof *a->kept);
	a->ends = calloc(2 * (size_t)count + 1, sizeof *a->ends);
	if (a->wishes == NULL || a->kept == NULL || a->ends == NULL) {
		spore__rpc_call_fail(a->call, SPORE_ENOMEM, "out of memory");
		return false;
	}
	for (; a->count < count; a->count++) {
		if (!take_wish(a, &r, &a->wishes[a->count]))
			return false;
		(void)spore__msgpack_skip(&r);
	}
	for (size_t i = 0; i < 2 * a->count; i++)
		a->ends[i] = (struct spore__wish_end){&a->wishes[i / 2], (int)(i % 2)};
	qsort(a->ends, 2 * a->count, sizeof *a->ends, spore__wish_ends_compare);
	return true;
}

void spore__wishes_finish(struct spore__asking *a)
{
	free(a->wishes);
	free(a->kept);
	free(a->ends);
	a->wishes = NULL;
	a->kept = NULL;
	a->ends = NULL;
}

bool spore__asking_keeps(const struct spore__asking *a, const char *system, const char *task)
{
	struct spore__msgpack_reader r = a->same;
	const char *name;
	uint32_t len;
	if (a->system[0] == '\0' || strcmp(a->system, system) != 0)
		return true;
	for (uint32_t i = 0; i < a->same_count; i++)
		if (spore__msgpack_read_str(&r, &name, &len) != SPORE__MSGPACK_OK)
			break;
		else if (strlen(task) == len && memcmp(task, name, len) == 0)
			return true;
	return false;
}

bool spore__asking_replaces(const struct spore__asking *a, const char *system, const char *task)
{
	return a->same.at != NULL && !spore__asking_keeps(a, system, task);
}
