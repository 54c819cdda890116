#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/tasks.h"

enum {
	MEASURED =
	    100, // more tasks than that are listed without their use of the machine, which takes longer than all the rest
	COLUMNS = 9,
};

static const struct spore__option options[] = {
    {"all", 'a', NULL, "list those too that are not wanted and do not run", 0, NULL},
    {"usage", 'u', NULL, "measure CPU and MEM of more than 100 tasks too", 0, NULL},
    {"json", 0, NULL, "print a JSON array of tasks; times are nanoseconds since 1970", 0, NULL},
    {"names", 0, NULL, "print only the names, nothing when no node runs, and no errors (for completion)", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore ps -a", "all tasks, how they ended, and why those wait that wait"},
    {"spore ps shop", "the tasks of the system shop"},
    {"spore ps --json", "for programs"},
    {0},
};

static const char *const heads[COLUMNS] = {"NAME", "STATE", "PID", "RUN", "RESTARTS", "AGE", "CPU", "MEM", "WHY"};

struct row {
	size_t cells[COLUMNS]; // where they begin in the text of all
};

// A cell of the text is all between its beginning and a NUL.
static void number_cell(struct spore__buf *text, int64_t n)
{
	if (n != 0)
		spore__buf_int(text, n);
	else
		spore__buf_char(text, '-');
}

static void fill_cell(struct spore__buf *text, size_t column, const struct spore__task_info *t,
                      const struct spore__usage *usage)
{
	char small[32] = "-";
	switch (column) {
	case 0:
		spore__buf_str(text, t->name);
		break;
	case 1:
		spore__buf_str(text, t->state);
		break;
	case 2:
		number_cell(text, t->hold.pid);
		break;
	case 3:
		number_cell(text, t->hold.run);
		break;
	case 4:
		spore__buf_int(text, t->hold.restarts);
		break;
	case 5:
		spore__task_age_text(t, small, sizeof small);
		spore__buf_str(text, small);
		break;
	case 6:
		if (usage != NULL && usage->processes > 0)
			spore__cpu_text(usage->cpu_us, small, sizeof small);
		spore__buf_str(text, small);
		break;
	case 7:
		if (usage != NULL && usage->processes > 0)
			spore__memory_text(usage->memory_kib, small, sizeof small);
		spore__buf_str(text, small);
		break;
	default:;
		char *note = spore__task_note(t);
		spore__buf_str(text, note);
		free(note);
	}
}

// Columns of standard output; 0: no terminal, and nothing is cut off.
static size_t screen_width(void)
{
	struct winsize size;
	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static bool is_right(size_t column)
{
	return column >= 2 && column <= 7;
}

static void spaces(struct spore__buf *out, size_t count)
{
	static const char some[] = "                ";
	for (size_t n; count > 0; count -= n) {
		n = count < sizeof some - 1 ? count : sizeof some - 1;
		spore__buf_add(out, some, n);
	}
}

// The last column ends where the screen does, between characters.
static size_t fitting(const char *text, size_t used, size_t screen)
{
	size_t len = strlen(text), room = screen == 0 ? len : screen > used ? screen - used : 0;
	if (room >= len)
		return len;
	while (room > 0 && ((unsigned char)text[room] & 0xc0) == 0x80)
		room--;
	return room;
}

static void put_line(struct spore__buf *out, const char *const *cells, const size_t *widths, size_t screen,
                     const char *colour)
{
	size_t used = 0;
	for (size_t c = 0; c + 1 < COLUMNS; c++) {
		size_t len = strlen(cells[c]);
		if (is_right(c))
			spaces(out, widths[c] - len);
		if (c == 1)
			spore__buf_str(out, colour);
		spore__buf_add(out, cells[c], len);
		if (c == 1 && colour[0] != '\0')
			spore__buf_str(out, "\033[0m");
		if (!is_right(c))
			spaces(out, widths[c] - len);
		spaces(out, 2);
		used += widths[c] + 2;
	}
	spore__buf_add(out, cells[COLUMNS - 1], fitting(cells[COLUMNS - 1], used, screen));
	while (out->len > 0 && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	spore__buf_char(out, '\n');
}

static void print_table(const struct spore__task_list *list, const struct spore__usage *usage)
{
	struct row *rows = spore__xcalloc(list->count + 1, sizeof *rows);
	size_t widths[COLUMNS];
	const char *cells[COLUMNS];
	bool colour = spore__may_colour();
	size_t screen = screen_width();
	struct spore__buf text = {0}, out = {0};
	for (size_t c = 0; c < COLUMNS; c++)
		widths[c] = strlen(heads[c]);
	for (size_t i = 0; i < list->count; i++)
		for (size_t c = 0; c < COLUMNS; c++) {
			size_t at = rows[i].cells[c] = text.len;
			fill_cell(&text, c, &list->items[i], usage != NULL ? &usage[i] : NULL);
			if (text.len - at > widths[c])
				widths[c] = text.len - at;
			spore__buf_char(&text, '\0');
		}
	put_line(&out, heads, widths, screen, "");
	for (size_t i = 0; i < list->count; i++) {
		for (size_t c = 0; c < COLUMNS; c++)
			cells[c] = text.data + rows[i].cells[c];
		put_line(&out, cells, widths, screen, colour ? spore__state_colour(list->items[i].state) : "");
	}
	(void)fputs(out.data, stdout);
	spore__buf_finish(&text);
	spore__buf_finish(&out);
	free(rows);
}

static void print_json(const struct spore__task_list *list, const struct spore__usage *usage)
{
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	spore__json_open(&j, NULL, '[');
	for (size_t i = 0; i < list->count; i++)
		spore__task_json(&j, NULL, &list->items[i], usage != NULL ? &usage[i] : NULL);
	spore__json_close(&j, ']');
	puts(out.data);
	spore__buf_finish(&out);
}

// NULL: not measured.
static struct spore__usage *measure(const struct spore__task_list *list, bool wanted)
{
	if (list->count > MEASURED && !wanted)
		return NULL;
	struct spore__usage *usage = spore__xcalloc(list->count + 1, sizeof *usage);
	for (size_t i = 0; i < list->count; i++)
		spore__task_usage(&list->items[i], &usage[i]);
	if (spore__usage_measure(usage, list->count))
		return usage;
	free(usage);
	return NULL;
}

static int names(const struct spore__args *args)
{
	struct spore__tasks t;
	struct spore__task_list list = {0};
	// Completion happens in the middle of a command line: not a word about failures.
	if (freopen("/dev/null", "w", stderr) == NULL || spore__tasks_open(&t, "ps", false) != 0)
		return SPORE__EXIT_OK;
	if (spore__tasks_list(&t, args->operands[0], true, &list) == SPORE_OK)
		for (size_t i = 0; i < list.count; i++)
			puts(list.items[i].name);
	spore__task_list_finish(&list);
	spore__tasks_close(&t);
	return SPORE__EXIT_OK;
}

static int run(const struct spore__args *args)
{
	struct spore__tasks t;
	struct spore__task_list list = {0};
	if (spore__args_has(args, "names"))
		return names(args);
	int status = spore__tasks_open(&t, "ps", true);
	if (status != 0)
		return status;
	enum spore_err err = spore__tasks_list(&t, args->operands[0], spore__args_has(args, "all"), &list);
	if (err != SPORE_OK) {
		status = spore__tasks_failed(&t, err);
	} else {
		struct spore__usage *usage = measure(&list, spore__args_has(args, "usage"));
		if (spore__args_has(args, "json"))
			print_json(&list, usage);
		else
			print_table(&list, usage);
		free(usage);
	}
	spore__task_list_finish(&list);
	spore__tasks_close(&t);
	return status;
}

const struct spore__command spore__command_ps = {
    .name = "ps",
    .operands = "[SYSTEM]",
    .summary = "list the tasks",
    .text =
        "Columns: *NAME*; *STATE*: defined (never started), waiting (for what *WHY* says, or between two runs), "
        "scheduled, starting, running (it is ready), stopping, ended (as it should), stopped (because it was asked "
        "to), "
        "failed; *PID* of the program; the number of its *RUN*; *RESTARTS* since it was started; *AGE*: since when it "
        "is "
        "ready, is started, or has ended; *CPU*: processor time of everything that it runs now; *MEM*: memory of all "
        "that, what processes share counted for each; *WHY*: what it waits for, why it failed, how the last run ended, "
        "what the program says it is doing.",
    .options = options,
    .examples = examples,
    .max_operands = 1,
    .run = run,
};
