// spore dead: the messages that bridges could not translate.
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "bridge/dead.h"
#include "look/look.h"
#include "node/tasks_client.h"

enum { SHOWN = 60, WAIT_MS = 3000, STEP_MS = 20 };

struct asked {
	const struct spore__look *look;
	const char *names[2]; // NULL: any
	char *state;          // the state folder
	struct spore__buf out;
	struct spore__json json;
	const struct spore__dead_head *head;
	size_t shown, changed, cut; // cut: too long to be sent again
	bool due;                   // some are to be sent again, and were not yet
};

// ---- which

static bool is_name(const char *full, const char *asked)
{
	const char *slash = strchr(full, '/');
	const char *short_name = slash != NULL ? slash + 1 : full;
	if (strcmp(full, asked) == 0 || strcmp(short_name, asked) == 0)
		return true;
	const char *from = strchr(asked, '/') != NULL ? full : short_name, *dot = strrchr(from, '.');
	return strchr(asked, '.') == NULL && dot != NULL && strlen(asked) == (size_t)(dot - from) &&
	       strncmp(from, asked, strlen(asked)) == 0;
}

static bool is_asked_for(const struct asked *a, const struct spore__dead_head *head)
{
	for (int i = 0; i < 2; i++)
		if ((a->names[0] == NULL || is_name(head->names[i], a->names[0])) &&
		    (a->names[1] == NULL || is_name(head->names[1 - i], a->names[1])))
			return true;
	return false;
}

static bool is_number(const char *text, uint64_t number)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && n == number;
}

static bool means(const char *text, uint64_t number)
{
	return text != NULL && (strcmp(text, "all") == 0 || is_number(text, number));
}

// ---- showing

static const char *state_word(uint32_t state)
{
	static const char *const words[] = {
	    [SPORE__DEAD_PARKED] = "parked",
	    [SPORE__DEAD_DUE] = "to be sent",
	    [SPORE__DEAD_SENT] = "sent again",
	    [SPORE__DEAD_DROPPED] = "dropped",
	};
	return state < sizeof words / sizeof words[0] ? words[state] : "?";
}

static void put_time(struct spore__buf *out, int64_t wall_ns)
{
	time_t s = (time_t)(wall_ns / 1000000000);
	struct tm t = {0};
	char text[32] = "";
	if (localtime_r(&s, &t) != NULL)
		(void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &t);
	spore__buf_printf(out, "%s.%03d", text, (int)(wall_ns / 1000000 % 1000));
}

static void put_bytes(struct spore__buf *out, const unsigned char *bytes, size_t len, size_t most)
{
	for (size_t i = 0; i < len && i < most; i++)
		if (bytes[i] == '\\')
			spore__buf_str(out, "\\\\");
		else if (bytes[i] == '\n')
			spore__buf_str(out, "\\n");
		else if (bytes[i] == '\r')
			spore__buf_str(out, "\\r");
		else if (isprint(bytes[i]))
			spore__buf_char(out, (char)bytes[i]);
		else
			spore__buf_printf(out, "\\x%02x", bytes[i]);
	if (len > most)
		spore__buf_str(out, "...");
}

static void put_json(struct asked *a, const struct spore__dead_entry *e, const char *reason, const void *bytes)
{
	struct spore__buf text = {0};
	struct spore__json *j = &a->json;
	spore__json_open(j, NULL, '{');
	spore__json_int(j, "number", (int64_t)e->number);
	spore__json_str(j, "from", a->head->names[e->side != 0]);
	spore__json_str(j, "to", a->head->names[e->side == 0]);
	put_time(&text, e->wall_ns);
	spore__json_str(j, "time", text.data);
	spore__json_int(j, "place", (int64_t)e->place);
	spore__json_str(j, "state", state_word(e->state));
	spore__json_str(j, "why", reason);
	spore__json_bool(j, "raw", e->raw != 0);
	spore__json_int(j, "length", (int64_t)e->len);
	text.len = 0;
	put_bytes(&text, bytes, e->kept, SIZE_MAX);
	spore__json_strn(j, "bytes", text.len > 0 ? text.data : "", text.len);
	spore__json_close(j, '}');
	spore__buf_finish(&text);
}

static bool show(void *arg, struct spore__dead_entry *e, const char *reason, const void *bytes)
{
	struct asked *a = arg;
	bool over = e->state == SPORE__DEAD_DROPPED || e->state == SPORE__DEAD_SENT;
	if (over && !a->look->json)
		return true;
	a->shown++;
	if (a->look->json) {
		put_json(a, e, reason, bytes);
		return true;
	}
	spore__buf_printf(&a->out, "%" PRIu64 "  ", e->number);
	put_time(&a->out, e->wall_ns);
	spore__buf_printf(&a->out, "  %s -> %s, message %" PRIu64 " of %" PRIu64 " bytes%s: %s\n    ",
	                  a->head->names[e->side != 0], a->head->names[e->side == 0], e->place, e->len,
	                  e->state == SPORE__DEAD_DUE ? " (to be sent again)" : "", reason);
	put_bytes(&a->out, bytes, e->kept, SHOWN);
	spore__buf_char(&a->out, '\n');
	return true;
}

// ---- changing

static bool change(void *arg, struct spore__dead_entry *e, const char *reason, const void *bytes)
{
	struct asked *a = arg;
	(void)reason, (void)bytes;
	bool open = e->state == SPORE__DEAD_PARKED || e->state == SPORE__DEAD_DUE;
	if (open && means(a->look->drop, e->number)) {
		e->state = SPORE__DEAD_DROPPED;
		a->changed++;
	} else if (open && means(a->look->resend, e->number)) {
		if (e->kept < e->len) {
			a->cut++;
			return true;
		}
		e->state = SPORE__DEAD_DUE;
		a->changed++;
	}
	return true;
}

static bool is_due(void *arg, struct spore__dead_entry *e, const char *reason, const void *bytes)
{
	struct asked *a = arg;
	(void)reason, (void)bytes;
	a->due |= e->state == SPORE__DEAD_DUE;
	return true;
}

// The bridges of the wire look at the file. How many there are.
static int64_t nudge(const struct asked *a, const struct spore__dead_head *head)
{
	struct spore__tasks t;
	struct spore__msgpack_writer w = {0};
	struct spore__msgpack_reader at;
	int64_t count = 0;
	if (spore__tasks_open(&t, a->look->what, true) != 0)
		return 0;
	spore__msgpack_map(&w, 2);
	spore__msgpack_str(&w, "port");
	spore__msgpack_str(&w, head->names[0]);
	spore__msgpack_str(&w, "peer");
	spore__msgpack_str(&w, head->names[1]);
	if (spore__tasks_call(&t, "wires.resend", &w, true, SPORE__TASKS_PATIENCE_MS) == SPORE_OK &&
	    spore__msgpack_find(&t.rpc.m.result, "bridges", &at))
		(void)spore__msgpack_read_int(&at, &count);
	spore__tasks_close(&t);
	return count;
}

static void resend(struct asked *a, int fd, struct spore__dead_head *head)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	int64_t bridges = nudge(a, head);
	for (int waited = 0; bridges > 0 && waited < WAIT_MS; waited += STEP_MS) {
		a->due = false;
		if (!spore__dead_each(fd, head, is_due, a) || !a->due)
			break;
		(void)nanosleep(&step, NULL);
	}
	if (bridges == 0 && a->changed > 0)
		spore__report("it is sent as soon as both ports are open: 'spore wires' says what they wait for",
		              "dead: %s and %s are not joined by a bridge now", head->names[0], head->names[1]);
}

// ---- all files

static void one_file(struct asked *a, const char *path)
{
	struct spore__dead_head head = {0};
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	a->head = &head;
	struct asked none = {.look = a->look};
	if (!spore__dead_each(fd, &head, is_due, &none) || !is_asked_for(a, &head)) {
		close(fd);
		return;
	}
	size_t before = a->changed;
	if (a->look->resend != NULL || a->look->drop != NULL)
		(void)spore__dead_each(fd, &head, change, a);
	else
		(void)spore__dead_each(fd, &head, show, a);
	if (a->look->resend != NULL && a->changed > before)
		resend(a, fd, &head);
	if (a->look->drop != NULL)
		spore__dead_tidy(fd);
	if (head.unkept > 0 && !a->look->json && a->look->resend == NULL && a->look->drop == NULL)
		spore__buf_printf(&a->out,
		                  "%s and %s: %" PRIu64 " more were counted and not kept, since the file was full\n",
		                  head.names[0], head.names[1], head.unkept);
	close(fd);
}

static void all_files(struct asked *a)
{
	char *folder = spore__xasprintf("%s/dead", a->state);
	struct dirent **names = NULL;
	int count = scandir(folder, &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char *path = spore__xasprintf("%s/%s", folder, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			one_file(a, path);
		free(path);
		free(names[i]);
	}
	free(names);
	free(folder);
}

int spore__look_dead(const struct spore__look *look)
{
	struct asked a = {.look = look, .state = spore__dirs_state()};
	int status = SPORE__EXIT_OK;
	a.json.out = &a.out;
	for (int i = 0; i < 2 && look->operands[i] != NULL; i++)
		a.names[i] = look->operands[i];
	if (look->resend != NULL && look->drop != NULL)
		spore__die(SPORE__EXIT_USAGE, "use one of them", "dead: --resend and --drop: they exclude each other");
	if ((look->resend != NULL || look->drop != NULL) && a.names[0] == NULL)
		spore__die(SPORE__EXIT_USAGE, "name a port of it: spore dead A.PORT --drop=1", "dead: of which wire?");
	if (look->json)
		spore__json_open(&a.json, NULL, '[');
	all_files(&a);
	if (look->json)
		spore__json_close(&a.json, ']');
	if (look->json)
		spore__buf_char(&a.out, '\n');
	if (a.out.len > 0)
		(void)fwrite(a.out.data, 1, a.out.len, stdout);
	if (a.cut > 0)
		spore__report("it was longer than what is kept of a message", "dead: %zu cannot be sent again", a.cut);
	if ((look->resend != NULL || look->drop != NULL) && a.changed == 0) {
		spore__report("'spore dead' lists them", "dead: there is no such message");
		status = SPORE__EXIT_FAILED;
	} else if (a.due) {
		spore__report("'spore wires' and 'spore logs' say what the bridge does",
		              "dead: it was not sent in time");
		status = SPORE__EXIT_FAILED;
	}
	spore__buf_finish(&a.out);
	free(a.state);
	return status;
}
