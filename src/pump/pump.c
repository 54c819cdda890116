#include "pump/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "os/os.h"
#include "pump/passage.h"

enum { LOOK_FIRST_MS = 1, LOOK_MOST_MS = 100 };

static bool has_events(int fd, short which)
{
	struct pollfd p = {.fd = fd};
	return poll(&p, 1, 0) > 0 && (p.revents & which) != 0;
}

// It gets none of the files of this user, and no sockets; where the system cannot do that it does without.
static void confine(const char *write)
{
	const char *const none[] = {NULL}, *const one[] = {write, NULL};
	const struct spore__confine c = {.read = none, .write = write != NULL ? one : none, .self = true};
	(void)spore__os_confine_self(&c);
}

// ---- into a FIFO

// Opening a FIFO to be written waits until somebody reads it. False: at PATH it is not FIFO any more.
static bool await_reader(int fifo, const char *path)
{
	struct stat ours, there;
	int fd;
	do
		fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return false;
	bool same = fstat(fifo, &ours) == 0 && fstat(fd, &there) == 0 && ours.st_dev == there.st_dev &&
	            ours.st_ino == there.st_ino;
	close(fd);
	return same;
}

// The end of file is for a reader that is there, and that has taken all before it: what a FIFO holds is gone when its last end is closed. That it is
// empty is told by nobody.
static bool await_taken(int fifo, const char *path)
{
	int ms = LOOK_FIRST_MS, left = 0;
	for (;;) {
		if (!await_reader(fifo, path))
			return false;
		if (ioctl(fifo, FIONREAD, &left) != 0 || left == 0)
			return true;
		const struct timespec pause = {.tv_nsec = ms * 1000000L};
		(void)nanosleep(&pause, NULL);
		ms = ms * 2 < LOOK_MOST_MS ? ms * 2 : LOOK_MOST_MS;
	}
}

static int pump_in(int channel, int fifo, struct spore__window *window, const char *path)
{
	struct spore__passage f;
	spore__passage_init(&f, channel, fifo, NULL);
	spore__passage_show(&f, window, SPORE__WINDOW_IN);
	bool good = true;
	while (good && (!f.done || f.gone)) {
		spore__passage_step(&f);
		if (f.gone || (f.from_events != 0 && has_events(fifo, POLLERR))) {
			good = await_reader(fifo, path);
			f.gone = f.done = f.ended =
			    false; // of a passage that stopped at its writing end nothing is lost
			spore__passage_show(&f, window, SPORE__WINDOW_IN);
			continue;
		}
		struct pollfd fds[] = {{.fd = f.from_events != 0 ? channel : -1, .events = POLLIN},
		                       {.fd = fifo, .events = f.to_events}};
		if (!f.done && (f.from_events | f.to_events) != 0)
			(void)poll(fds, 2, -1);
	}
	good = good && await_taken(fifo, path);
	spore__passage_finish(&f);
	return good ? SPORE__PUMP_END : SPORE__EXIT_SPORE;
}

// ---- out of a FIFO or stdout, into stdin

static int pump_through(int from, int to, struct spore__window *window, enum spore__window_way way)
{
	struct spore__passage f;
	spore__passage_init(&f, from, to, NULL);
	spore__passage_show(&f, window, way);
	for (spore__passage_step(&f); !f.done; spore__passage_step(&f)) {
		struct pollfd fds[] = {{.fd = f.from_events != 0 ? from : -1, .events = POLLIN},
		                       {.fd = to, .events = f.to_events}};
		if ((f.from_events | f.to_events) != 0 && poll(fds, 2, -1) > 0 &&
		    (fds[1].revents & (POLLERR | POLLHUP)) != 0) {
			f.gone = true;
			break;
		}
	}
	spore__passage_finish(&f);
	if (f.gone)
		return SPORE__PUMP_GONE;
	(void)shutdown(to, SHUT_WR); // where it is a socket
	return SPORE__PUMP_END;
}

// ---- a connection

struct pair {
	int connection;
	bool closed;                   // the program has closed it
	struct spore__passage out, in; // from the program, to it
};

static void step(struct pair *p)
{
	bool out = p->out.done, in = p->in.done;
	if (!out)
		spore__passage_step(&p->out);
	if (!in && !p->closed)
		spore__passage_step(&p->in);
	if (!out && p->out.gone)
		(void)shutdown(p->connection, SHUT_RD);
	if (!in && p->in.done && !p->in.gone)
		(void)shutdown(p->connection, SHUT_WR);
	// That the program writes no more is for nobody to know: another connection may follow.
	p->closed |= p->in.gone;
}

static void wait_both(struct pair *p)
{
	struct pollfd fds[3] = {{.fd = p->closed ? -1 : p->connection}, {.fd = -1}, {.fd = -1}};
	if (!p->out.done) {
		fds[0].events |= p->out.from_events;
		fds[1] = (struct pollfd){.fd = p->out.to, .events = p->out.to_events};
	}
	if (!p->in.done && !p->closed) {
		fds[0].events |= p->in.to_events;
		fds[2] = (struct pollfd){.fd = p->in.from_events != 0 ? p->in.from : -1, .events = POLLIN};
	}
	bool more = (!p->out.done && (p->out.from_events | p->out.to_events) == 0) ||
	            (!p->in.done && !p->closed && (p->in.from_events | p->in.to_events) == 0);
	if (poll(fds, 3, more ? 0 : -1) <= 0)
		return;
	p->closed |= (fds[0].revents & (POLLHUP | POLLERR)) != 0;
	if ((fds[1].revents & (POLLHUP | POLLERR)) != 0) {
		p->out.gone = p->out.done = true;
		(void)shutdown(p->connection, SHUT_RD);
	}
}

static int pump_socket(int connection, int in, int out, const int mid[4], struct spore__window *window)
{
	struct pair p = {.connection = connection};
	spore__passage_init(&p.out, connection, out, mid);
	spore__passage_init(&p.in, in, connection, mid + 2);
	p.out.done = p.out.gone = out < 0;
	p.in.done = in < 0;
	spore__passage_show(&p.out, window, SPORE__WINDOW_OUT);
	spore__passage_show(&p.in, window, SPORE__WINDOW_IN);
	int status = -1;
	while (status < 0) {
		step(&p);
		bool sent = p.out.done, over = (out < 0 || p.out.gone) && p.in.done && !p.in.gone;
		if (over)
			status = SPORE__PUMP_END;
		else if (p.closed && sent)
			status = SPORE__PUMP_CLOSED;
		else
			wait_both(&p);
	}
	spore__passage_finish(&p.out);
	spore__passage_finish(&p.in);
	return status;
}

// ---- what is asked for

static bool take_numbers(char *const *texts, int count, int *out)
{
	for (int i = 0; i < count; i++) {
		char *end;
		errno = 0;
		long n = strtol(texts[i], &end, 10);
		if (errno != 0 || end == texts[i] || *end != '\0' || n < -1 || n > 1 << 20)
			return false;
		out[i] = (int)n;
		int flags = n >= 0 ? fcntl(out[i], F_GETFL) : 0;
		if (n >= 0 && (flags < 0 || fcntl(out[i], F_SETFL, flags | O_NONBLOCK) != 0))
			return false;
	}
	return true;
}

// Without one nobody looks on, and all else is the same.
static struct spore__window *open_window(int fd)
{
	struct spore__window *w = fd >= 0 ? spore__window_map(fd, true) : NULL;
	if (fd >= 0)
		close(fd);
	return w;
}

int spore__pump_main(int argc, char *argv[])
{
	enum { ONE_WAY = 3, BOTH_WAYS = 8 }; // descriptors, the window last
	int n[BOTH_WAYS];
	const char *how = argc > 1 ? argv[1] : "";
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc == 3 + ONE_WAY && strcmp(how, "in") == 0 && take_numbers(argv + 2, ONE_WAY, n)) {
		confine(argv[2 + ONE_WAY]);
		return pump_in(n[0], n[1], open_window(n[2]), argv[2 + ONE_WAY]);
	}
	confine(NULL);
	bool out = strcmp(how, "out") == 0;
	if (argc == 2 + ONE_WAY && (out || strcmp(how, "into") == 0) && take_numbers(argv + 2, ONE_WAY, n))
		return pump_through(n[0], n[1], open_window(n[2]), out ? SPORE__WINDOW_OUT : SPORE__WINDOW_IN);
	if (argc == 2 + BOTH_WAYS && strcmp(how, "socket") == 0 && take_numbers(argv + 2, BOTH_WAYS, n))
		return pump_socket(n[0], n[1], n[2], n + 3, open_window(n[BOTH_WAYS - 1]));
	spore__report(
	    "it is started by spore-hold; 'as' of a port and 'tap' of a wire in a spore.yaml are for people",
	    "usage: spore-pump in CHANNEL FIFO WINDOW PATH, out FROM CHANNEL WINDOW, into CHANNEL TO WINDOW, or socket "
	    "CONNECTION IN OUT MID MID MID MID WINDOW");
	return SPORE__EXIT_USAGE;
}
