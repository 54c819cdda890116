#include "node/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bridge/between.h"
#include "chan/transport.h"
#include "node/adopted.h"
#include "node/hold.h"
#include "node/log.h"
#include "node/relay_counts.h"
#include "os/os.h"
#include "pass.h"

enum {
	PARTING = 8, // processes between the ends of a wire that only deliver what they have
};

bool spore__fault_relays(const struct spore__fault *f)
{
	return f->delay_us > 0 || f->drop_ppm > 0;
}

static size_t add(char *out, size_t at, const char *fmt, int64_t whole, int64_t part)
{
	int n = snprintf(out + at, SPORE__FAULT_TEXT - at, fmt, whole, part);
	return at + (n > 0 && (size_t)n < SPORE__FAULT_TEXT - at ? (size_t)n : 0);
}

void spore__fault_text(const struct spore__fault *f, char out[SPORE__FAULT_TEXT])
{
	size_t at = 0;
	out[0] = '\0';
	if (f->cut)
		(void)snprintf(out, SPORE__FAULT_TEXT, "cut");
	if (f->cut || !spore__fault_relays(f))
		return;
	if (f->delay_us > 0)
		at = f->delay_us % 1000 == 0 ? add(out, at, "delay=%" PRId64 "ms", f->delay_us / 1000, 0)
		                             : add(out, at, "delay=%" PRId64 "us", f->delay_us, 0);
	if (f->drop_ppm > 0) {
		at = add(out, at, at > 0 ? " drop=%" PRId64 : "drop=%" PRId64, f->drop_ppm / 10000, 0);
		if (f->drop_ppm % 10000 > 0) {
			at = add(out, at, ".%04" PRId64, f->drop_ppm % 10000, 0);
			while (out[at - 1] == '0')
				out[--at] = '\0';
		}
		at = add(out, at, "%%", 0, 0);
	}
	if (f->drop_ppm > 0 && f->seed != 0)
		(void)add(out, at, " seed=%" PRId64, f->seed, 0);
}

// ---- the process between

static bool record_path(const struct spore__tasks *t, const struct spore__joint *j, int side, char out[PATH_MAX])
{
	char folder[PATH_MAX];
	return spore__adopted_folder(t, j, side, folder) &&
	       (size_t)snprintf(out, PATH_MAX, "%s/fault-%" PRIu64, folder, j->serial) < PATH_MAX;
}

static int start(const struct spore__tasks *t, const struct spore__joint *j, const struct spore__channel_end *left,
                 const struct spore__channel_end *right, int theirs, pid_t *pid)
{
	const struct spore__fault *f = &j->wire->fault;
	char roles[2][8], counts[2][8], delay[24], drop[24], seed[24], answers[2] = "0", path[PATH_MAX];
	const struct spore__channel_end *const ends[] = {left, right};
	for (int i = 0; i < 2; i++) {
		(void)snprintf(roles[i], sizeof roles[i], "%d", ends[i]->role);
		(void)snprintf(counts[i], sizeof counts[i], "%d", ends[i]->count);
	}
	(void)snprintf(delay, sizeof delay, "%" PRId64, f->delay_us);
	(void)snprintf(drop, sizeof drop, "%" PRId64, f->drop_ppm);
	(void)snprintf(seed, sizeof seed, "%" PRId64, f->seed);
	for (int i = 0; i < 2; i++)
		if (spore__shape_of(j->ports[i]->shape) == SPORE__SHAPE_SERVE)
			answers[0] = '1';
	// At an end that has no channels of other wires, so that what is dropped is counted for this one.
	bool at_right = !spore__shape_is_single(spore__shape_of(j->ports[0]->shape));
	if (!record_path(t, j, at_right, path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	const char *slow = spore__joint_slow(j);
	const char *argv[] = {t->look,
	                      "relay",
	                      left->transport,
	                      roles[0],
	                      counts[0],
	                      right->transport,
	                      roles[1],
	                      counts[1],
	                      delay,
	                      drop,
	                      seed,
	                      path,
	                      answers,
	                      slow != NULL ? slow : "-",
	                      NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -1;
	const struct spore__spawn s = {
	    .argv = argv,
	    .cwd = "/",
	    .fds = {null, null, -1},
	    .fourth = theirs,
	    .session = true,
	};
	// What it is told before it can hear it waits.
	sigset_t told, mask;
	sigemptyset(&told);
	sigaddset(&told, SIGUSR1);
	sigaddset(&told, SIGUSR2);
	(void)pthread_sigmask(SIG_BLOCK, &told, &mask);
	int rc = spore__os_spawn(&s, pid), saved = errno;
	(void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
	close(null);
	errno = saved;
	return rc;
}

// The socket holds what was sent until the process has read it.
static bool send_ends(int fd, const struct spore__channel_end *left, const struct spore__channel_end *right)
{
	int fds[2 * SPORE__END_FDS];
	memcpy(fds, left->fds, (size_t)left->count * sizeof fds[0]);
	memcpy(fds + left->count, right->fds, (size_t)right->count * sizeof fds[0]);
	ssize_t n;
	while ((n = spore__pass_send(fd, "c", 1, fds, (unsigned)(left->count + right->count))) < 0 && errno == EINTR)
		;
	return n == 1;
}

bool spore__fault_make(struct spore__tasks *t, struct spore__joint *j, struct spore__channel_end ends[2], char *why,
                       size_t size)
{
	struct spore__channel_end left[2], right[2];
	int pair[2] = {-1, -1};
	pid_t pid = 0;
	bool publishes = spore__shape_of(j->ports[0]->shape) == SPORE__SHAPE_PUBLISH;
	enum spore_err err = spore__channel_make(publishes ? "publication" : j->transport, NULL, left);
	if (err == SPORE_OK && (err = spore__channel_make(j->transport, NULL, right)) != SPORE_OK) {
		spore__channel_end_close(&left[0]);
		spore__channel_end_close(&left[1]);
	}
	if (err != SPORE_OK) {
		(void)snprintf(why, size, "no channel can be made for the process between: %s",
		               err == SPORE_ESYSTEM ? strerror(errno) : spore_err_text(err));
		return false;
	}
	bool good = spore__os_socketpair(pair) == 0 && send_ends(pair[0], &left[1], &right[0]) &&
	            start(t, j, &left[1], &right[0], pair[1], &pid) == 0;
	int saved = errno;
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
	spore__channel_end_close(&left[1]);
	spore__channel_end_close(&right[0]);
	if (!good) {
		(void)snprintf(why, size, "%s, the process between, cannot be started: %s", t->look, strerror(saved));
		spore__channel_end_close(&left[0]);
		spore__channel_end_close(&right[1]);
		errno = saved;
		return false;
	}
	j->relay = pid;
	ends[0] = left[0];
	ends[1] = right[1];
	return true;
}

// A process that has no part in any channel that is wanted, and delivers what it has.
struct spore__parting {
	struct spore__parting *next;
	pid_t pid;
	int64_t wire; // its row
	char path[PATH_MAX];
};

static bool read_counts(const char *path, struct spore__relay_counts *counts)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	ssize_t n = pread(fd, counts, sizeof *counts, 0);
	close(fd);
	return n == (ssize_t)sizeof *counts && counts->magic == SPORE__RELAY_MAGIC;
}

// What is in the file of a process that has ended, when it is there, was lost with it.
static void count_lost(struct spore__wire *wire, const char *path)
{
	char left[SPORE__PORT_NAME], right[SPORE__PORT_NAME];
	struct spore__relay_counts counts;
	uint64_t lost = read_counts(path, &counts) ? counts.under_way[0] + counts.under_way[1] : 0;
	if (unlink(path) != 0 || lost == 0 || wire == NULL)
		return;
	wire->lost += lost;
	spore__wire_end_name(&wire->ends[0], left);
	spore__wire_end_name(&wire->ends[1], right);
	bool one = lost == 1;
	if (spore__fault_relays(&wire->fault))
		spore__node_log("%s and %s: %" PRIu64
		                " message%s that their fault held back %s lost: its process ended",
		                left, right, lost, one ? "" : "s", one ? "is" : "are");
	else
		spore__node_log("%s and %s: %" PRIu64 " message%s with the process between them %s lost: it ended",
		                left, right, lost, one ? " that was" : "s that were", one ? "is" : "are");
}

// 1: the process of the file lives, and *PID is it, or 0 when that is not known; 0: it has ended; -1: there is no such file.
static int look_at_record(const char *path, pid_t *pid)
{
	struct spore__relay_counts counts;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	*pid = 0;
	if (fd < 0)
		return -1;
	int lives = spore__os_lock(fd, false, false) != 0;
	if (lives && pread(fd, &counts, sizeof counts, 0) == (ssize_t)sizeof counts &&
	    counts.magic == SPORE__RELAY_MAGIC)
		*pid = (pid_t)counts.pid;
	close(fd);
	return lives;
}

// The process between, or 0; PATH is its file.
static pid_t relay_of(const struct spore__tasks *t, const struct spore__joint *j, char path[PATH_MAX])
{
	pid_t pid;
	path[0] = '\0';
	if (j->bridged || (j->relay == 0 && !j->adopted))
		return 0;
	// One of an earlier node may have ended, and its number be somebody else's.
	for (int i = 0; i < 2; i++)
		if (record_path(t, j, i, path) && look_at_record(path, &pid) == 1)
			return j->relay != 0 ? j->relay : pid;
	return j->relay;
}

void spore__fault_part(struct spore__tasks *t, const struct spore__joint *j)
{
	char path[PATH_MAX];
	pid_t pid = relay_of(t, j, path);
	// Nothing tells of the end of one that is no child of this node.
	struct spore__parting *p = j->relay != 0 ? malloc(sizeof *p) : NULL;
	if (pid > 0)
		(void)kill(pid, SIGUSR1);
	if (p == NULL)
		return;
	*p = (struct spore__parting){.next = t->wires.partings, .pid = pid, .wire = j->wire != NULL ? j->wire->id : 0};
	memcpy(p->path, path, sizeof path);
	t->wires.partings = p;
}

// The process between delivers what it has, and ends; then the programs are told. False: there is none.
static bool cut(struct spore__tasks *t, struct spore__joint *j)
{
	char path[PATH_MAX];
	pid_t pid = relay_of(t, j, path);
	j->cuts = pid > 0 && kill(pid, SIGUSR2) == 0;
	return j->cuts;
}

// One whose channel is to be another by now.
static struct spore__joint *next_to_change(const struct spore__wire *wire)
{
	for (const struct spore__port *p = wire->ends[0].plug->ports; p != NULL; p = p->next)
		for (size_t i = 0; i < p->joint_count; i++)
			if (p->joints[i]->wire == wire && !p->joints[i]->moves && !p->joints[i]->cuts)
				return p->joints[i];
	return NULL;
}

static size_t parting(const struct spore__tasks *t, const struct spore__wire *wire)
{
	size_t count = 0;
	for (const struct spore__parting *p = t->wires.partings; p != NULL; p = p->next)
		count += p->wire == wire->id;
	return count;
}

void spore__fault_change(struct spore__tasks *t, struct spore__wire *wire)
{
	struct spore__joint *j;
	wire->changes = !wire->fault.cut && parting(t, wire) >= PARTING;
	while (!wire->changes && (j = next_to_change(wire)) != NULL) {
		if (wire->fault.cut && !cut(t, j))
			spore__joint_end(t, j, true);
		else if (!wire->fault.cut && !spore__move_begin(t, j))
			spore__joint_change(t, j);
	}
	spore__wire_is_dirty(&t->wires, wire);
}

// False: it was none of those.
static bool has_parted(struct spore__tasks *t, pid_t pid)
{
	struct spore__parting **at = &t->wires.partings, *p;
	while (*at != NULL && (*at)->pid != pid)
		at = &(*at)->next;
	if ((p = *at) == NULL)
		return false;
	struct spore__wire *wire = t->wires.first;
	while (wire != NULL && wire->id != p->wire)
		wire = wire->next;
	count_lost(wire, p->path);
	*at = p->next;
	free(p);
	if (wire != NULL && wire->changes)
		spore__fault_change(t, wire);
	return true;
}

static struct spore__joint *joint_with(const struct spore__wire *wire, pid_t pid)
{
	for (const struct spore__port *p = wire->ends[0].plug->ports; p != NULL; p = p->next)
		for (size_t i = 0; i < p->joint_count; i++)
			if (p->joints[i]->wire == wire && p->joints[i]->relay == pid)
				return p->joints[i];
	return NULL;
}

bool spore__fault_is_there(struct spore__tasks *t, struct spore__joint *j, pid_t *pid)
{
	char path[PATH_MAX];
	int lives = 0;
	*pid = 0;
	for (int i = 0; i < 2 && lives != 1; i++) {
		lives = record_path(t, j, i, path) ? look_at_record(path, pid) : -1;
		if (lives == 0)
			count_lost(j->wire, path);
	}
	return lives == 1;
}

// It ends with the channels that it joined; where the ends have not said so yet, it was killed.
void spore__fault_over(struct spore__tasks *t, struct spore__joint *j)
{
	if (j->moves)
		spore__move_now(t, j);
	else
		spore__joint_end(t, j, j->wire != NULL && j->wire->fault.cut);
}

// The end of J that sent what its relay or bridge, which ended with STATUS, could not take; -1: none.
static int broken_side(const struct spore__joint *j, int status)
{
	int side = WIFEXITED(status)
	               ? WEXITSTATUS(status) - (j->bridged ? (int)SPORE__BRIDGE_UNREAD : (int)SPORE__RELAY_BROKEN)
	               : -1;
	return side == 0 || side == 1 ? side : -1;
}

void spore__fault_child(struct spore__tasks *t, pid_t pid, int status)
{
	char path[PATH_MAX];
	bool lost = WIFEXITED(status) && WEXITSTATUS(status) == SPORE__RELAY_LOST;
	if (has_parted(t, pid))
		return;
	for (struct spore__wire *wire = t->wires.first; wire != NULL; wire = wire->next) {
		struct spore__joint *j = joint_with(wire, pid);
		if (j == NULL)
			continue;
		j->relay = 0;
		for (int i = 0; i < 2; i++)
			if (record_path(t, j, i, path))
				count_lost(wire, path);
		int side = broken_side(j, status);
		if (side >= 0)
			spore__joint_broken(t, j, side);
		spore__joint_failed(t, j, status != 0 && !lost && side < 0);
		spore__fault_over(t, j);
		return;
	}
}
