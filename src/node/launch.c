// Starts holds: a folder with the specification, a process, one end of its first connection.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/hold.h"
#include "node/swap_off.h"
#include "node/wires.h"
#include "os/os.h"
#include "task/elsewhere.h"

int spore__hold_open_folder(const struct spore__tasks *t, const struct spore__hold_name *name)
{
	char text[SPORE__HOLD_NAME];
	spore__hold_name_format(name, text);
	return openat(t->holds_dir, text, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

void spore__hold_remove_folder(struct spore__tasks *t, const struct spore__hold_name *name)
{
	char text[SPORE__HOLD_NAME];
	int64_t pid;
	int dir = spore__hold_open_folder(t, name);
	if (dir < 0)
		return;
	int locked = spore__folder_is_locked(dir, &pid);
	if (locked == 0)
		spore__elsewhere_clear(dir);
	close(dir);
	spore__hold_name_format(name, text);
	if (locked == 0)
		spore__gone_take(&t->gone, t->holds_dir, text);
}

// The last generation in the log that a task of this name left behind: its numbers must not be used again.
static int64_t last_logged(const struct spore__tasks *t, const struct spore__task *task)
{
	char path[PATH_MAX], folder[SPORE__HOLD_NAME];
	struct spore__hold_name name;
	int64_t last = 0;
	spore__task_hold_name(task, 1, &name);
	spore__log_folder_format(&name, folder);
	(void)snprintf(path, sizeof path, "%s/logs/%s/%s", t->state, name.system[0] != '\0' ? name.system : "_",
	               folder);
	DIR *d = opendir(path);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		char *end;
		long long n = strtoll(e->d_name, &end, 10);
		if (end != e->d_name && *end == '-' && n > last && n < INT64_MAX)
			last = n;
	}
	if (d != NULL)
		closedir(d);
	return last;
}

// A folder of that name that is there is one that nobody knows: the next number then.
static int make_folder(struct spore__tasks *t, const struct spore__task *task, int64_t *generation, char *text)
{
	struct spore__hold_name name;
	for (int tries = 0; tries < 1000; tries++, ++*generation) {
		spore__task_hold_name(task, *generation, &name);
		spore__hold_name_format(&name, text);
		if (mkdirat(t->holds_dir, text, 0700) == 0)
			return openat(t->holds_dir, text, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (errno != EEXIST)
			break;
	}
	return -1;
}

static int start_process(const struct spore__tasks *t, const struct spore__task *task, const char *hold,
                         const struct spore__hold *before, int theirs)
{
	char folder[PATH_MAX], old[PATH_MAX], old_hold[SPORE__HOLD_NAME], run[24];
	pid_t pid;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -1;
	(void)snprintf(run, sizeof run, "%" PRId64, task->last_run + 1);
	(void)snprintf(folder, sizeof folder, "%s/holds/%s", t->state, hold);
	if (before != NULL) {
		spore__hold_name_format(&before->name, old_hold);
		(void)snprintf(old, sizeof old, "%s/holds/%s", t->state, old_hold);
	}
	const char *argv[6] = {t->program, folder, run}, **to = &argv[3];
	if (before != NULL)
		*to++ = old;
	// While subscribers wait for the next publisher it says nothing before they are joined.
	if (task->swap != SPORE__SWAP_NONE || spore__swap_off_is_for(t, task))
		*to = "beside";
	const struct spore__spawn s = {
	    .argv = argv,
	    .cwd = "/",
	    .fds = {null, null, -1}, // what it cannot say anywhere else goes to the node's log
	    .fourth = theirs,
	    .session = true,
	    .reset_signals = true,
	    .open_files = t->open_files,
	};
	int rc = spore__os_spawn(&s, &pid);
	int saved = errno;
	close(null);
	errno = saved;
	return rc;
}

static bool is_temporary(int err)
{
	return err == EAGAIN || err == ENOMEM || err == EMFILE || err == ENFILE || err == ENOSPC || err == EDQUOT;
}

// What helps, as a half-sentence.
static const char *help(int err)
{
	if (err == EMFILE || err == ENFILE)
		return "; raise the limit of open files (ulimit -n), then spore node restart";
	if (err == EAGAIN)
		return "; there are too many processes: end some, or raise the limit (ulimit -u)";
	return err == ENOSPC || err == EDQUOT ? "; free some space on its disk" : "";
}

bool spore__hold_launch(struct spore__tasks *t, struct spore__task *task, char *why, size_t size, bool *temporary)
{
	struct spore__spec spec;
	struct spore__hold_name old;
	char name[SPORE__HOLD_NAME];
	int64_t generation = 1 + (task->generation > 0 ? task->generation : last_logged(t, task));
	int dir = -1, pair[2] = {-1, -1};
	const char *what = "its specification";
	*temporary = false;
	if (!spore__task_read_spec(t, task, &spec, why, size)) {
		spore__spec_finish(&spec);
		return false;
	}
	bool changed = false; // since it was defined
	if (!spore__plain_wires(t, &spec, &changed, why, size)) {
		spore__spec_finish(&spec);
		return false;
	}
	if (changed)
		spore__task_put_spec(t, task, &spec);
	dir = make_folder(t, task, &generation, name);
	if (dir < 0 || spore__folder_write_spec(dir, &spec) != 0)
		goto failed;
	what = "a connection to its hold";
	if (spore__os_socketpair(pair) != 0)
		goto failed;
	what = t->program;
	if (start_process(t, task, name, spore__plain_is_wired(&spec) ? spore__heirs_before(t, task) : NULL, pair[1]) !=
	    0)
		goto failed;
	close(pair[1]);
	close(dir);
	spore__spec_finish(&spec);
	task->generation = generation;
	struct spore__hold *hold = spore__hold_take(t, task, generation, pair[0]);
	if (hold == NULL)
		hold = spore__hold_adopt(t, task, generation);
	task->hold = hold;
	if (hold == NULL) { // it sees that its first connection ends, and is found when the node starts again
		(void)snprintf(why, size, "out of memory");
		return false;
	}
	if (generation > SPORE__FOLDERS_KEPT) {
		spore__task_hold_name(task, generation - SPORE__FOLDERS_KEPT, &old);
		spore__hold_remove_folder(t, &old);
	}
	return true;
failed:;
	int err = errno;
	*temporary = is_temporary(err);
	(void)snprintf(why, size, "%s: %s%s", what, strerror(err), help(err));
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
	if (dir >= 0) {
		close(dir);
		spore__gone_take(&t->gone, t->holds_dir, name);
	}
	spore__spec_finish(&spec);
	return false;
}
