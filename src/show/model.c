#include "show/model.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fs.h"
#include "base/mem.h"
#include "show/text.h"
#include "task/folder.h"

const char *const spore__top_heads[SPORE__TOP_COLUMNS] = {"NAME", "STATE", "PID", "RESTARTS", "CPU%",
                                                          "MEM",  "LOG/s", "AGE", "WHY"};

int spore__top_init(struct spore__top *top)
{
	*top = (struct spore__top){0};
	int status = spore__tasks_open(&top->tasks, "top", true);
	if (status != 0)
		return status;
	char *state = spore__dirs_state();
	top->logs = spore__fs_join(state, "logs");
	free(state);
	return 0;
}

static void finish_rows(struct spore__top_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		spore__task_info_finish(&rows[i].task);
		free(rows[i].files);
	}
	free(rows);
}

void spore__top_finish(struct spore__top *top)
{
	finish_rows(top->rows, top->count);
	spore__tasks_close(&top->tasks);
	free(top->logs);
	*top = (struct spore__top){0};
}

static int64_t now_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void list_log(const struct spore__top *top, struct spore__top_row *row)
{
	struct spore__hold_name name = {.replica = row->task.replica};
	char folder[SPORE__HOLD_NAME];
	(void)snprintf(name.system, sizeof name.system, "%s", row->task.system);
	(void)snprintf(name.task, sizeof name.task, "%s", row->task.task);
	spore__log_folder_format(&name, folder);
	char *path = spore__xasprintf("%s/%s/%s", top->logs, name.system[0] != '\0' ? name.system : "_", folder);
	DIR *dir = opendir(path);
	free(path);
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		struct stat st;
		size_t len = strlen(e->d_name);
		if (len < 5 || len >= sizeof row->files->name || strcmp(e->d_name + len - 4, ".log") != 0 ||
		    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		row->files = spore__xrealloc(row->files, (row->file_count + 1) * sizeof *row->files);
		struct spore__top_file *f = &row->files[row->file_count++];
		memcpy(f->name, e->d_name, len + 1);
		f->size = st.st_size;
	}
	if (dir != NULL)
		closedir(dir);
}

// How much was added since BEFORE; files that were removed meanwhile take nothing away.
static int64_t growth(const struct spore__top_row *row, const struct spore__top_row *before)
{
	int64_t sum = 0;
	for (size_t i = 0; i < row->file_count; i++) {
		int64_t old = 0;
		for (size_t k = 0; k < before->file_count; k++)
			if (strcmp(before->files[k].name, row->files[i].name) == 0)
				old = before->files[k].size;
		sum += row->files[i].size > old ? row->files[i].size - old : 0;
	}
	return sum;
}

static const struct spore__top_row *find(const struct spore__top *top, const char *name)
{
	for (size_t i = 0; i < top->count; i++)
		if (strcmp(top->rows[i].task.name, name) == 0)
			return &top->rows[i];
	return NULL;
}

static void measure(const struct spore__top *top, struct spore__top_row *row, bool listed, double seconds)
{
	const struct spore__top_row *before = find(top, row->task.name);
	if (before == NULL || seconds <= 0)
		return;
	row->measured = listed;
	// Another run began: what it used is all new.
	bool same = before->task.hold.run == row->task.hold.run && before->usage.cpu_us <= row->usage.cpu_us;
	uint64_t used = row->usage.cpu_us - (same ? before->usage.cpu_us : 0);
	row->cpu = (double)used / 1e4 / seconds;
	row->log_rate = (double)growth(row, before) / seconds;
}

bool spore__top_look(struct spore__top *top)
{
	struct spore__task_list list;
	int64_t now = now_ns();
	enum spore_err err = spore__tasks_list(&top->tasks, NULL, top->all, &list);
	if (err != SPORE_OK) {
		(void)snprintf(top->error, sizeof top->error, "%s", top->tasks.rpc.why);
		spore__task_list_finish(&list);
		return false;
	}
	top->error[0] = '\0';
	struct spore__top_row *rows = spore__xcalloc(list.count + 1, sizeof *rows);
	struct spore__usage *usage = spore__xcalloc(list.count + 1, sizeof *usage);
	for (size_t i = 0; i < list.count; i++)
		spore__task_usage(&list.items[i], &usage[i]);
	bool listed = spore__usage_measure(usage, list.count);
	double seconds = top->looked_at != 0 ? (double)(now - top->looked_at) / 1e9 : 0;
	for (size_t i = 0; i < list.count; i++) {
		rows[i].task = list.items[i]; // taken over
		rows[i].usage = usage[i];
		list_log(top, &rows[i]);
		measure(top, &rows[i], listed, seconds);
	}
	finish_rows(top->rows, top->count);
	top->rows = rows;
	top->count = list.count;
	top->looked_at = now;
	free(list.items);
	free(usage);
	spore__top_sort(top);
	return true;
}

static enum spore__top_order sorted_by;

static int compare(const void *a, const void *b)
{
	const struct spore__top_row *x = a, *y = b;
	double left = sorted_by == SPORE__TOP_CPU      ? x->cpu
	              : sorted_by == SPORE__TOP_MEMORY ? (double)x->usage.memory_kib
	              : sorted_by == SPORE__TOP_LOG    ? x->log_rate
	                                               : 0;
	double right = sorted_by == SPORE__TOP_CPU      ? y->cpu
	               : sorted_by == SPORE__TOP_MEMORY ? (double)y->usage.memory_kib
	               : sorted_by == SPORE__TOP_LOG    ? y->log_rate
	                                                : 0;
	if (left > right || left < right)
		return left > right ? -1 : 1;
	return strcmp(x->task.name, y->task.name);
}

void spore__top_sort(struct spore__top *top)
{
	sorted_by = top->order;
	if (top->count > 0)
		qsort(top->rows, top->count, sizeof *top->rows, compare);
}

bool spore__top_is_right(size_t column)
{
	return column >= 2 && column <= 7;
}

static void number(int64_t n, char *out, size_t size)
{
	(void)snprintf(out, size, n != 0 ? "%lld" : "-", (long long)n);
}

void spore__top_cell(const struct spore__top_row *row, size_t column, char *out, size_t size)
{
	const struct spore__hold_state *s = &row->task.hold;
	(void)snprintf(out, size, "-");
	switch (column) {
	case 0:
		(void)snprintf(out, size, "%s", row->task.name);
		break;
	case 1:
		(void)snprintf(out, size, "%s", row->task.state);
		break;
	case 2:
		number(s->pid, out, size);
		break;
	case 3:
		(void)snprintf(out, size, "%lld", (long long)s->restarts);
		break;
	case 4:
		if (row->measured)
			(void)snprintf(out, size, "%.1f", row->cpu);
		break;
	case 5:
		if (row->usage.processes > 0)
			spore__memory_text(row->usage.memory_kib, out, size);
		break;
	case 6:
		if (row->measured)
			spore__bytes_text(row->log_rate, out, size);
		break;
	case 7:
		spore__task_age_text(&row->task, out, size);
		break;
	default: {
		char *note = spore__task_note(&row->task);
		(void)snprintf(out, size, "%s", note);
		free(note);
	}
	}
}

void spore__top_summary(const struct spore__top *top, char *out, size_t size)
{
	size_t running = 0, failed = 0;
	double cpu = 0, rate = 0;
	int64_t kib = 0;
	for (size_t i = 0; i < top->count; i++) {
		running += top->rows[i].task.hold.pid != 0;
		failed += strcmp(top->rows[i].task.state, "failed") == 0;
		cpu += top->rows[i].cpu;
		rate += top->rows[i].log_rate;
		kib += top->rows[i].usage.memory_kib;
	}
	char memory[32], log[32];
	spore__memory_text(kib, memory, sizeof memory);
	spore__bytes_text(rate, log, sizeof log);
	(void)snprintf(out, size, "%zu tasks, %zu running, %zu failed; cpu %.1f%%, memory %s, logs %s/s", top->count,
	               running, failed, cpu, memory, log);
}
