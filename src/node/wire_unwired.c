// Why there is no wire at what a call names: no such task, several of that name, or it is wired otherwise.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "node/names.h"
#include "node/wire_ask.h"

enum { WHY = 2048 };

static void put_task(const struct spore__wish *wish, int side, char *out, size_t size)
{
	const char *system = wish->ends[side].system;
	char replica[24] = "";
	if (wish->ends[side].replica > 0)
		(void)snprintf(replica, sizeof replica, "@%" PRId64, wish->ends[side].replica);
	(void)snprintf(out, size, "%s%s%s%s", system, system[0] != '\0' ? "/" : "", wish->ends[side].task, replica);
}

// To take a wire away its task need not be there; so it is looked for only now. False: it is answered.
static bool is_clear(struct spore__asking *a, const struct spore__wish *wish, int side, const char *shown)
{
	char task[SPORE__PORT_NAME], why[WHY];
	size_t first, count;
	put_task(wish, side, task, sizeof task);
	enum spore_err err = spore__names_find(&a->t->table, task, a->from, &first, &count, why, sizeof why);
	if (err != SPORE_OK)
		spore__rpc_call_fail(a->call, err, "%s: %s", shown, why);
	return err == SPORE_OK;
}

// How near the end E is to what was named: 2 the port, 1 its task, 0 neither.
static int nearness(const struct spore__wire_end *e, const struct spore__wish *wish, int side)
{
	if (strcmp(e->plug->system, wish->ends[side].system) != 0 || strcmp(e->plug->task, wish->ends[side].task) != 0)
		return 0;
	return 1 + (strcmp(e->plug->port, wish->ends[side].port) == 0);
}

static const struct spore__wire *nearest_wire(const struct spore__asking *a, const struct spore__wish *wish, int ends)
{
	const struct spore__wire *found = NULL;
	int best = 0;
	for (const struct spore__wire *wire = a->t->wires.first; wire != NULL; wire = wire->next)
		for (int i = 0; i < 2 * ends; i++) {
			int near = nearness(&wire->ends[i % 2], wish, i / 2);
			if (near > best) {
				best = near;
				found = wire;
			}
		}
	return found;
}

// Is WIRE that of all replicas of which WISH names some?
static bool is_of_all(const struct spore__wire *wire, const struct spore__wish *wish, int ends)
{
	for (int turned = 0; turned < 2; turned++) {
		int near = 0;
		for (int i = 0; i < ends; i++)
			near += nearness(&wire->ends[i ^ turned], wish, i) == 2;
		if (near == ends)
			return wish->ends[0].replica > 0 || (ends > 1 && wish->ends[1].replica > 0);
	}
	return false;
}

void spore__wish_say_unwired(struct spore__asking *a, const struct spore__wish *wish, int ends)
{
	char shown[2][SPORE__PORT_NAME], both[2 * SPORE__PORT_NAME + 8], from[SPORE__PORT_NAME], to[SPORE__PORT_NAME];
	for (int i = 0; i < ends; i++) {
		put_task(wish, i, from, sizeof from);
		(void)snprintf(shown[i], sizeof shown[i], "%.*s.%s", 2 * SPORE__NAME_MAX + 25, from,
		               wish->ends[i].port);
	}
	for (int i = 0; i < ends; i++)
		if (!is_clear(a, wish, i, shown[i]))
			return;
	if (ends > 1)
		(void)snprintf(both, sizeof both, "%s and %s are", shown[0], shown[1]);
	else
		(void)snprintf(both, sizeof both, "%s is", shown[0]);
	const struct spore__wire *nearest = nearest_wire(a, wish, ends);
	if (nearest == NULL) {
		spore__rpc_call_fail(a->call, SPORE_ENOTFOUND, "%s not wired; 'spore wires' lists what is", both);
		return;
	}
	spore__wire_end_name(&nearest->ends[0], from);
	spore__wire_end_name(&nearest->ends[1], to);
	if (is_of_all(nearest, wish, ends))
		spore__rpc_call_fail(a->call, SPORE_ENOTFOUND,
		                     "%s not wired by %s; the wire %s -> %s is one for all replicas: name it so", both,
		                     ends > 1 ? "themselves" : "itself", from, to);
	else
		spore__rpc_call_fail(a->call, SPORE_ENOTFOUND, "%s not wired; but %s and %s are", both, from, to);
}
