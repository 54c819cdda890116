// Walks the path between two ports or tasks, and names the first step that fails.
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "look/flow.h"
#include "look/look.h"
#include "look/measure.h"
#include "look/path.h"
#include "show/text.h"

static void good(const char *fmt, ...) SPORE__PRINTF(1, 2);
static int bad(const char *remedy, const char *fmt, ...) SPORE__PRINTF(2, 3);

static void good(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	printf("ok  ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
}

static int bad(const char *remedy, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	printf("no  ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	if (remedy != NULL)
		printf("    %s\n", remedy);
	return SPORE__EXIT_FAILED;
}

// The task of the port or task NAME, as the node calls it. False, after a line, when there is none.
static bool resolve(struct spore__tasks *t, const char *name, char *out, size_t size)
{
	char task[300];
	char *names[] = {task};
	const char *dot = strrchr(name, '.');
	struct spore__msgpack_writer w = {0};
	struct spore__msgpack_reader at, item;
	const char *s;
	uint32_t count = 0, len = 0;
	(void)snprintf(task, sizeof task, "%.*s", dot != NULL ? (int)(dot - name) : (int)strlen(name), name);
	spore__tasks_put_names(&w, names, 1, 0);
	if (spore__tasks_call(t, "tasks.resolve", &w, true, SPORE__TASKS_PATIENCE_MS) != SPORE_OK) {
		const char *remedy = strrchr(t->rpc.why, ';');
		(void)bad(remedy != NULL ? remedy + 1 + strspn(remedy + 1, " ") : "'spore ps -a' lists them", "%.*s",
		          (int)(remedy != NULL ? remedy - t->rpc.why : (ptrdiff_t)strlen(t->rpc.why)), t->rpc.why);
		return false;
	}
	if (!spore__msgpack_find(&t->rpc.m.result, "tasks", &at) ||
	    spore__msgpack_read_array(&at, &count) != SPORE__MSGPACK_OK || count == 0 ||
	    !spore__msgpack_find(&at, "name", &item) || spore__msgpack_read_str(&item, &s, &len) != SPORE__MSGPACK_OK) {
		(void)bad("'spore ps -a' lists them", "there is no task %s", task);
		return false;
	}
	(void)snprintf(out, size, "%.*s", (int)len, s);
	char *at_sign = strchr(out, '@');
	if (count > 1 && at_sign != NULL)
		*at_sign = '\0'; // all replicas
	if (dot != NULL)
		(void)snprintf(out + strlen(out), size - strlen(out), "%s", dot);
	good("%s %s", dot != NULL ? "the task of" : "there is", out);
	return true;
}

// Of plain programs, whose bytes a pump carries.
static void judge_bytes(const struct spore__flow *f, const char *from, const char *to, unsigned way)
{
	char all[SPORE__FLOW_CELL], rate[SPORE__FLOW_CELL];
	spore__bytes_text((double)f->bytes, all, sizeof all);
	spore__bytes_text(f->byte_rate, rate, sizeof rate);
	if (f->byte_rate > 0)
		good("%s -> %s: bytes pass, %s per second (%s in all)", from, to, rate, all);
	else if (f->bytes > 0)
		good("%s -> %s: %s passed; nothing does now", from, to, all);
	else if (way == SPORE__FORWARD) // many go one way only
		good("%s -> %s: nothing was sent yet", from, to);
}

static int judge_flow(const struct spore__wire_info *w, const struct spore__measured *m, unsigned way)
{
	struct spore__flow f;
	const char *from = way == SPORE__FORWARD ? w->from : w->to, *to = way == SPORE__FORWARD ? w->to : w->from;
	spore__measure_flow(m, way, &f);
	if (f.depth > 0 && f.moved == 0)
		return bad(
		    "the program there does not receive: 'spore logs' and 'spore inspect' of its task say what it does",
		    "%s -> %s: %" PRIu64 " messages wait at %s, and none was taken in the last moments%s", from, to,
		    f.depth, to,
		    !f.full ? ""
		    : strcmp(w->transport, "publication") == 0
		        ? "; the publisher waits for it (block), and publishes nothing more"
		        : "; the channel is full, and the sender waits");
	if (m->pumped) {
		judge_bytes(&f, from, to, way);
		return SPORE__EXIT_OK;
	}
	if (f.messages == 0)
		good("%s -> %s: nothing was sent yet", from, to);
	else if (f.rate > 0)
		good("%s -> %s: messages pass, %.0f per second (%" PRIu64 " in all)", from, to, f.rate, f.messages);
	else
		good("%s -> %s: all %" PRIu64 " messages were received; none is sent now", from, to, f.messages);
	return SPORE__EXIT_OK;
}

static bool is_passing(const struct spore__measured *m)
{
	struct spore__flow f;
	spore__measure_flow(m, SPORE__FORWARD, &f);
	return f.rate > 0 || f.byte_rate > 0;
}

static void pass_moment(void)
{
	const struct timespec moment = {.tv_nsec = 300000000};
	(void)nanosleep(&moment, NULL);
}

// Does the publisher at the left end of W wait for this subscriber?
static bool holds_up(struct spore__tasks *t, const struct spore__wire_info *w)
{
	static struct spore__measured m;
	struct spore__flow f;
	spore__measure_begin(t, w, &m);
	spore__measure_flow(&m, SPORE__FORWARD, &f);
	if (f.full) {
		pass_moment();
		spore__measure_again(&m);
		spore__measure_flow(&m, SPORE__FORWARD, &f);
	}
	spore__measure_finish(&m);
	return f.full && f.moved == 0;
}

// A subscriber gets nothing, too, while the publisher waits for another one.
static int judge_others(struct spore__tasks *t, const struct spore__wire_list *list, const struct spore__wire_info *w)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct spore__wire_info *other = &list->items[i];
		if (other == w || strcmp(other->from, w->from) != 0 || !holds_up(t, other))
			continue;
		return bad("'spore logs' and 'spore inspect' of its task say what it does; 'spore wire' with "
		           "--slow=drop-oldest lets the others go on",
		           "%s publishes nothing more, since it waits for %s, which does not receive (block)", w->from,
		           other->to);
	}
	return SPORE__EXIT_OK;
}

static int bad_framing(const struct spore__wire_info *w)
{
	if (strstr(w->broken, " off (disconnect); ") != NULL) // it says what helps
		return bad(NULL, "%s", w->broken);
	return bad("this is another channel; the one who sends has to be mended, or 'framing' of its port", "%s",
	           w->broken);
}

struct port {
	const char *name;
	int64_t channels; // -1: it is not open
	bool connects;
};

// Looks for the one of that name among those that are open.
static bool take_port(void *arg, const struct spore__msgpack_reader *map)
{
	struct port *p = arg;
	struct spore__msgpack_reader at;
	struct spore__msgpack_value v;
	bool open = false;
	if (!spore__msgpack_find(map, "name", &at) || spore__msgpack_read(&at, &v) != SPORE__MSGPACK_OK ||
	    !spore__msgpack_is(&v, p->name) || !spore__msgpack_find(map, "open", &at) ||
	    spore__msgpack_read_bool(&at, &open) != SPORE__MSGPACK_OK || !open ||
	    !spore__msgpack_find(map, "channels", &at))
		return true;
	(void)spore__msgpack_read_int(&at, &p->channels);
	p->connects = spore__msgpack_find(map, "shape", &at) && spore__msgpack_read(&at, &v) == SPORE__MSGPACK_OK &&
	              spore__msgpack_is(&v, "connect");
	return false;
}

// Of a wire of all replicas, when some of them are asked about.
static int judge_replicas(struct spore__tasks *t, const struct spore__wire_info *w)
{
	const char *const ends[2] = {w->from, w->to};
	const char *numbers[2];
	int both = 0;
	for (int i = 0; i < 2; i++) {
		struct port p = {.name = ends[i], .channels = -1};
		numbers[i] = strchr(ends[i], '@');
		if (numbers[i] == NULL)
			continue;
		(void)spore__ports_each(t, take_port, &p);
		if (p.channels < 0)
			return bad("'spore ps' and 'spore logs' say what its program does", "%s is not open", ends[i]);
		if (p.channels == 0)
			return bad("the channels are those of other replicas", "%s has no channel", ends[i]);
		both += p.connects;
	}
	if (both == 2 && strcspn(numbers[0], ".") != strcspn(numbers[1], "."))
		both = -1;
	if (both == -1 || (both == 2 && strncmp(numbers[0], numbers[1], strcspn(numbers[0], ".")) != 0))
		return bad("replicas that connect to each other are joined by their numbers",
		           "%s and %s are not joined", w->from, w->to);
	return SPORE__EXIT_OK;
}

// W is WHOLE, or of it what is between the replicas that are asked about.
static int judge(struct spore__tasks *t, const struct spore__wire_list *list, const struct spore__wire_info *whole,
                 const struct spore__wire_info *w)
{
	static struct spore__measured m;
	good("a wire is to join %s and %s", w->from, w->to);
	if (w->listens[0] != '\0')
		good("%s listens at %s: others speak that, and it calls in rpc%s%s", w->from, w->listens,
		     w->losses[0] != '\0' ? "; what is lost: " : "", w->losses);
	else if (w->bridge[0] != '\0')
		good("they speak different protocols: a bridge %s comes between them%s%s", w->bridge,
		     w->losses[0] != '\0' ? "; what is lost: " : ", in which nothing is lost", w->losses);
	if (strcmp(w->state, "wired") != 0 && w->why[0] == '\0' && w->broken[0] != '\0')
		return bad_framing(w);
	if (strcmp(w->state, "wired") != 0)
		return bad(w->broken[0] != '\0'              ? w->broken
		           : strcmp(w->state, "wiring") == 0 ? "it is on the way: ask again in a moment"
		                                             : NULL,
		           "%s", w->why[0] != '\0' ? w->why : w->state);
	good("both ports are open and fit, and %" PRId64 " channel%s made (%s)", w->channels,
	     w->channels == 1 ? " was" : "s were", w->transport);
	if (w->why[0] != '\0')
		return bad(NULL, "%s", w->why);
	if (judge_replicas(t, w) != SPORE__EXIT_OK)
		return SPORE__EXIT_FAILED;
	spore__measure_begin(t, w, &m);
	if (m.count == 0) {
		if (w->broken[0] != '\0')
			return bad_framing(w);
		good("what passes over a %s cannot be seen", w->transport);
		return SPORE__EXIT_OK;
	}
	pass_moment();
	spore__measure_again(&m);
	bool publishes = strcmp(w->transport, "publication") == 0;
	int status = judge_flow(w, &m, SPORE__FORWARD), other = SPORE__EXIT_OK;
	if (!publishes)
		other = judge_flow(w, &m, SPORE__BACKWARD);
	else if (status == SPORE__EXIT_OK && !is_passing(&m))
		other = judge_others(t, list, whole);
	if (w->broken[0] != '\0' && !is_passing(&m) && status == SPORE__EXIT_OK)
		status = bad_framing(w);
	spore__measure_finish(&m);
	return status != SPORE__EXIT_OK ? status : other;
}

// All wires that join A and B. FOUND: how many.
static int judge_all(struct spore__tasks *t, const struct spore__wire_list *list, const char *a, const char *b,
                     size_t *found)
{
	int status = SPORE__EXIT_OK;
	*found = 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct spore__wire_info *w = &list->items[i];
		bool turned = spore__path_is_at(w->from, b) && spore__path_is_at(w->to, a);
		if (!turned && !(spore__path_is_at(w->from, a) && spore__path_is_at(w->to, b)))
			continue;
		++*found;
		struct spore__wire_info asked = *w;
		char from[600], to[600];
		spore__path_narrow(w->from, turned ? b : a, from, sizeof from);
		spore__path_narrow(w->to, turned ? a : b, to, sizeof to);
		asked.from = from;
		asked.to = to;
		int one = judge(t, list, w, &asked);
		status = status == SPORE__EXIT_OK ? one : status;
	}
	return status;
}

// Over the tasks between them, up to the first step that fails. False: there is no way from A to B.
static bool judge_path(struct spore__tasks *t, const struct spore__wire_list *list, const char *a, const char *b,
                       int *status)
{
	struct spore__path path;
	size_t found;
	spore__path_find(list, a, b, &path);
	bool any = path.count > 0;
	if (any) {
		printf("ok  the way is %s", a);
		for (size_t i = 1; i < path.count; i++)
			printf(" -> %s", path.stops[i]);
		printf("\n");
	}
	for (size_t i = 0; i + 1 < path.count && *status == SPORE__EXIT_OK; i++)
		*status = judge_all(t, list, path.stops[i], path.stops[i + 1], &found);
	spore__path_finish(&path);
	return any;
}

static int judge_way(struct spore__tasks *t, const struct spore__wire_list *list, const char *a, const char *b)
{
	size_t found;
	char remedy[1300];
	int status = judge_all(t, list, a, b, &found);
	if (found > 0 || judge_path(t, list, a, b, &status) || judge_path(t, list, b, a, &status))
		return status;
	(void)snprintf(remedy, sizeof remedy, "spore wire %s%s %s%s", a, strchr(a, '.') != NULL ? "" : ".PORT", b,
	               strchr(b, '.') != NULL ? "" : ".PORT");
	return bad(remedy, "nothing wires %s and %s", a, b);
}

int spore__look_why(const struct spore__look *look)
{
	struct spore__tasks t;
	struct spore__wire_list list = {0};
	char a[600], b[600];
	int status = spore__tasks_open(&t, "why", false);
	if (status < 0)
		return bad("'spore node start' starts it; tasks go on without it, but nothing is wired",
		           "no node runs");
	if (status != 0)
		return status;
	good("the node runs");
	if (!resolve(&t, look->operands[0], a, sizeof a) || !resolve(&t, look->operands[1], b, sizeof b)) {
		spore__tasks_close(&t);
		return SPORE__EXIT_FAILED;
	}
	enum spore_err err = spore__wires_list(&t, &list);
	status = err != SPORE_OK ? spore__tasks_failed(&t, err) : judge_way(&t, &list, a, b);
	spore__wire_list_finish(&list);
	spore__tasks_close(&t);
	return status;
}
