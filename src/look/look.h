// spore-look: what is inside channels. `spore tap`, `record`, `cat`, `send` and `replay` become it.
#ifndef SPORE_LOOK_LOOK_H
#define SPORE_LOOK_LOOK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct spore__look {
	const char *what; // the command
	char *const *operands;
	bool json, raw, hex, u32le;
	bool received;     // replay
	bool stats, live;  // wires, graph
	bool dot, mermaid; // graph
	bool describe;     // call
	bool names;        // call
	int timeout_ms;    // call; -1: none
	int64_t count;     // messages; -1: no limit
	double speed;
	const char *output;
	const char *as, *listen;   // serve
	const char *resend, *drop; // dead: a number, or "all"; NULL: not asked for
};

int spore__look_tap(const struct spore__look *look);             // tap, record
int spore__look_cat(const struct spore__look *look);             // tap.c's other half: join.c
int spore__look_send(const struct spore__look *look);            //
int spore__look_replay(const struct spore__look *look);          //
int spore__look_call(const struct spore__look *look);            // call.c
int spore__look_wires(const struct spore__look *look);           // wires.c: with what passes over them
int spore__look_graph(const struct spore__look *look);           // graph.c
_Noreturn int spore__look_relay(const struct spore__look *look); // relay.c: never returns
int spore__look_serve(const struct spore__look *look);           // serve.c
int spore__look_dead(const struct spore__look *look);            // dead.c
int spore__look_why(const struct spore__look *look);             // why.c

#endif
