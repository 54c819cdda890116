// An end of a bridge without a bridge: what it decodes is written down as text, one line per message.
#ifndef SPORE_TEST_RIG_H
#define SPORE_TEST_RIG_H

#include "bridge/codec.h"

struct rig {
	struct spore__codec_end *end; // a hub, or an end without one
	struct spore__buf said;       // "request ID METHOD VALUE\n" and the like, since the last look
	struct spore__buf place;      // what rig_said and rig_out gave last
	struct spore__codec_limits limits;
	unsigned written; // how often a connection's out was said to have grown
	char session[128];
};

// For SPEC ("http,token=x"); fails the test where there is none of it.
void rig_init(struct rig *r, const char *spec, enum spore__codec_role role);
void rig_finish(struct rig *r);
// A connection to the hub; spore__codec_destroy.
struct spore__codec_end *rig_accept(struct rig *r);

// Hands over bytes, as they are or one by one; what the end leaves is kept and handed over again with the next ones of the same call. What is left must be LEFT.
enum spore_err rig_feed(struct spore__codec_end *e, const char *bytes, size_t len, bool slowly);
#define rig_feed_str(e, s) rig_feed(e, s, sizeof(s) - 1, false)
#define rig_drip_str(e, s) rig_feed(e, s, sizeof(s) - 1, true)

// What was decoded since the last call. Valid until the next call of either.
const char *rig_said(struct rig *r);
// What E wants to send since the last call.
const char *rig_out(struct rig *r, struct spore__codec_end *e);

// Answers the call of ID with a value of one of: JSON text.
enum spore_err rig_answer(struct rig *r, unsigned id, const char *json);
enum spore_err rig_fail(struct rig *r, unsigned id, int64_t code, const char *text, const char *json);
// Encodes KIND (request, notification, progress, item, cancel).
enum spore_err rig_encode(struct rig *r, enum spore__model_kind kind, unsigned id, const char *method,
                          const char *json);

#endif
