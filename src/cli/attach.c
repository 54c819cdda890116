// A viewer of a task's terminal or output. Whatever ends it, the person's own terminal is as it was before.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/command.h"
#include "cli/held.h"
#include "cli/keys.h"
#include "task/hold_protocol.h"
#include "task/state.h"

enum { TYPED = 4096, RECEIVED = 64 * 1024, SIGNALLED = 128 };

#define STANDARD_KEYS "ctrl-\\,ctrl-d"

static const struct spore__option options[] = {
    {"detach-keys", 0, "KEYS", "the keys that leave, as ctrl-p,ctrl-q (in place of " STANDARD_KEYS "), or none", 0,
     NULL},
    {"read-only", 'r', NULL, "only look", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore start --tty --name editor path:vi notes", "a program at a terminal of its own"},
    {"spore attach editor", "use it; Ctrl-\\ Ctrl-d leaves it running"},
    {0},
};

struct viewer {
	struct spore__held held;
	struct spore__keys keys;
	int fd;
	bool raw;   // this terminal is the program's
	bool types; // what is typed goes to it
	bool tty;   // it has a terminal
	bool heard; // the hold has said something
	unsigned char in[SPORE__HOLD_FRAME];
	size_t in_len;
	struct spore__msgpack_writer out;
	size_t out_sent;
	int status; // -1: go on
};

// ---- this terminal

static struct termios saved;
static bool changed;
static int signals[2];

static void restore(void)
{
	static const char end[] = "\033[?1000;1002;1003;1006;2004l\033[?1049l\033[?25h\033[m";
	if (!changed)
		return;
	changed = false;
	// What the program switched on and cannot switch off any more.
	ssize_t n = isatty(STDOUT_FILENO) ? write(STDOUT_FILENO, end, sizeof end - 1) : 0;
	(void)n;
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
}

static bool make_raw(void)
{
	if (tcgetattr(STDIN_FILENO, &saved) != 0)
		return false;
	struct termios t = saved;
	t.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	t.c_oflag &= ~(tcflag_t)OPOST;
	t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	t.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
	t.c_cflag |= CS8;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	changed = true;
	(void)atexit(restore);
	return tcsetattr(STDIN_FILENO, TCSADRAIN, &t) == 0;
}

static void on_signal(int sig)
{
	int before = errno;
	unsigned char byte = (unsigned char)sig;
	ssize_t n = write(signals[1], &byte, 1);
	(void)n;
	errno = before;
}

static void take_signals(void)
{
	static const int taken[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGWINCH};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	if (pipe(signals) != 0)
		spore__die(SPORE__EXIT_SPORE, NULL, "attach: %s", strerror(errno));
	for (int i = 0; i < 2; i++)
		if (fcntl(signals[i], F_SETFD, FD_CLOEXEC) != 0 || fcntl(signals[i], F_SETFL, O_NONBLOCK) != 0)
			spore__die(SPORE__EXIT_SPORE, NULL, "attach: %s", strerror(errno));
	for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
		(void)sigaction(taken[i], &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

static void put_size(struct viewer *v, enum spore__hold_type type)
{
	struct winsize w;
	bool known = v->raw && ioctl(STDIN_FILENO, TIOCGWINSZ, &w) == 0;
	spore__hold_put_size(&v->out, type, known ? w.ws_row : 0, known ? w.ws_col : 0);
}

// ---- what the hold says

static void leave(struct viewer *v, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void leave(struct viewer *v, int status, const char *fmt, ...)
{
	char text[800];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	bool was_raw = v->raw;
	restore();
	(void)fprintf(stderr, "%s[%s %s]\n", was_raw ? "\r\n" : "", v->held.name, text);
	v->status = status;
}

static void show_state(struct viewer *v, struct spore__msgpack_reader map)
{
	struct spore__hold_state s;
	if (spore__state_decode(map, &s) != SPORE_OK || s.phase != SPORE__PHASE_ENDED)
		return;
	const char *why = s.why[0] != '\0' ? s.why : "";
	if (s.end == SPORE__END_SIGNALLED)
		leave(v, SIGNALLED + (int)s.signal, "was ended by signal %" PRId64, s.signal);
	else if (s.end == SPORE__END_EXITED)
		leave(v, (int)s.code, "ended with %" PRId64, s.code);
	else
		leave(v, SPORE__EXIT_FAILED, "ended: %s", why[0] != '\0' ? why : spore__end_word(s.end));
}

static void show(struct viewer *v, const unsigned char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
			(void)poll(&out, 1, -1);
			continue;
		}
		if (n < 0) {
			v->status = errno == EPIPE ? SPORE__EXIT_OK : SPORE__EXIT_SPORE;
			return;
		}
		bytes += n;
		len -= (size_t)n;
	}
}

static void take(struct viewer *v, const struct spore__hold_message *m)
{
	v->heard = true;
	switch (m->type) {
	case SPORE__HOLD_OUTPUT_BYTES:
		show(v, m->bytes, m->len);
		return;
	case SPORE__HOLD_SKIPPED:
		if (!v->tty)
			(void)fprintf(stderr,
			              "[%" PRId64 " bytes were too fast for this terminal; 'spore logs' has them]\n",
			              m->number);
		return;
	case SPORE__HOLD_STATE:
		show_state(v, m->map);
		return;
	case SPORE__HOLD_REFUSE:
		leave(v, SPORE__EXIT_SPORE, "refuses: %.*s", (int)m->len, (const char *)m->bytes);
		return;
	default:
		return;
	}
}

static void receive(struct viewer *v)
{
	size_t room = sizeof v->in - v->in_len, at = 0, used;
	ssize_t n = recv(v->fd, v->in + v->in_len, room < RECEIVED ? room : RECEIVED, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0 && !v->heard) { // it was about to end
		leave(v, SPORE__EXIT_FAILED, "does not run: 'spore start' starts it");
		return;
	}
	if (n <= 0) {
		leave(v, SPORE__EXIT_SPORE, "has lost its hold: 'spore ps' says what became of it");
		return;
	}
	v->in_len += (size_t)n;
	struct spore__hold_message m;
	enum spore_err e = SPORE_EAGAIN;
	while (v->status < 0 && (e = spore__hold_decode(v->in + at, v->in_len - at, &m, &used)) == SPORE_OK) {
		take(v, &m);
		at += used;
	}
	if (v->status < 0 && e != SPORE_EAGAIN)
		leave(v, SPORE__EXIT_SPORE, "says what cannot be understood");
	v->in_len -= at;
	memmove(v->in, v->in + at, v->in_len);
}

// ---- what is typed

static void typed(struct viewer *v)
{
	unsigned char in[TYPED], out[TYPED + SPORE__KEYS_MAX];
	size_t len;
	ssize_t n = read(STDIN_FILENO, in, sizeof in);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		v->types = false; // its end is not the program's
		if (v->raw)
			leave(v, SPORE__EXIT_OK, "goes on");
		return;
	}
	bool detach = spore__keys_filter(&v->keys, in, (size_t)n, out, &len);
	if (len > 0)
		spore__hold_put_bytes(&v->out, SPORE__HOLD_INPUT, out, (uint32_t)len);
	if (detach)
		leave(v, SPORE__EXIT_OK, "goes on");
}

static void take_signal(struct viewer *v)
{
	unsigned char sig;
	while (v->status < 0 && read(signals[0], &sig, 1) == 1) {
		if (sig == SIGWINCH)
			put_size(v, SPORE__HOLD_RESIZE);
		else if (sig == SIGINT || sig == SIGQUIT)
			leave(v, SPORE__EXIT_OK, "goes on"); // keys of a terminal that is not the program's
		else
			leave(v, SIGNALLED + sig, "goes on");
	}
}

static void flush(struct viewer *v)
{
	while (v->out_sent < v->out.len) {
		ssize_t n =
		    send(v->fd, v->out.data + v->out_sent, v->out.len - v->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return; // full, or gone, which the next recv says
		v->out_sent += (size_t)n;
	}
	v->out.len = v->out_sent = 0;
}

static int look(struct viewer *v)
{
	v->status = -1;
	while (v->status < 0) {
		flush(v);
		bool pending = v->out_sent < v->out.len;
		struct pollfd fds[] = {
		    {.fd = signals[0], .events = POLLIN},
		    {.fd = v->fd, .events = (short)(POLLIN | (pending ? POLLOUT : 0))},
		    {.fd = v->types && !pending ? STDIN_FILENO : -1, .events = POLLIN},
		};
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			spore__die(SPORE__EXIT_SPORE, NULL, "attach: %s", strerror(errno));
		if (fds[0].revents != 0)
			take_signal(v);
		if (v->status < 0 && (fds[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
			receive(v);
		if (v->status < 0 && fds[2].revents != 0)
			typed(v);
	}
	flush(v);
	return v->status;
}

static int run(const struct spore__args *args)
{
	static struct viewer v; // large
	const char *keys = spore__args_value(args, "detach-keys");
	if (!spore__keys_parse(&v.keys, keys != NULL ? keys : STANDARD_KEYS))
		spore__die(SPORE__EXIT_USAGE, "as ctrl-p,ctrl-q or ctrl-],d, at most 8 keys, or none",
		           "attach: --detach-keys %s: not keys", keys);
	int status = spore__held_open(&v.held, "attach", args->operands[0]);
	if (status != 0)
		return status;
	v.tty = v.held.spec.tty;
	v.types = !spore__args_has(args, "read-only") && (v.tty || v.held.spec.stdin_from == SPORE__STDIN_OPEN);
	v.fd = spore__folder_connect(v.held.dir);
	if (v.fd < 0) {
		bool off = errno == ENOENT || errno == ECONNREFUSED;
		spore__report(off ? "'spore logs' shows what it has written, 'spore start' starts it" : NULL,
		              "attach: %s: %s", v.held.name, off ? "it does not run" : strerror(errno));
		return SPORE__EXIT_FAILED;
	}
	take_signals();
	v.raw = v.tty && v.types && isatty(STDIN_FILENO) && make_raw();
	if (!v.raw)
		v.keys.count = 0;
	spore__hold_put_hello(&v.out);
	put_size(&v, SPORE__HOLD_ATTACH);
	status = look(&v);
	restore();
	close(v.fd);
	spore__msgpack_writer_finish(&v.out);
	spore__held_finish(&v.held);
	return status;
}

const struct spore__command spore__command_attach = {
    .name = "attach",
    .operands = "NAME",
    .summary = "look at a running task, and type to it",
    .text =
        "Shows what the task writes, beginning with the latest 64 KiB, until it ends for good or you leave. A task "
        "that "
        "was started with *--tty* has a terminal of its own: yours becomes it, whatever you type goes to the task, and "
        "the keys Ctrl-\\\\ Ctrl-d leave it running (*--detach-keys* names others). To any other task lines are sent "
        "when "
        "its standard input is kept open, and Ctrl-C leaves.\n\n"
        "Any number of terminals may be attached to a task. All see the same, and the smallest of them is the size "
        "that "
        "the task sees. One that is too slow misses a part, and delays neither the task nor the others.\n\n"
        "When the task ends the status is that of its program, or 128 and the number of the signal that ended it; it "
        "is "
        "0 when you left.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = 1,
    .completes = SPORE__COMPLETES_TASK,
    .run = run,
};
