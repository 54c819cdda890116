// The platform of spore's programs behind one header. Two backends: linux/ and posix/ (poll, pipes, fork only); each
// function says what the plain one lacks. Functions return 0, or -1 with errno set, unless said otherwise.
#ifndef SPORE_OS_OS_H
#define SPORE_OS_OS_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

// What a child may do, beside what its user may: reads below `read`, everything below `write`, no network.
// Linux: Landlock and a seccomp filter. Plain POSIX: nothing can be enforced.
struct spore__confine {
	const char *const *read;  // NULL-terminated; missing paths are skipped
	const char *const *write; // NULL-terminated; missing paths are skipped
	bool self;    // what the system tells of the child itself, by its process, and not of those that it starts
	bool network; // ... but that of other machines: sockets of IP, and none of this machine
	bool alone;   // no other processes, and no other program
};

// What each process of a child may use at most; 0: as much as the caller. Never more than the caller.
struct spore__rlimits {
	uint64_t memory; // bytes of address space
	uint64_t files;  // open ones
	uint64_t core;   // bytes of a core file
};

// Processors, by number.
enum { SPORE__CPUS = 4096, SPORE__CPU_BITS = 8 * sizeof(unsigned long) };
struct spore__cpus {
	unsigned long bits[SPORE__CPUS / SPORE__CPU_BITS];
};

// Can a child be kept on these, at least one of which the caller may use? Plain POSIX: never.
bool spore__os_can_pin(const struct spore__cpus *cpus);

// True when spore__os_spawn enforces a struct spore__confine on this machine.
bool spore__os_can_confine(void);
// ... and keeps it from sending signals to processes outside (Linux 6.12).
bool spore__os_confines_signals(void);
// Puts C in force for this process, which has one thread, for good. Plain POSIX: ENOTSUP.
int spore__os_confine_self(const struct spore__confine *c);

// The clock that file times are taken from, as coarse as they are: a file changed from now on has a change time not before it.
int spore__os_file_clock(struct timespec *now);

enum spore__pgroup {
	SPORE__PGROUP_SAME, // the caller's process group
	SPORE__PGROUP_NEW,  // leads one of its own
};

struct spore__spawn {
	const char *const *argv; // argv[0] is executed as it is: no search of PATH
	const char *const *envp; // NULL: the caller's
	const char *cwd;         // may be NULL
	int fds[3];              // become 0, 1, 2; -1: the caller's own; the caller keeps and closes them
	const int *pass;         // descriptors kept open under their own numbers although close-on-exec; may be NULL
	size_t pass_count;
	int fourth;               // becomes 3, as fds do; 0: none
	int place_from, place_to; // place_from becomes place_to, above 2, after all others; 0: none
	int cgroup; // it begins in the cgroup of which this is the open cgroup.procs (Linux), or fails with EXDEV; 0 or -1: the caller's
	enum spore__pgroup pgroup;
	bool session;                         // leads a session of its own, without terminal
	bool terminal;                        // ... but for the one that becomes 0
	bool die_with_parent;                 // SIGKILL when the caller dies (Linux; plain POSIX: ignored)
	bool reset_signals;                   // handlers and mask as after login
	int nice;                             // added to the caller's
	bool idle_io;                         // lowest disk priority, where there is one
	uint64_t max_cpu_s;                   // 0: no limit; SIGXCPU, then SIGKILL
	uint64_t max_file_bytes;              // 0: no limit
	uint64_t open_files;                  // soft limit; 0: the caller's
	const struct spore__rlimits *limits;  // may be NULL
	const struct spore__cpus *cpus;       // may be NULL
	const struct spore__confine *confine; // may be NULL
};

// Starts a process and returns once it executes the program: the errno of a failed exec is reported here, with no
// child left behind. No code of the child's runs in the caller's memory after that.
int spore__os_spawn(const struct spore__spawn *s, pid_t *pid);

// Like spore__os_spawn, but the child goes on here, with everything of S but argv and envp in force: 0 and *PID 0 in the child. For
// code of strangers' formats that runs in a library. The caller must have one thread only.
int spore__os_fork(const struct spore__spawn *s, pid_t *pid);

// Lifts this process's limit of open files to what it may have. The limit before, for `open_files` of what it starts; 0: nothing was changed.
uint64_t spore__os_raise_open_files(void);
int spore__os_limit_open_files(uint64_t soft);

// Becomes the program of S, with everything of S in force but what is about a parent: returns only to say -1 with errno.
int spore__os_become(const struct spore__spawn *s);

// A descriptor that can be read from once the process PID has ended; the caller's. -1 with errno; ENOSYS: there is no such thing here.
int spore__os_process_fd(pid_t pid);

// ppoll(2): waits for one of FDS, for a signal with MASK in force meanwhile (NULL: as it is), or for TIMEOUT (NULL: without end). As poll(2); where
// the platform has it not, EINTR may also come for nothing.
int spore__os_poll(struct pollfd *fds, unsigned count, const struct timespec *timeout, const sigset_t *mask);

// An advisory lock on an open file, owned by the open file description (flock): gone when the last copy closes.
// With `wait` false: EWOULDBLOCK when another holds it.
int spore__os_lock(int fd, bool exclusive, bool wait);

// The uid of the peer of a connected Unix socket.
int spore__os_peer_uid(int fd, uid_t *uid);

// Pipe and socket pair, close-on-exec from the first moment (plain POSIX: as soon as possible).
int spore__os_pipe(int fds[2]);
// What to poll a socket for to hear that its peer sends no more, though what it sent was not read (Linux). 0: only that it is gone is heard.
short spore__os_hang_up(void);
int spore__os_socketpair(int fds[2]);

// Anonymous memory of a fixed size, zeroed; close-on-exec. Where the system has none (plain POSIX): ENOSYS.
int spore__os_memory(size_t size);
// Has memory put behind all of it now, so that touching it cannot fail.
int spore__os_memory_reserve(int fd, size_t size);
// Another descriptor of the memory FD, with which it can only be read; close-on-exec. Plain POSIX has no such memory: ENOSYS.
int spore__os_for_reading(int fd);
// The size of the memory FD, which nobody can make smaller, nor, where it is PUBLISHED, write to but who has done so before. -1: it is none such.
int64_t spore__os_memory_size(int fd, bool published);

// Makes a pipe take SIZE bytes where that is allowed (0: leaves it). Returns how many it takes; 0 where that cannot be told (plain POSIX).
size_t spore__os_pipe_grow(int fd, size_t size);

// Moves at most SIZE bytes without copying them; one of the two is a pipe. Does not wait where the descriptors do not. How many; 0: end of
// file. EINVAL: not between these two. Plain POSIX: ENOSYS.
ssize_t spore__os_splice(int from, int to, size_t size);

// Lets the pipe TO have what is in the pipe FROM as well, at most SIZE bytes, without taking any of it away. Does not wait. As of splice.
ssize_t spore__os_tee(int from, int to, size_t size);

// Copies by sharing blocks or in the kernel; ENOTSUP where it cannot, then copy by hand.
int spore__os_copy(int from, int to, off_t size);

// The path of the running program, malloc'ed; NULL with errno when it cannot be told.
char *spore__os_self(void);

// A folder that everyone may write to and that is kept in memory, so that short-lived files never wait for a disk; NULL when there
// is none (plain POSIX: never known).
const char *spore__os_memory_folder(void);

// Is any process of this user executing a file below DIR? Plain POSIX: false, so that locks alone decide.
bool spore__os_in_use(const char *dir);

// SIGKILL to each process that has NAME=VALUE in the environment it started with (a mark that a build's processes
// carry, whatever session they moved to). Returns how many signals that took, 0 when there was none: one that is slow to die
// may be counted twice. Plain POSIX: 0.
int spore__os_kill_marked(const char *name, const char *value);

// Likewise for each process whose variable NAME has a value that MATCHES says true of; many values cost one look at each process.
int spore__os_kill_matching(const char *name, bool (*matches)(void *arg, const char *value), void *arg);

// From now on orphans among the caller's descendants become its own children. Plain POSIX: ENOTSUP.
int spore__os_adopt_orphans(void);

// SIGKILL to each child of the caller. Returns how many there were. Plain POSIX: 0.
int spore__os_kill_children(void);

struct spore__process {
	pid_t pid, parent;
	uint64_t cpu_us;    // user and system time of it, and of those children that it waited for
	int64_t memory_kib; // resident
};

// Calls FN for each process that can be seen, about 10 us each. False where there is no such list (plain POSIX).
bool spore__os_processes(void (*fn)(void *arg, const struct spore__process *p), void *arg);

// Does PATH lie on a file system of the network, whose locks and sockets cannot be trusted? 1 or 0, -1 with errno.
// Plain POSIX: 0.
int spore__os_on_network(const char *path);

// Closes each descriptor from FROM on.
void spore__os_close_from(int from);

// Names the time since the machine started, into OUT of 40 bytes; monotonic clocks compare within one. "" where it cannot be told (plain
// POSIX).
void spore__os_boot_id(char out[40]);

// Memory of this process that no other shares, in KiB; -1 where it cannot be told (plain POSIX).
long spore__os_private_kib(void);

// Waits for changes below paths. Linux: inotify on the folders. Plain POSIX: looks every 250 ms.
struct spore__watch;
struct spore__watch *spore__os_watch_create(void);
void spore__os_watch_destroy(struct spore__watch *w);
int spore__os_watch_add(struct spore__watch *w, const char *path); // a file, or a folder with its files (not theirs)
int spore__os_watch_add_written(struct spore__watch *w, const char *folder); // also when its files are written to
// Blocks until something may have changed, TIMEOUT_MS passed (-1: no limit) or a signal came.
// 1: changed, 0: timeout, -1 with EINTR or another error.
int spore__os_watch_wait(struct spore__watch *w, int timeout_ms);
// The same until the reader of the pipe or socket, or the terminal, behind FD is gone: 2.
int spore__os_watch_wait_or_gone(struct spore__watch *w, int fd, int timeout_ms);

#endif
