#include "pump/passage.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "os/os.h"
#include "pump/pump.h"

enum { ROUNDS = 16 }; // then it is the other direction's turn

void spore__passage_init(struct spore__passage *f, int from, int to, const int mid[2])
{
	*f = (struct spore__passage){.from = from, .to = to, .mid = {-1, -1}};
	if (mid != NULL && mid[0] >= 0 && mid[1] >= 0) {
		f->mid[0] = mid[0];
		f->mid[1] = mid[1];
	}
}

void spore__passage_finish(struct spore__passage *f)
{
	free(f->buffer);
	f->buffer = NULL;
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

static ssize_t put(struct spore__passage *f)
{
	if (f->buffer == NULL)
		return spore__os_splice(f->mid[0], f->to, SPORE__PUMP_PIECE);
	ssize_t n = write(f->to, f->buffer + f->at, f->len);
	if (n > 0) {
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
	ssize_t n = spore__os_splice(f->from, f->to, SPORE__PUMP_PIECE);
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
