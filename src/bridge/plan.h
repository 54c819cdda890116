// Whether two ports of a wire need a bridge between them, which one, and what is lost in it. Looks at words only; the facts of the codecs are a
// parameter, so that every combination can be tried.
//
// A protocol is written as a manifest has it: a name, and options of its codec behind commas: "jsonl,method=echo". Names that no codec has are
// protocols all the same: between two of the same name nothing is needed.
#ifndef SPORE_BRIDGE_PLAN_H
#define SPORE_BRIDGE_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/facts.h"
#include "task/port.h"

enum {
	SPORE__PLAN_CHAIN = 2 * (SPORE__NAME_MAX + 1) + 16,
	SPORE__PLAN_TEXT = 2048,
};

// What is known of one end.
struct spore__plan_end {
	const char *name;    // of the port, for words
	const char *spec;    // its protocol; "": not known
	bool serves;         // it is called; false: it may call
	bool plain;          // a stream of bytes is all that it has
	const char *framing; // that its messages have in that stream, by its port; "" or "lines": as its protocol says
};

struct spore__plan {
	bool bridged;                               // false: what follows is zero
	const struct spore__codec_facts *codecs[2]; // from, to
	const char *specs[2];                       // those of the ends; borrowed
	enum spore__codec_role roles[2];            //
	unsigned losses[2];                         // of enum spore__loss: from left to right, and back
};

// FACTS is spore__codec_facts, or another table. DUPLEX: messages go both ways. LOSSLESS: nothing may be lost. False: WHY says why there can be no bridge,
// with both names.
bool spore__plan_make(const struct spore__codec_facts *facts, const struct spore__plan_end *from,
                      const struct spore__plan_end *to, bool duplex, bool lossless, struct spore__plan *plan, char *why,
                      size_t size);

// Is SPEC a protocol that a port may name: a name, and where a codec has it options that it knows? False: WHY, with what may be meant.
bool spore__plan_check(const struct spore__codec_facts *facts, const char *spec, char *why, size_t size);

// Do both name the same protocol, whatever their options?
bool spore__plan_same(const char *a, const char *b);

// "lsp > json-rpc".
void spore__plan_chain(const struct spore__plan *plan, char out[SPORE__PLAN_CHAIN]);
// What is lost: "LEFT to RIGHT: the data of an error; RIGHT to LEFT: bytes become base64", "" for nothing.
void spore__plan_losses(const struct spore__plan *plan, const char *left, const char *right,
                        char out[SPORE__PLAN_TEXT]);
// ---- of wires

// May FROM be wired to TO, as of spore__ports_fit, with a bridge where one is needed? PLAN may be NULL.
bool spore__plan_wire(const struct spore__face *from, const struct spore__face *to, bool duplex, bool lossless,
                      struct spore__plan *plan, char *why, size_t size);

// What is between those who come to a listener, called NAME, and speak SPEC, and the port TO, which they call; TO speaks rpc when nothing is known of it.
// The listener itself calls it in rpc (host.h); what is lost is told of the whole way.
bool spore__plan_listener(const char *name, const char *spec, const struct spore__face *to, bool lossless,
                          struct spore__plan *plan, char *why, size_t size);

#endif
