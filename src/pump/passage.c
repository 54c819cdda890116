#include "pump/passage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/os.h"
#include "pump/pump.h"

enum { ROUNDS = 16 }; // then it is the other direction's turn

void spore__passage_init(struct spore__passage *f, int from, int to, const int mid[2])
{
	*f = (struct spore__passage){.from = from, .to = to, .mid = {-1, -1}, .ahead = {-1, -1}};
	if (mid != NULL && mid[0] >= 0 && mid[1] >= 0) {
		f->mid[0] = mid[0];
		f->mid[1] = mid[1];
	}
}

void spore__passage_show(struct spore__passage *f, struct spore__window *window, enum spore__window_way way)
{
	f->window = window;
	f->way = way;
	if (window != NULL)
		atomic_store_explicit(&window->lanes[way].finished, f->done, memory_order_release);
}

static void close_ahead(struct spore__passage *f)
{
	for (int i = 0; i < 2; i++) {
		if (f->ahead[i] >= 0)
			close(f->ahead[i]);
		f->ahead[i] = -1;
	}
}

void spore__passage_finish(struct spore__passage *f)
{
	free(f->buffer);
	f->buffer = NULL;
	close_ahead(f);
}

static bool is_ready(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	return poll(&p, 1, 0) > 0;
}

// Bytes that are under way, in the pipe between or in the buffer.
static size_t pending(const struct spore__passage *f)
{
	int n = 0;
	if (f->buffer != NULL)
		return f->len;
	return f->mid[0] >= 0 && ioctl(f->mid[0], FIONREAD, &n) == 0 && n > 0 ? (size_t)n : 0;
}

static void end(struct spore__passage *f, bool gone)
{
	f->gone |= gone;
	f->ended = f->done = true;
	if (f->window != NULL)
		atomic_store_explicit(&f->window->lanes[f->way].finished, 1, memory_order_release);
}

// From here on by reading and writing.
static void by_hand(struct spore__passage *f)
{
	f->buffer = malloc(SPORE__PUMP_PIECE);
	if (f->buffer == NULL)
		end(f, true);
}

// What a call that moved N bytes says: false when this step is over. TAKES: it was a write.
static bool judge(struct spore__passage *f, ssize_t n, bool takes)
{
	if (n > 0 || (n < 0 && errno == EINTR))
		return true;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		*(takes ? &f->to_events : &f->from_events) = takes ? POLLOUT : POLLIN;
		return false;
	}
	if (n < 0 && f->buffer == NULL && (errno == EINVAL || errno == ENOSYS)) {
		by_hand(f);
		return !f->done;
	}
	if (takes)
		end(f, true);
	else
		f->ended = true; // reset or closed: nothing more comes
	return !f->done;
}

// ---- what is shown to those who look on

static bool is_watched(const struct spore__passage *f)
{
	return f->window != NULL && atomic_load_explicit(&f->window->watched, memory_order_acquire) != 0;
}

static void has_passed(struct spore__passage *f, size_t n, bool copied)
{
	if (f->window != NULL)
		spore__window_passed(f->window, f->way, n, copied);
}

// A pipe gives its pages to another one, out of which they are read.
static ssize_t look_into_pipe(struct spore__passage *f, int from)
{
	struct iovec pieces[2];
	if (f->ahead[0] < 0 && spore__os_pipe(f->ahead) != 0)
		return -1;
	ssize_t n = spore__os_tee(from, f->ahead[1], SPORE__PUMP_PIECE);
	if (n <= 0)
		return n;
	unsigned count = spore__window_room(f->window, f->way, (size_t)n, pieces);
	if (readv(f->ahead[0], pieces, (int)count) == n)
		return n;
	close_ahead(f);
	errno = EIO;
	return -1;
}

static ssize_t look_into_socket(struct spore__passage *f, int from)
{
	struct iovec pieces[2];
	struct msghdr m = {.msg_iov = pieces};
	m.msg_iovlen = spore__window_room(f->window, f->way, SPORE__PUMP_PIECE, pieces);
	return recvmsg(from, &m, MSG_PEEK | MSG_DONTWAIT);
}

// Copies what comes next out of FROM, where somebody looks: *MOST bytes may be carried then, and are *SEEN. 0 and -1 are as of a call that carries.
static ssize_t look_ahead(struct spore__passage *f, int from, size_t *most, bool *seen)
{
	struct stat st;
	*most = SPORE__PUMP_PIECE;
	*seen = false;
	if (!is_watched(f))
		return 1;
	bool socket = fstat(from, &st) == 0 && S_ISSOCK(st.st_mode);
	ssize_t n = socket ? look_into_socket(f, from) : look_into_pipe(f, from);
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		return 1; // then it passes unseen
	if (n > 0) {
		*most = (size_t)n;
		*seen = true;
	}
	return n;
}

// From FROM to F->to in the kernel.
static ssize_t carry(struct spore__passage *f, int from)
{
	size_t most;
	bool seen;
	ssize_t n = look_ahead(f, from, &most, &seen);
	if (n <= 0)
		return n;
	n = spore__os_splice(from, f->to, most);
	if (n > 0)
		has_passed(f, (size_t)n, seen);
	return n;
}

// The same with what was read: N bytes of the buffer.
static void show(struct spore__passage *f, size_t n)
{
	struct iovec pieces[2] = {{0}, {0}};
	bool seen = is_watched(f);
	if (seen) {
		(void)spore__window_room(f->window, f->way, n, pieces);
		memcpy(pieces[0].iov_base, f->buffer + f->at, pieces[0].iov_len);
		memcpy(pieces[1].iov_base, f->buffer + f->at + pieces[0].iov_len, pieces[1].iov_len);
	}
	has_passed(f, n, seen);
}

// ---- carrying

static ssize_t put(struct spore__passage *f)
{
	if (f->buffer == NULL)
		return carry(f, f->mid[0]);
	ssize_t n = write(f->to, f->buffer + f->at, f->len);
	if (n > 0) {
		show(f, (size_t)n);
		f->at += (size_t)n;
		f->len -= (size_t)n;
	}
	return n;
}

static ssize_t get(struct spore__passage *f)
{
	if (f->buffer == NULL)
		return spore__os_splice(f->from, f->mid[1], SPORE__PUMP_PIECE);
	ssize_t n = read(f->from, f->buffer, SPORE__PUMP_PIECE);
	f->at = 0;
	f->len = n > 0 ? (size_t)n : 0;
	return n;
}

// True: once more.
static bool through(struct spore__passage *f)
{
	if (pending(f) > 0)
		return judge(f, put(f), true);
	if (!f->ended)
		return judge(f, get(f), false);
	end(f, false);
	return false;
}

static bool direct(struct spore__passage *f)
{
	ssize_t n = carry(f, f->from);
	if (n == 0 || (n < 0 && errno == ECONNRESET)) {
		end(f, false);
		return false;
	}
	int why = errno;
	if (n > 0 || (why != EAGAIN && why != EWOULDBLOCK))
		return judge(f, n, true);
	// Which of the two is not ready is not told.
	bool full = is_ready(f->from, POLLIN);
	if (full && is_ready(f->to, POLLOUT))
		return true;
	errno = why;
	return judge(f, n, full);
}

void spore__passage_step(struct spore__passage *f)
{
	f->from_events = f->to_events = 0;
	for (int i = 0; i < ROUNDS && !f->done; i++)
		if (!(f->buffer == NULL && f->mid[0] < 0 ? direct(f) : through(f)))
			return;
}
