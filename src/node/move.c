// A channel that is taken away for another between the same two ports: a fault begins, changes or ends. Nothing that is on its way in it may be
// lost, and the programs find that out between themselves (lib/chan/chan_part.c): each finishes the old one before it sends over the new one, and
// receives the old one to its end. That end would be one of the peer if it came before word of the new channel did; so both are told first, as when
// a peer is swapped, that it is none.
#include "node/hold.h"
#include "node/swap_off.h"
#include "node/wires.h"

static bool serves(const struct spore__port *p)
{
	return !p->plain && spore__shape_of(p->shape) == SPORE__SHAPE_SERVE;
}

static bool is_told(const struct spore__port *p)
{
	return !p->plain && spore__shape_of(p->shape) == SPORE__SHAPE_CONNECT && p->swaps && p->moves &&
	       p->hold->speaks_swap && p->hold->speaks_moves;
}

// One that serves gets another client, and sees the one before leave. Without a process between, which reads on to the end, that is as ever.
static bool may(const struct spore__joint *j)
{
	bool between = j->relay != 0 || j->adopted;
	for (int i = 0; i < 2; i++) {
		const struct spore__port *p = j->ports[i];
		if (p == NULL || p->hold->stop_sent || j->told[i] || !(is_told(p) || (between && serves(p))))
			return false;
	}
	return !j->bridged;
}

bool spore__move_begin(struct spore__tasks *t, struct spore__joint *j)
{
	(void)t;
	if (!may(j))
		return false;
	j->moves = true;
	for (int i = 0; i < 2; i++) {
		struct spore__port *p = j->ports[i];
		if (!is_told(p))
			continue;
		j->told[i] = true;
		j->owes[i]++;
		spore__hold_send_swap(p->hold, p->id, j->serial, true);
	}
	return true;
}

void spore__move_now(struct spore__tasks *t, struct spore__joint *j)
{
	for (int i = 0; i < 2; i++) {
		struct spore__port *p = j->ports[i], *q = j->ports[1 - i];
		if (p == NULL || q == NULL)
			continue;
		p->moved = j->serial;
		if (j->told[i]) // should there be no other channel after all, it is told that too
			spore__swap_off_awaits(p, j->serial, q->hold);
	}
	spore__fault_part(t, j);
	spore__joint_end(t, j, false);
}

void spore__move_heard(struct spore__tasks *t, struct spore__joint *j)
{
	if (j->moves && j->owes[0] == 0 && j->owes[1] == 0)
		spore__move_now(t, j);
}

bool spore__move_ends(struct spore__port *p, struct spore__port *q)
{
	bool moves = p->moved != 0 && p->moved == q->moved;
	p->moved = q->moved = 0;
	return moves;
}
