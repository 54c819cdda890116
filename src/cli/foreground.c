#include "cli/foreground.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/control.h"
#include "os/os.h"
#include "source/client.h"

extern char **environ;

// What a person or another program may send to spore when it is meant for the program.
static const int forwarded[] = {SIGHUP, SIGTERM, SIGUSR1, SIGUSR2, SIGINT, SIGQUIT, SIGALRM};
// What the terminal sends to the whole group: the program acts on it, and spore follows what it does.
static const int stops[] = {SIGTSTP, SIGTTIN, SIGTTOU};

static volatile sig_atomic_t pending[64]; // sent to spore by a process, to be forwarded
static volatile sig_atomic_t from_terminal_int;
static volatile sig_atomic_t end_asked;
static sigset_t normal_mask;

static void on_forwarded(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (sig == SIGINT || sig == SIGTERM || sig == SIGHUP)
		end_asked = 1;
	// The kernel's own (the terminal's keys, a hang-up) go to every process of the group; only what one sent is passed on.
	if (info->si_code == SI_USER || info->si_code == SI_QUEUE)
		pending[sig] = 1;
	else if (sig == SIGINT)
		from_terminal_int = 1;
}

static void on_nothing(int sig)
{
	(void)sig; // only to interrupt the wait; the default would stop spore although the program may go on
}

static void handle(int sig, bool forward, sigset_t *mask)
{
	struct sigaction action = {0};
	// What was ignored stays so, for the program too (nohup).
	if (sigaction(sig, NULL, &action) != 0 || (action.sa_handler == SIG_IGN && sig != SIGCHLD))
		return;
	action = (struct sigaction){.sa_flags = forward ? SA_SIGINFO : 0};
	if (forward)
		action.sa_sigaction = on_forwarded;
	else
		action.sa_handler = on_nothing;
	(void)sigaction(sig, &action, NULL);
	(void)sigaddset(mask, sig);
}

void spore__foreground_init(void)
{
	sigset_t ours;
	(void)sigemptyset(&ours);
	for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
		handle(forwarded[i], true, &ours);
	for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
		handle(stops[i], false, &ours);
	handle(SIGCHLD, false, &ours);
	(void)sigprocmask(SIG_BLOCK, &ours, &normal_mask);
}

static bool is_ours(const char *variable)
{
	return strncmp(variable, "SPORE_FD=", 9) == 0 || strncmp(variable, "SPORE_TASK=", 11) == 0 ||
	       strncmp(variable, "SPORE_PORTS=", 12) == 0;
}

static const char **environment(struct spore__strs *owned)
{
	size_t count = 0;
	while (environ[count] != NULL)
		count++;
	const char **env = spore__xmalloc((count + owned->count + 1) * sizeof *env);
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		if (!is_ours(environ[i]))
			env[n++] = environ[i];
	for (size_t i = 0; i < owned->count; i++)
		env[n++] = owned->items[i];
	env[n] = NULL;
	return env;
}

static _Noreturn void cannot_execute(const char *path)
{
	int why = errno;
	const char *remedy = why == EACCES    ? "check its permissions, and that the file system allows execution"
	                     : why == ENOENT  ? "the interpreter or loader that it names is not installed"
	                     : why == E2BIG   ? "give it fewer arguments, or a smaller environment"
	                     : why == ENOEXEC ? "it is not a program of this machine; name the interpreter in a #! line"
	                                      : NULL;
	spore__die(SPORE__EXIT_NOT_RUNNABLE, remedy, "cannot start %s: %s", path, strerror(why));
}

void spore__foreground_start(struct spore__foreground *f, const struct spore__launch *start)
{
	*f = (struct spore__foreground){.control = -1};
	struct spore__strs own = {0};
	int ends[2] = {-1, -1};
	spore__strs_addf(&own, "SPORE_TASK=%s", start->name);
	for (size_t i = 0; i < start->env.count; i++)
		spore__strs_add(&own, start->env.items[i]);
	if (start->control) {
		if (spore__os_socketpair(ends) != 0)
			spore__die(SPORE__EXIT_SPORE, "raise the limit of open files (ulimit -n)",
			           "cannot make a control channel: %s", strerror(errno));
		spore__strs_addf(&own, "SPORE_FD=%d", ends[1]);
	}
	const char **env = environment(&own);
	struct spore__spawn spawn = {
	    .argv = (const char *const *)start->argv.items,
	    .envp = env,
	    .cwd = start->cwd,
	    .fds = {-1, -1, -1},
	    .pass = &ends[1],
	    .pass_count = start->control ? 1 : 0,
	    .die_with_parent = true,
	};
	// The program begins with the mask that spore was started with.
	sigset_t blocked;
	(void)sigprocmask(SIG_SETMASK, &normal_mask, &blocked);
	int r = spore__os_spawn(&spawn, &f->pid);
	int saved = errno;
	(void)sigprocmask(SIG_SETMASK, &blocked, NULL);
	if (ends[1] >= 0)
		close(ends[1]);
	f->control = ends[0];
	free(env);
	spore__strs_finish(&own);
	errno = saved;
	if (r != 0)
		cannot_execute(start->argv.items[0]);
	if (f->control >= 0)
		f->hold = spore__control_create(f->control, start->name);
}

static void pass_on(const struct spore__foreground *f)
{
	for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++) {
		int sig = forwarded[i];
		if (!pending[sig])
			continue;
		pending[sig] = 0;
		if (f->hold != NULL && sig == SIGTERM && spore__control_stop(f->hold))
			continue;
		(void)kill(f->pid, sig);
	}
}

// The program stopped, by ^Z or by itself: so does spore, of the same signal, and the shell sees its job stopped.
static void stop_along(const struct spore__foreground *f, int sig)
{
	const struct sigaction standard = {.sa_handler = SIG_DFL};
	struct sigaction ours;
	sigset_t blocked;
	(void)sigaction(sig, sig == SIGSTOP ? NULL : &standard, &ours);
	(void)sigprocmask(SIG_SETMASK, &normal_mask, &blocked);
	(void)raise(sig);
	(void)sigprocmask(SIG_SETMASK, &blocked, NULL);
	(void)sigaction(sig, sig == SIGSTOP ? NULL : &ours, NULL);
	// Continued. A shell continues the whole group; who continues spore alone means the program.
	(void)kill(f->pid, SIGCONT);
}

// One non-blocking look at the child. True when it ended.
static bool look(struct spore__foreground *f, int *status)
{
	spore__build_reap();
	for (;;) {
		pid_t pid = waitpid(f->pid, status, WNOHANG | WUNTRACED);
		if (pid == 0 || (pid < 0 && errno != EINTR))
			return false;
		if (pid < 0)
			continue;
		if (!WIFSTOPPED(*status))
			return true;
		stop_along(f, WSTOPSIG(*status));
	}
}

static long ms_until(const struct timespec *deadline)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (deadline->tv_sec - now.tv_sec) * 1000 + (deadline->tv_nsec - now.tv_nsec) / 1000000;
}

// Waits for a signal, the control channel or the deadline. False when the deadline has passed.
static bool wait_for_news(struct spore__foreground *f, const struct timespec *deadline)
{
	struct pollfd said = {.fd = f->control, .events = POLLIN};
	struct timespec left = {0};
	if (deadline != NULL) {
		long ms = ms_until(deadline);
		if (ms <= 0)
			return false;
		left = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	}
	int n = spore__os_poll(&said, 1, deadline != NULL ? &left : NULL, &normal_mask);
	if (n > 0 && !spore__control_read(f->hold)) {
		close(f->control);
		f->control = -1;
	}
	return true;
}

// Signals are blocked but in ppoll: lets those in that have come.
static void take_signals(void)
{
	sigset_t ours;
	(void)sigprocmask(SIG_SETMASK, &normal_mask, &ours);
	(void)sigprocmask(SIG_SETMASK, &ours, NULL);
}

bool spore__foreground_wait(struct spore__foreground *f, int deadline_ms, int *status)
{
	struct timespec deadline;
	(void)clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += deadline_ms / 1000;
	deadline.tv_nsec += (long)(deadline_ms % 1000) * 1000000;
	for (;;) {
		// Before the look: a child's end that is told between the look and the wait must still be pending then.
		take_signals();
		if (look(f, status))
			break;
		pass_on(f);
		if (!wait_for_news(f, deadline_ms >= 0 ? &deadline : NULL))
			return false;
	}
	f->interrupted = from_terminal_int != 0;
	if (f->hold != NULL) {
		(void)spore__control_read(f->hold); // its last words
		spore__control_destroy(f->hold);
		f->hold = NULL;
	}
	if (f->control >= 0)
		close(f->control);
	f->control = -1;
	return true;
}

int spore__foreground_stop(struct spore__foreground *f, int grace_ms)
{
	int status = 0;
	if (f->hold == NULL || !spore__control_stop(f->hold))
		(void)kill(f->pid, SIGTERM);
	if (!spore__foreground_wait(f, grace_ms, &status)) {
		(void)kill(f->pid, SIGKILL);
		(void)spore__foreground_wait(f, -1, &status);
	}
	return status;
}

bool spore__foreground_asked_to_end(void)
{
	take_signals();
	return end_asked != 0;
}

void spore__foreground_end(const struct spore__foreground *f, int status)
{
	if (!WIFSIGNALED(status))
		exit(WEXITSTATUS(status));
	int sig = WTERMSIG(status);
	if (sig == SIGINT && f->interrupted) {
		const struct rlimit none = {0, 0};
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)signal(SIGINT, SIG_DFL);
		(void)sigprocmask(SIG_SETMASK, &normal_mask, NULL);
		(void)raise(SIGINT);
	}
	exit(128 + sig);
}
