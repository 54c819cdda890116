// What sub.c (an end that waits) and sub_receive.c (what it reads) share.
#ifndef SPORE_LIB_CHAN_SUB_INSIDE_H
#define SPORE_LIB_CHAN_SUB_INSIDE_H

#include "chan/pub.h"

enum { SPORE__SUB_LENT = 256 }; // messages read in place at a time

struct spore__sub_lent {
	uint64_t end;
	uint64_t number; // of messages before it
	void *copy;      // NULL: it lies in the log, which the publisher leaves alone
};

struct spore__sub {
	struct spore__transport base;
	int sock, memory; // memory -1: it has not come yet
	struct spore__cursor *cursor;
	struct spore__pub_shape shape;
	unsigned char *map;
	struct spore__pub_says *says; // the publisher's
	enum spore_slow slow;
	bool last;
	atomic_bool gone; // the publisher
	atomic_bool hung; // this end: what is published from now on is not for it
	bool bounded;     // ... it was, up to here
	uint64_t bound;
	enum spore_err err;
	uint64_t at;       // of the next record
	bool known;        // `expected` is
	uint64_t expected; // the number of the next message
	uint64_t seen;     // of the log: the furthest end
	bool overrun;      // the last look found nothing that stayed long enough
	uint64_t released, said;
	uint64_t dropped; // by those that were here before
	uint32_t rung;    // the publisher's number that was rung for
	uint32_t number, in_vain, turn;
	bool resumes; // it goes on where another was, and has not received anything: what that one had is passed over
	char *port;   // what `say` is called with; NULL: it is not, or not any more
	uint64_t serial; //
	void (*say)(const char *port, uint64_t serial, int memory);
	bool chases;     // look after look has found the like since this end lay down
	uint64_t lay_at; // `seen` then: what is published behind it is rung for
	struct spore__sub_lent lent[SPORE__SUB_LENT];
	uint64_t lent_first, lent_next;
};

// ---- sub_receive.c

// The publisher's memory, which is taken.
enum spore_err spore__sub_attach(struct spore__sub *s, int memory);
// Takes what came over the socket: the memory, or that somebody rang.
void spore__sub_hear(struct spore__sub *s);
void spore__sub_say_released(struct spore__sub *s);
// How far the log goes. SPORE_EMALFORMED: less far than it did.
enum spore_err spore__sub_see(struct spore__sub *s, uint64_t *head);
enum spore_err spore__sub_copy(struct spore__transport *t, void *buffer, size_t size, size_t *len);
enum spore_err spore__sub_read(struct spore__transport *t, const void **data, size_t *len);
void spore__sub_release(struct spore__transport *t);
enum spore_err spore__sub_skip(struct spore__transport *t, size_t *len);

#endif
