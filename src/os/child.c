#include "os/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef NSIG
#define NSIG 65
#endif

// A handler must not run here: it would run in the caller's memory after vfork. exec would reset it anyway.
static void reset_handlers(bool ignored_too)
{
	const struct sigaction standard = {.sa_handler = SIG_DFL};
	for (int sig = 1; sig < NSIG; sig++) {
		struct sigaction old;
		if (sigaction(sig, NULL, &old) != 0)
			continue;
		bool ignored = (old.sa_flags & SA_SIGINFO) == 0 && old.sa_handler == SIG_IGN;
		bool standing = (old.sa_flags & SA_SIGINFO) == 0 && old.sa_handler == SIG_DFL;
		if (!standing && (!ignored || ignored_too))
			(void)sigaction(sig, &standard, NULL);
	}
}

static int place_descriptors(const int fds[3])
{
	int from[3];
	for (int i = 0; i < 3; i++) {
		from[i] = fds[i];
		if (fds[i] >= 0 && fds[i] < 3 && fds[i] != i) {
			from[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3); // dup2 below may overwrite it
			if (from[i] < 0)
				return -1;
		}
	}
	for (int i = 0; i < 3; i++) {
		if (from[i] < 0)
			continue;
		if (from[i] == i) {
			if (fcntl(i, F_SETFD, 0) != 0)
				return -1;
		} else if (dup2(from[i], i) < 0) {
			return -1;
		}
	}
	return 0;
}

// After the others, one of which may be number 3 so far.
static int place_fourth(int fd)
{
	if (fd == 3)
		return fcntl(fd, F_SETFD, 0);
	return fd > 0 && dup2(fd, 3) < 0 ? -1 : 0;
}

static int place_last(int from, int to)
{
	if (to == 0)
		return 0;
	return from == to ? fcntl(to, F_SETFD, 0) : dup2(from, to);
}

int spore__os_limit_open_files(uint64_t soft)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return -1;
	if ((rlim_t)soft <= r.rlim_max || r.rlim_max == RLIM_INFINITY)
		r.rlim_cur = (rlim_t)soft;
	return setrlimit(RLIMIT_NOFILE, &r);
}

uint64_t spore__os_raise_open_files(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return 0;
	uint64_t was = r.rlim_cur;
	r.rlim_cur = r.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &r) == 0 ? was : 0;
}

static int limit(int resource, uint64_t soft, uint64_t hard)
{
	struct rlimit r;
	if (getrlimit(resource, &r) != 0)
		return -1;
	if (r.rlim_max != RLIM_INFINITY && (rlim_t)hard > r.rlim_max)
		hard = r.rlim_max;
	// Never above what the user chose.
	if (r.rlim_cur == RLIM_INFINITY || (rlim_t)soft < r.rlim_cur)
		r.rlim_cur = (rlim_t)(soft < hard ? soft : hard);
	r.rlim_max = (rlim_t)hard;
	return setrlimit(resource, &r);
}

// Up to what is allowed, although the user may have chosen less for what is started by hand.
static int limit_to(int resource, uint64_t value)
{
	struct rlimit r;
	if (getrlimit(resource, &r) != 0)
		return -1;
	if (r.rlim_max == RLIM_INFINITY || (rlim_t)value < r.rlim_max)
		r.rlim_max = (rlim_t)value;
	r.rlim_cur = r.rlim_max;
	return setrlimit(resource, &r);
}

static int limit_all(const struct spore__rlimits *l)
{
#ifdef RLIMIT_AS
	if (l->memory > 0 && limit_to(RLIMIT_AS, l->memory) != 0)
		return -1;
#endif
	if (l->files > 0 && limit_to(RLIMIT_NOFILE, l->files) != 0)
		return -1;
	return l->core > 0 ? limit_to(RLIMIT_CORE, l->core) : 0;
}

int spore__os_child_setup(const struct spore__spawn *s, const sigset_t *mask)
{
	reset_handlers(s->reset_signals);
	sigset_t none;
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, s->reset_signals ? &none : mask, NULL) != 0)
		return -1;
	if (s->session ? setsid() < 0 : s->pgroup == SPORE__PGROUP_NEW && setpgid(0, 0) != 0)
		return -1;
	if (s->cwd != NULL && chdir(s->cwd) != 0)
		return -1;
	errno = 0;
	if (s->nice != 0 && nice(s->nice) == -1 && errno != 0)
		return -1;
	if (s->max_cpu_s > 0 && limit(RLIMIT_CPU, s->max_cpu_s, s->max_cpu_s + 1) != 0)
		return -1;
	if (s->max_file_bytes > 0 && limit(RLIMIT_FSIZE, s->max_file_bytes, s->max_file_bytes) != 0)
		return -1;
	if (s->open_files > 0 && spore__os_limit_open_files(s->open_files) != 0)
		return -1;
	if (s->limits != NULL && limit_all(s->limits) != 0)
		return -1;
	for (size_t i = 0; i < s->pass_count; i++)
		if (fcntl(s->pass[i], F_SETFD, 0) != 0)
			return -1;
	if (place_descriptors(s->fds) != 0 || place_fourth(s->fourth) != 0)
		return -1;
	if (s->terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0)
		return -1;
	return place_last(s->place_from, s->place_to) < 0 ? -1 : 0;
}
