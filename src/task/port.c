#include "task/port.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum spore__shape spore__shape_of(const char *word)
{
	static const char *const words[] = {
	    [SPORE__SHAPE_CONNECT] = "connect",
	    [SPORE__SHAPE_SERVE] = "serve",
	    [SPORE__SHAPE_PUBLISH] = "publish",
	    [SPORE__SHAPE_SUBSCRIBE] = "subscribe",
	};
	for (size_t i = 1; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(word, words[i]) == 0)
			return (enum spore__shape)i;
	return SPORE__SHAPE_UNKNOWN;
}

static const char *const as_words[] = {
    [SPORE__AS_NONE] = "",         [SPORE__AS_FIFO_IN] = "fifo-in",   [SPORE__AS_FIFO_OUT] = "fifo-out",
    [SPORE__AS_SOCKET] = "socket", [SPORE__AS_LISTENER] = "listener",
};

enum spore__port_as spore__port_as_of(const char *word)
{
	for (size_t i = 1; i < sizeof as_words / sizeof as_words[0]; i++)
		if (strcmp(word, as_words[i]) == 0)
			return (enum spore__port_as)i;
	return SPORE__AS_NONE;
}

const char *spore__port_as_word(enum spore__port_as as)
{
	return as_words[as];
}

bool spore__shape_is_single(enum spore__shape shape)
{
	return shape == SPORE__SHAPE_CONNECT || shape == SPORE__SHAPE_SUBSCRIBE;
}

bool spore__port_is_standard(const char *port)
{
	return strcmp(port, "stdin") == 0 || strcmp(port, "stdout") == 0 || strcmp(port, "stderr") == 0 ||
	       strcmp(port, "stdio") == 0;
}

bool spore__ports_overlap(const char *a, const char *b)
{
	static const char stdio[] = "stdio";
	if (strcmp(a, b) == 0)
		return true;
	const char *other = strcmp(a, stdio) == 0 ? b : strcmp(b, stdio) == 0 ? a : "";
	return strcmp(other, "stdin") == 0 || strcmp(other, "stdout") == 0;
}

static bool is_one_way(enum spore__shape shape)
{
	return shape == SPORE__SHAPE_PUBLISH || shape == SPORE__SHAPE_SUBSCRIBE;
}

static bool fit_shapes(const struct spore__face *from, const struct spore__face *to, bool duplex, char *why,
                       size_t size)
{
	enum spore__shape a = spore__shape_of(from->shape), b = spore__shape_of(to->shape);
	if (a == b && is_one_way(a))
		(void)snprintf(why, size, "%s and %s both %s: one of them has to %s", from->name, to->name, from->shape,
		               a == SPORE__SHAPE_PUBLISH ? "subscribe" : "publish");
	else if (a == SPORE__SHAPE_SUBSCRIBE)
		(void)snprintf(why, size, "%s subscribes, so it stands on the right: %s -> %s", from->name, to->name,
		               from->name);
	else if (b == SPORE__SHAPE_PUBLISH)
		(void)snprintf(why, size, "%s publishes, so it stands on the left: %s -> %s", to->name, to->name,
		               from->name);
	else if (a == SPORE__SHAPE_SERVE && b == SPORE__SHAPE_SERVE)
		(void)snprintf(why, size, "%s and %s both serve: one of them has to connect", from->name, to->name);
	else if (a != SPORE__SHAPE_UNKNOWN && b != SPORE__SHAPE_UNKNOWN && is_one_way(a) != is_one_way(b) &&
	         !(a == SPORE__SHAPE_PUBLISH && to->plain))
		(void)snprintf(why, size,
		               "%s has the shape %s, %s has %s: publish goes to subscribe, connect to connect or serve",
		               from->name, from->shape, to->name, to->shape);
	else if (duplex && (is_one_way(a) || is_one_way(b)))
		(void)snprintf(why, size, "%s has the shape %s, which goes one way: write %s -> %s",
		               is_one_way(a) ? from->name : to->name, is_one_way(a) ? from->shape : to->shape,
		               from->name, to->name);
	else
		return true;
	return false;
}

static bool fit_wish(const struct spore__face *f, char *why, size_t size)
{
	size_t len = strcspn(f->wished, ","); // behind it are options of a bridge
	if (len == 0 || f->protocol[0] == '\0' ||
	    (strcspn(f->protocol, ",") == len && memcmp(f->wished, f->protocol, len) == 0))
		return true;
	(void)snprintf(why, size, "%s speaks %s, and the wire says %s", f->name, f->protocol, f->wished);
	return false;
}

static bool is_named(const struct spore__face *f, const char *port)
{
	const char *dot = strrchr(f->name, '.');
	return dot != NULL && strcmp(dot + 1, port) == 0;
}

// stdin is read, stdout written, stdio both.
static bool fit_stdio(const struct spore__face *f, bool left, bool duplex, char *why, size_t size)
{
	const char *dot = strrchr(f->name, '.');
	const char *port = dot != NULL ? dot + 1 : "";
	if (!spore__port_is_standard(port))
		return true;
	if (strcmp(port, "stderr") == 0)
		(void)snprintf(why, size, "%s: what is written there is logged, and not wired", f->name);
	else if (duplex && strcmp(port, "stdio") != 0)
		(void)snprintf(why, size, "%s goes one way: write -> in place of <>, or stdio for both", f->name);
	else if (left && strcmp(port, "stdin") == 0)
		(void)snprintf(why, size, "%s is read by its program, so it stands on the right of ->", f->name);
	else if (!left && strcmp(port, "stdout") == 0)
		(void)snprintf(why, size, "%s is written by its program, so it stands on the left of ->", f->name);
	else if (!duplex && strcmp(port, "stdio") == 0)
		(void)snprintf(why, size, "%s goes both ways: write <> in place of ->, or %s", f->name,
		               left ? "stdout" : "stdin");
	else
		return true;
	return false;
}

// A FIFO goes one way.
static bool fit_fifo(const struct spore__face *f, bool left, bool duplex, char *why, size_t size)
{
	if (f->as != SPORE__AS_FIFO_IN && f->as != SPORE__AS_FIFO_OUT)
		return true;
	if (duplex)
		(void)snprintf(why, size,
		               "%s is a FIFO, which goes one way: write -> in place of <>, or have it as a socket",
		               f->name);
	else if (left && f->as == SPORE__AS_FIFO_IN)
		(void)snprintf(why, size, "%s is read by its program (fifo-in), so it stands on the right of ->",
		               f->name);
	else if (!left && f->as == SPORE__AS_FIFO_OUT)
		(void)snprintf(why, size, "%s is written by its program (fifo-out), so it stands on the left of ->",
		               f->name);
	else
		return true;
	return false;
}

bool spore__replicas_fit(const struct spore__face *from, const struct spore__face *to, char *why, size_t size)
{
	enum spore__shape a = spore__shape_of(from->shape), b = spore__shape_of(to->shape);
	const char *reason = NULL, *remedy = "";
	if (from->count == 0 || to->count == 0) {
	} else if (a == SPORE__SHAPE_CONNECT && b == SPORE__SHAPE_CONNECT && from->count != to->count) {
		reason = "each has one channel only, so what is left over would wait for ever";
		remedy = from->plain || to->plain ? "" : ", or let one of them serve";
	} else if ((a == SPORE__SHAPE_PUBLISH || b == SPORE__SHAPE_SUBSCRIBE) && from->count > to->count) {
		reason = "who subscribes hears one publisher only, so what is left over would publish to nobody";
	}
	if (reason != NULL)
		(void)snprintf(why, size,
		               "there are %" PRId64 " of %s and %" PRId64
		               " of %s, and %s; give both tasks as many replicas, which are joined by number%s",
		               from->count, from->name, to->count, to->name, reason, remedy);
	return reason == NULL;
}

bool spore__slow_is_word(const char *word)
{
	return strcmp(word, "block") == 0 || strcmp(word, "drop-oldest") == 0 || strcmp(word, "disconnect") == 0;
}

bool spore__slow_fits(const struct spore__face *from, const struct spore__face *to, char *why, size_t size)
{
	const struct spore__face *const faces[] = {from, to};
	for (int i = 0; i < 2; i++) {
		enum spore__shape shape = spore__shape_of(faces[i]->shape);
		if ((shape != SPORE__SHAPE_CONNECT && shape != SPORE__SHAPE_SERVE) || (faces[i] == to && to->plain))
			continue;
		(void)snprintf(why, size,
		               "%s to %s: slow is for publish -> subscribe, and %s has the shape %s; leave it out",
		               from->name, to->name, faces[i]->name, faces[i]->shape);
		return false;
	}
	return true;
}

bool spore__redeliver_fits(const struct spore__face *from, const struct spore__face *to, bool bridged, char *why,
                           size_t size)
{
	const struct spore__face *const faces[] = {from, to};
	if (bridged)
		(void)snprintf(why, size,
		               "%s to %s: redeliver is for two programs that speak the same, and a bridge is between "
		               "these; leave it out",
		               from->name, to->name);
	for (int i = 0; i < 2 && !bridged; i++) {
		if (faces[i]->plain)
			(void)snprintf(why, size,
			               "%s to %s: redeliver is for two programs with libspore, and %s is a plain end; "
			               "leave it out",
			               from->name, to->name, faces[i]->name);
		else if (is_one_way(spore__shape_of(faces[i]->shape)))
			(void)snprintf(why, size,
			               "%s to %s: redeliver is for what connects and serves, and %s has the shape %s; "
			               "leave it out",
			               from->name, to->name, faces[i]->name, faces[i]->shape);
		else
			continue;
		return false;
	}
	return !bridged;
}

bool spore__tap_fits(const struct spore__face *from, const struct spore__face *to, char *why, size_t size)
{
	const struct spore__face *const faces[] = {from, to};
	for (int i = 0; i < 2; i++) {
		const char *dot = strrchr(faces[i]->name, '.');
		if (dot != NULL && spore__port_is_standard(dot + 1))
			return true;
	}
	(void)snprintf(why, size,
	               "%s to %s: tap is for a stdin or stdout; leave it out, since what passes between these can be "
	               "watched anyway",
	               from->name, to->name);
	return false;
}

static const char *framing_of(const struct spore__face *f)
{
	return f->framing != NULL && f->framing[0] != '\0' ? f->framing : "lines";
}

// Where one end is plain its framing makes messages of its bytes.
static bool fit_plain(const struct spore__face *from, const struct spore__face *to, char *why, size_t size)
{
	const struct spore__face *plain = from->plain ? from : to, *other = from->plain ? to : from;
	if (from->plain && to->plain) {
		if (from->framing == NULL || to->framing == NULL || from->framing[0] == '\0' ||
		    to->framing[0] == '\0' || strcmp(from->framing, to->framing) == 0)
			return true;
		(void)snprintf(why, size, "%s has the framing %s, and %s has %s", from->name, from->framing, to->name,
		               to->framing);
		return false;
	}
	if (spore__shape_of(other->shape) != SPORE__SHAPE_SUBSCRIBE)
		return true;
	(void)snprintf(why, size, "%s is a plain end (%s), and %s subscribes: publish, connect and serve go with it",
	               plain->name, framing_of(plain), other->name);
	return false;
}

static bool is_same_protocol(const char *a, const char *b)
{
	size_t len = strcspn(a, ",");
	return len == 0 || b[0] == '\0' || (strcspn(b, ",") == len && memcmp(a, b, len) == 0);
}

bool spore__ports_fit(const struct spore__face *from, const struct spore__face *to, bool duplex, bool bridged,
                      char *why, size_t size)
{
	const char *left = from->wished[0] != '\0' ? from->wished : from->protocol;
	const char *right = to->wished[0] != '\0' ? to->wished : to->protocol;
	// By hand there is no <>, and of two ends that both go both ways none is needed.
	bool both = duplex || (!is_named(from, "stdout") && !is_named(to, "stdin"));
	if (!fit_stdio(from, true, is_named(from, "stdio") ? both : duplex, why, size) ||
	    !fit_stdio(to, false, is_named(to, "stdio") ? both : duplex, why, size) ||
	    !fit_fifo(from, true, duplex, why, size) || !fit_fifo(to, false, duplex, why, size))
		return false;
	if (bridged) { // each end has what it is used to
	} else if (from->plain || to->plain) {
		if (!fit_plain(from, to, why, size))
			return false;
	} else if (from->kind[0] != '\0' && to->kind[0] != '\0' && strcmp(from->kind, to->kind) != 0) {
		(void)snprintf(why, size, "%s is a port of %s, and %s one of %s: open both as one of the two",
		               from->name, from->kind, to->name, to->kind);
		return false;
	}
	if (!fit_shapes(from, to, duplex, why, size) || !fit_wish(from, why, size) || !fit_wish(to, why, size))
		return false;
	if (!bridged && !is_same_protocol(left, right)) {
		(void)snprintf(why, size, "%s speaks %s, and %s speaks %s", from->name, left, to->name, right);
		return false;
	}
	return true;
}

// The next word of *TEXT into OUT; "-" is none.
static bool take_word(const char **text, char *out, size_t size)
{
	size_t len = strcspn(*text, " ");
	if (len == 0 || len >= size)
		return false;
	memcpy(out, *text, len);
	out[len] = '\0';
	if (strcmp(out, "-") == 0)
		out[0] = '\0';
	*text += len;
	*text += **text == ' ';
	return true;
}

bool spore__declared_parse(const char *text, struct spore__declared *d)
{
	d->framing[0] = d->as[0] = '\0';
	return take_word(&text, d->name, sizeof d->name) && take_word(&text, d->kind, sizeof d->kind) &&
	       take_word(&text, d->shape, sizeof d->shape) && take_word(&text, d->protocol, sizeof d->protocol) &&
	       (*text == '\0' || take_word(&text, d->framing, sizeof d->framing)) &&
	       (*text == '\0' || take_word(&text, d->as, sizeof d->as)) && *text == '\0' &&
	       spore__name_is_valid(d->name);
}

bool spore__declared_find(const spore__texts ports, const char *name, struct spore__declared *d)
{
	for (char *const *p = ports; p != NULL && *p != NULL; p++)
		if (spore__declared_parse(*p, d) && strcmp(d->name, name) == 0)
			return true;
	return false;
}

char *spore__port_cut(char *text)
{
	char *dot = strrchr(text, '.');
	if (dot == NULL)
		return NULL;
	*dot = '\0';
	return spore__name_is_valid(dot + 1) ? dot + 1 : NULL;
}

bool spore__options_fit(const struct spore__face *from, const struct spore__face *to,
                        const struct spore__wire_says *says, char *why, size_t size)
{
	if ((says->slow && !spore__slow_fits(from, to, why, size)) ||
	    (says->redeliver && !spore__redeliver_fits(from, to, says->bridged, why, size)) ||
	    (says->tap && !spore__tap_fits(from, to, why, size)))
		return false;
	// Whatever the shapes are, one of them does nothing.
	if (says->slow && says->redeliver)
		(void)snprintf(
		    why, size,
		    "%s to %s: slow is for publish -> subscribe, and redeliver for what connects and serves; "
		    "leave one of them out",
		    from->name, to->name);
	return !says->slow || !says->redeliver;
}
