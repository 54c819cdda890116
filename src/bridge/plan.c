#include "bridge/plan.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

enum {
	NAMES = 64, // codecs that may be meant
	// Of a callee that is said to its caller, and the other way round.
	OF_CALLEE = SPORE__LOSS_ERROR_DATA | SPORE__LOSS_ERROR_CODE | SPORE__LOSS_PROGRESS | SPORE__LOSS_ITEMS |
	            SPORE__LOSS_BACK_CALLS | SPORE__LOSS_EVENTS,
	OF_CALLER = SPORE__LOSS_CANCEL | SPORE__LOSS_DEADLINE | SPORE__LOSS_METHOD | SPORE__LOSS_NOTIFICATION,
	OF_CALLS = OF_CALLEE | OF_CALLER,
};

// ---- names

static size_t name_len(const char *spec)
{
	return strcspn(spec, ",");
}

bool spore__plan_same(const char *a, const char *b)
{
	return name_len(a) == name_len(b) && memcmp(a, b, name_len(a)) == 0;
}

static const struct spore__codec_facts *find(const struct spore__codec_facts *facts, const char *spec)
{
	for (; facts->name != NULL; facts++)
		if (spore__plan_same(facts->name, spec))
			return facts;
	return NULL;
}

static const char *nearest_codec(const struct spore__codec_facts *facts, const char *spec)
{
	const char *names[NAMES + 1];
	char name[SPORE__NAME_MAX + 1];
	size_t count = 0;
	for (; facts->name != NULL && count < NAMES; facts++)
		names[count++] = facts->name;
	names[count] = NULL;
	(void)snprintf(name, sizeof name, "%.*s", (int)(name_len(spec) < sizeof name ? name_len(spec) : 0), spec);
	return spore__nearest(name, names);
}

static const char *nearest_option(const struct spore__codec_option *options, const char *name)
{
	const char *names[NAMES + 1];
	size_t count = 0;
	for (; options != NULL && options->name != NULL && count < NAMES; options++)
		names[count++] = options->name;
	names[count] = NULL;
	return spore__nearest(name, names);
}

// Of the options behind the name; FACTS knows it.
static bool check_options(const struct spore__codec_facts *facts, const char *at, char *why, size_t size)
{
	while (*at == ',') {
		const struct spore__codec_option *o = facts->options;
		size_t len = strcspn(++at, ",=");
		char name[SPORE__NAME_MAX + 1];
		(void)snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), at);
		while (o != NULL && o->name != NULL && strcmp(o->name, name) != 0)
			o++;
		if (o == NULL || o->name == NULL) {
			const char *meant = nearest_option(facts->options, name);
			(void)snprintf(why, size, "%s has no option '%s'%s%s%s", facts->name, name,
			               meant != NULL ? "; did you mean '" : "", meant != NULL ? meant : "",
			               meant != NULL ? "'?" : "");
			return false;
		}
		while (*at != '\0' && *at != ',') // a backslash takes away what a comma means
			at += *at == '\\' && at[1] != '\0' ? 2 : 1;
	}
	return true;
}

static bool is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text <= ' ' || *text == '(' || *text == ')' || *text == 0x7f)
			return false;
	return true;
}

bool spore__plan_check(const struct spore__codec_facts *facts, const char *spec, char *why, size_t size)
{
	char name[SPORE__NAME_MAX + 1];
	(void)snprintf(name, sizeof name, "%.*s", (int)(name_len(spec) < sizeof name ? name_len(spec) : 0), spec);
	const struct spore__codec_facts *codec = find(facts, spec);
	if (!spore__name_is_valid(name))
		(void)snprintf(why, size, "\"%.80s\" is no name of a protocol", spec);
	else if (strlen(spec) > SPORE__PROTOCOL_MAX)
		(void)snprintf(why, size, "\"%.40s...\" is longer than %d bytes", spec, SPORE__PROTOCOL_MAX);
	else if (!is_printable(spec))
		(void)snprintf(why, size, "\"%.80s\": a protocol has no spaces and brackets", spec);
	else if (spec[name_len(spec)] == ',' && codec == NULL)
		(void)snprintf(why, size, "%s has no options, since no bridge knows it", name);
	else
		return codec == NULL || check_options(codec, spec + name_len(spec), why, size);
	return false;
}

// ---- the plan

static const struct spore__codec_facts *known(const struct spore__codec_facts *facts, const struct spore__plan_end *e,
                                              const struct spore__plan_end *other, char *why, size_t size)
{
	const struct spore__codec_facts *codec = find(facts, e->spec);
	if (codec != NULL)
		return codec;
	const char *meant = nearest_codec(facts, e->spec);
	(void)snprintf(why, size, "%s speaks %s, and %s speaks %s, and no bridge knows %s%s%s%s", e->name, e->spec,
	               other->name, other->spec, e->spec, meant != NULL ? "; did you mean " : "",
	               meant != NULL ? meant : "",
	               meant != NULL ? "?" : "; 'spore bridge --list' has those that there are");
	return NULL;
}

// What encoding as TO, whose peer has ROLE, changes of what FROM can say. Where both may call, what is lost is that of calls from the left one.
static unsigned lost(const struct spore__codec_facts *from, const struct spore__codec_facts *to,
                     enum spore__codec_role role)
{
	// What FROM loses itself when it is written cannot be read from it.
	unsigned losses = to->losses & ~from->losses;
	if (!from->calls)
		return losses & ~(unsigned)OF_CALLS;
	return losses & ~(unsigned)(role == SPORE__CODEC_PEER_CALLS ? OF_CALLER : OF_CALLEE);
}

// "lines" is also what is meant where nothing was said.
static bool has_framing(const struct spore__plan_end *e)
{
	return e->framing[0] != '\0' && strcmp(e->framing, "lines") != 0;
}

// Is what one sends what the other takes, without anybody between?
static bool is_direct(const struct spore__codec_facts *facts, const struct spore__plan_end *from,
                      const struct spore__plan_end *to)
{
	if (from->spec[0] == '\0' || to->spec[0] == '\0')
		return true;
	if (!spore__plan_same(from->spec, to->spec))
		return false;
	// A stream and messages of the same protocol: as the framing of the port says, or as the protocol lies in a stream.
	const struct spore__plan_end *plain = from->plain ? from : to;
	const struct spore__codec_facts *codec = find(facts, plain->spec);
	return from->plain == to->plain || codec == NULL || has_framing(plain) ||
	       (codec->framing != NULL && strcmp(codec->framing, "lines") == 0);
}

static bool has_option(const char *spec, const char *name)
{
	for (const char *at = strchr(spec, ','); at != NULL; at = strchr(at + 1, ','))
		if (strncmp(at + 1, name, strlen(name)) == 0 && at[1 + strlen(name)] == '=')
			return true;
	return false;
}

// Messages without calls, to one that is called: which method they call has to be said.
static bool has_method(const struct spore__plan *p, const struct spore__plan_end *caller,
                       const struct spore__plan_end *called, int side, char *why, size_t size)
{
	const struct spore__codec_facts *codec = p->codecs[side];
	if (codec->calls || !p->codecs[1 - side]->calls || has_option(caller->spec, "method"))
		return true;
	(void)snprintf(why, size,
	               "%s speaks %s, which has no calls, and %s speaks %s: say which method each message calls, as in "
	               "(%s,method=NAME)",
	               caller->name, codec->name, called->name, p->codecs[1 - side]->name, codec->name);
	return false;
}

static bool is_lossless(const struct spore__plan *plan, const struct spore__plan_end *from,
                        const struct spore__plan_end *to, char *why, size_t size)
{
	char chain[SPORE__PLAN_CHAIN], losses[SPORE__PLAN_TEXT];
	if (plan->losses[0] == 0 && plan->losses[1] == 0)
		return true;
	spore__plan_chain(plan, chain);
	spore__plan_losses(plan, from->name, to->name, losses);
	(void)snprintf(
	    why, size,
	    "the wire of %s and %s is to be lossless, and the bridge %s is not: %s; leave out 'lossless' where "
	    "that does no harm",
	    from->name, to->name, chain, losses);
	return false;
}

bool spore__plan_make(const struct spore__codec_facts *facts, const struct spore__plan_end *from,
                      const struct spore__plan_end *to, bool duplex, bool lossless, struct spore__plan *plan, char *why,
                      size_t size)
{
	struct spore__plan p = {.specs = {from->spec, to->spec}};
	*plan = (struct spore__plan){0};
	if (is_direct(facts, from, to))
		return true;
	if ((p.codecs[0] = known(facts, from, to, why, size)) == NULL ||
	    (p.codecs[1] = known(facts, to, from, why, size)) == NULL)
		return false;
	for (int i = 0; i < 2; i++) {
		char option[SPORE__PLAN_TEXT / 2];
		const struct spore__plan_end *e = i == 0 ? from : to;
		if (check_options(p.codecs[i], e->spec + name_len(e->spec), option, sizeof option))
			continue;
		(void)snprintf(why, size, "%s: %s", e->name, option);
		return false;
	}
	p.bridged = true;
	// The left one calls, unless it is known to serve.
	p.roles[0] = from->serves ? SPORE__CODEC_PEER_SERVES : SPORE__CODEC_PEER_CALLS;
	p.roles[1] = from->serves ? SPORE__CODEC_PEER_CALLS : SPORE__CODEC_PEER_SERVES;
	if (!has_method(&p, from->serves ? to : from, from->serves ? from : to, from->serves, why, size))
		return false;
	p.losses[0] = lost(p.codecs[0], p.codecs[1], p.roles[1]);
	p.losses[1] = duplex ? lost(p.codecs[1], p.codecs[0], p.roles[0]) : 0;
	if (lossless && !is_lossless(&p, from, to, why, size))
		return false;
	*plan = p;
	return true;
}

void spore__plan_chain(const struct spore__plan *plan, char out[SPORE__PLAN_CHAIN])
{
	int names[2];
	out[0] = '\0';
	if (!plan->bridged)
		return;
	for (int i = 0; i < 2; i++)
		names[i] =
		    (int)(name_len(plan->specs[i]) <= SPORE__NAME_MAX ? name_len(plan->specs[i]) : SPORE__NAME_MAX);
	(void)snprintf(out, SPORE__PLAN_CHAIN, "%.*s > %.*s", names[0], plan->specs[0], names[1], plan->specs[1]);
}

static size_t add(char *out, size_t at, const char *text)
{
	int n = snprintf(out + at, SPORE__PLAN_TEXT - at, "%s", text);
	return n > 0 && (size_t)n < SPORE__PLAN_TEXT - at ? at + (size_t)n : at;
}

void spore__plan_losses(const struct spore__plan *plan, const char *left, const char *right, char out[SPORE__PLAN_TEXT])
{
	size_t at = 0;
	out[0] = '\0';
	for (int way = 0; way < 2; way++) {
		bool first = true;
		for (size_t i = 0; i < SPORE__LOSS_BITS; i++) {
			if ((plan->losses[way] & 1U << i) == 0)
				continue;
			if (first) {
				at = add(out, at, at > 0 ? "; " : "");
				at = add(out, at, way == 0 ? left : right);
				at = add(out, at, " to ");
				at = add(out, at, way == 0 ? right : left);
			}
			at = add(out, at, first ? ": " : ", ");
			at = add(out, at, spore__loss_texts[i]);
			first = false;
		}
	}
}

// ---- of wires

static struct spore__plan_end end_of(const struct spore__face *f)
{
	return (struct spore__plan_end){
	    .name = f->name,
	    .spec = f->wished[0] != '\0' ? f->wished : f->protocol,
	    .serves = spore__shape_of(f->shape) == SPORE__SHAPE_SERVE,
	    .plain = f->plain || strcmp(f->kind, "bytes") == 0,
	    .framing = f->framing != NULL ? f->framing : "",
	};
}

static bool goes_one_way(const struct spore__face *f)
{
	enum spore__shape shape = spore__shape_of(f->shape);
	const char *dot = strrchr(f->name, '.');
	return shape == SPORE__SHAPE_PUBLISH || shape == SPORE__SHAPE_SUBSCRIBE || f->as == SPORE__AS_FIFO_IN ||
	       f->as == SPORE__AS_FIFO_OUT ||
	       (dot != NULL && (strcmp(dot, ".stdin") == 0 || strcmp(dot, ".stdout") == 0));
}

bool spore__plan_wire(const struct spore__face *from, const struct spore__face *to, bool duplex, bool lossless,
                      struct spore__plan *plan, char *why, size_t size)
{
	struct spore__plan none, *p = plan != NULL ? plan : &none;
	const struct spore__plan_end left = end_of(from), right = end_of(to);
	bool both = duplex || (!goes_one_way(from) && !goes_one_way(to));
	if (!spore__plan_make(spore__codec_facts, &left, &right, both, lossless, p, why, size) ||
	    !spore__ports_fit(from, to, duplex, p->bridged, why, size))
		return false;
	const struct spore__face *const faces[] = {from, to};
	for (int i = 0; i < 2 && p->bridged; i++) {
		enum spore__shape shape = spore__shape_of(faces[i]->shape);
		if (shape != SPORE__SHAPE_PUBLISH && shape != SPORE__SHAPE_SUBSCRIBE)
			continue;
		(void)snprintf(
		    why, size,
		    "%s speaks %s, and %s speaks %s, and %s has the shape %s: a bridge is for what connects and "
		    "serves",
		    from->name, left.spec, to->name, right.spec, faces[i]->name, faces[i]->shape);
		return false;
	}
	return true;
}

bool spore__plan_listener(const char *name, const char *spec, const struct spore__face *to, bool lossless,
                          struct spore__plan *plan, char *why, size_t size)
{
	const struct spore__face from = {name, "messages", "connect", "", spec, "", false, SPORE__AS_NONE, 1};
	struct spore__face called = *to;
	if (called.protocol[0] == '\0' && called.wished[0] == '\0')
		called.wished = "rpc";
	if (find(spore__codec_facts, spec) != NULL)
		return spore__plan_wire(&from, &called, true, lossless, plan, why, size);
	const char *meant = nearest_codec(spore__codec_facts, spec);
	(void)snprintf(why, size, "%s: no bridge knows %s%s%s%s", name, spec, meant != NULL ? "; did you mean " : "",
	               meant != NULL ? meant : "",
	               meant != NULL ? "?" : "; 'spore bridge --list' has those that there are");
	return false;
}
