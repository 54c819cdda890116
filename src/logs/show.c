#include "logs/show.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "logs/follow.h"
#include "logs/source.h"

enum { OPEN_AT_ONCE = 64 }; // logs that keep their file and bytes while their turn has not come

struct task;

// One generation of a task.
struct part {
	struct task *task;
	struct spore__source source;
	struct spore__lines lines;
	struct spore__log_origin origin;
	struct spore__log_print *print;
};

struct task {
	struct spore__hold_name name;
	char *folder, *label;
	unsigned color;
	struct spore__log_files files;
	struct part **parts;
	size_t count, cap;
	uint64_t newest; // generation that has been met
};

struct shown {
	struct spore__show *show;
	struct spore__log_clock clock;
	struct task **tasks;
	size_t count, cap;
	struct part **heap; // those whose next block is known, the earliest first
	size_t ready, heap_cap;
	bool prefixes;
};

// ---- the heap

static bool before(const struct part *a, const struct part *b)
{
	return a->source.key < b->source.key;
}

static void push(struct shown *s, struct part *part)
{
	if (s->ready == s->heap_cap) {
		s->heap_cap = s->heap_cap > 0 ? 2 * s->heap_cap : 16;
		s->heap = spore__xrealloc(s->heap, s->heap_cap * sizeof(struct part *));
	}
	size_t at = s->ready++;
	for (; at > 0 && before(part, s->heap[(at - 1) / 2]); at = (at - 1) / 2)
		s->heap[at] = s->heap[(at - 1) / 2];
	s->heap[at] = part;
}

// Puts PART in the place of the first.
static void sink(struct shown *s, struct part *part)
{
	size_t at = 0;
	for (size_t child; (child = 2 * at + 1) < s->ready; at = child) {
		if (child + 1 < s->ready && before(s->heap[child + 1], s->heap[child]))
			child++;
		if (!before(s->heap[child], part))
			break;
		s->heap[at] = s->heap[child];
	}
	s->heap[at] = part;
}

static void pop(struct shown *s)
{
	struct part *last = s->heap[--s->ready];
	if (s->ready > 0)
		sink(s, last);
}

// ---- parts

static void record(void *arg, const struct spore__record *r)
{
	struct part *part = arg;
	spore__log_print_record(part->print, &part->origin, r);
}

static struct part *add_part(struct shown *s, struct task *t, uint64_t generation)
{
	struct part *part = spore__xcalloc(1, sizeof *part);
	spore__source_init(&part->source, &t->files, &s->clock, generation,
	                   spore__log_files_next(&t->files, generation, 0));
	spore__lines_init(&part->lines, record, part);
	part->task = t;
	part->print = &s->show->print;
	part->origin = (struct spore__log_origin){.system = t->name.system,
	                                          .task = t->name.task,
	                                          .replica = t->name.replica,
	                                          .generation = generation,
	                                          .boot = "",
	                                          .name = s->prefixes ? t->label : NULL,
	                                          .color = t->color,
	                                          .id = part};
	if (t->count == t->cap) {
		t->cap = t->cap > 0 ? 2 * t->cap : 4;
		t->parts = spore__xrealloc(t->parts, t->cap * sizeof(struct part *));
	}
	t->parts[t->count++] = part;
	return part;
}

static void destroy_part(struct part *part)
{
	spore__source_finish(&part->source);
	spore__lines_finish(&part->lines);
	free(part);
}

static void remove_part(struct part *part)
{
	struct task *t = part->task;
	for (size_t i = 0; i < t->count; i++)
		if (t->parts[i] == part)
			t->parts[i] = t->parts[--t->count];
	destroy_part(part);
}

// Nothing more comes of it.
static void end_part(struct part *part)
{
	if (spore__source_was_cut(&part->source))
		spore__lines_gap(&part->lines, "the log ends without its end: its hold was killed, and what it had "
		                               "not written yet is lost");
	spore__lines_flush(&part->lines);
	remove_part(part);
}

static void feed(struct part *part)
{
	struct spore__source *source = &part->source;
	part->origin.boot = source->boot < SPORE__BOOTS ? source->clock->boots[source->boot].id : "";
	if (spore__lines_feed(&part->lines, &source->block) != SPORE_OK)
		spore__die(SPORE__EXIT_SPORE, NULL, "logs: out of memory");
	spore__source_pass(source);
}

// Into the heap when it has a next block, away when it has none for ever.
static void place(struct shown *s, struct part *part)
{
	switch (spore__source_look(&part->source)) {
	case SPORE__SOURCE_READY:
		if (s->ready >= OPEN_AT_ONCE)
			spore__source_rest(&part->source, true);
		push(s, part);
		break;
	case SPORE__SOURCE_WAIT:
		spore__source_rest(&part->source, false);
		break;
	case SPORE__SOURCE_OVER:
		end_part(part);
		break;
	}
}

static void merge(struct shown *s)
{
	while (s->ready > 0) {
		struct part *part = s->heap[0];
		enum spore__source_state state = spore__source_look(&part->source); // again, if it had to rest
		if (state == SPORE__SOURCE_READY) {
			feed(part);
			state = spore__source_look(&part->source);
		}
		if (state == SPORE__SOURCE_READY) {
			sink(s, part);
			continue;
		}
		pop(s);
		place(s, part);
	}
}

// ---- tasks

static char *label_of(const struct spore__hold_name *name)
{
	char folder[SPORE__HOLD_NAME];
	spore__log_folder_format(name, folder);
	return name->system[0] != '\0' ? spore__xasprintf("%s/%s", name->system, folder) : spore__xstrdup(folder);
}

static struct task *find_task(const struct shown *s, const char *folder)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->tasks[i]->folder, folder) == 0)
			return s->tasks[i];
	return NULL;
}

static void add_task(struct shown *s, const struct spore__log_name *name)
{
	struct task *t = spore__xcalloc(1, sizeof *t);
	t->name = name->name;
	t->folder = spore__xstrdup(name->folder);
	t->label = label_of(&name->name);
	t->color = (unsigned)s->count;
	spore__log_files_init(&t->files, -1);
	if (s->count == s->cap) {
		s->cap = s->cap > 0 ? 2 * s->cap : 16;
		s->tasks = spore__xrealloc(s->tasks, s->cap * sizeof(struct task *));
	}
	s->tasks[s->count++] = t;
}

// The parts that there are not yet. True when the folder is open.
static bool refresh_task(struct shown *s, struct task *t)
{
	bool gone = false;
	if (t->files.dir < 0)
		t->files.dir = open(t->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->files.dir < 0)
		return false;
	if (spore__log_files_refresh(&t->files, &gone) || gone) {
		for (size_t i = 0; i < t->files.count; i++) {
			uint64_t generation = t->files.items[i].generation;
			if (generation > t->newest) {
				t->newest = generation;
				(void)add_part(s, t, generation);
			}
		}
	}
	return !gone;
}

// The folder was removed: what is open of it has been read to its end, and another may be in its place.
static void forget_folder(struct task *t)
{
	for (size_t i = 0; i < t->count; i++) {
		spore__lines_flush(&t->parts[i]->lines);
		destroy_part(t->parts[i]);
	}
	t->count = 0;
	spore__log_files_finish(&t->files);
	t->newest = 0;
}

static void place_task(struct shown *s, struct task *t)
{
	for (size_t i = t->count; i-- > 0;)
		place(s, t->parts[i]);
}

static void resolve(struct shown *s, struct spore__log_names *names, bool start)
{
	spore__log_names_resolve(names, s->show->state, s->show->names, start);
	s->prefixes =
	    s->prefixes || names->count + names->unknown.count > 1 || (s->show->follow && s->show->names[0] == NULL);
	for (size_t i = 0; i < names->count; i++)
		if (find_task(s, names->items[i].folder) == NULL)
			add_task(s, &names->items[i]);
	for (size_t i = 0; i < s->count; i++)
		for (size_t k = 0; k < s->tasks[i]->count; k++)
			s->tasks[i]->parts[k]->origin.name = s->prefixes ? s->tasks[i]->label : NULL;
}

// ---- the last records

// Goes back from the newest file until there are enough records from there on.
static void seek_last(struct part *part, uint64_t first, uint64_t wanted)
{
	const struct spore__log_files *f = part->source.files;
	struct spore__log_print *p = part->print;
	uint64_t number = 0;
	p->count = 0;
	for (size_t i = f->count; i-- > 0 && p->count < wanted;) {
		if (f->items[i].generation != part->source.generation || f->items[i].number < first)
			continue;
		struct part one = {.print = p, .origin = part->origin};
		number = f->items[i].number;
		spore__source_init(&one.source, part->source.files, part->source.clock, part->source.generation,
		                   number);
		one.source.last_file = number;
		spore__lines_init(&one.lines, record, &one);
		while (spore__source_look(&one.source) == SPORE__SOURCE_READY)
			feed(&one);
		spore__source_finish(&one.source);
		spore__lines_finish(&one.lines);
	}
	if (number != 0) {
		spore__source_finish(&part->source);
		part->source.number = number;
	}
}

// A part like this one, read to its end for its records to be counted.
static uint64_t count_part(const struct part *part)
{
	struct part copy = {.print = part->print, .origin = part->origin};
	copy.print->count = 0;
	spore__source_init(&copy.source, part->source.files, part->source.clock, part->source.generation,
	                   part->source.number);
	spore__lines_init(&copy.lines, record, &copy);
	while (spore__source_look(&copy.source) == SPORE__SOURCE_READY)
		feed(&copy);
	if (spore__source_was_cut(&copy.source))
		spore__lines_gap(&copy.lines, "");
	if (!copy.source.clock->follow)
		spore__lines_flush(&copy.lines);
	spore__source_finish(&copy.source);
	spore__lines_finish(&copy.lines);
	return copy.print->count;
}

// Leaves it to the printer to pass over what comes before the last records.
static void prepare_last(struct shown *s)
{
	struct spore__log_print *p = &s->show->print;
	uint64_t last = (uint64_t)s->show->last, all = 0;
	p->counting = true;
	for (size_t i = 0; i < s->count; i++) {
		for (size_t k = 0; k < s->tasks[i]->count; k++) {
			struct part *part = s->tasks[i]->parts[k];
			// up to three more: what a file begins with may be the rest of a line of each stream
			seek_last(part, part->source.number, last + 3);
			all += count_part(part);
		}
	}
	p->counting = false;
	p->skip = all > last ? all - last : 0;
}

static void prepare(struct shown *s)
{
	for (size_t i = 0; i < s->count; i++) {
		(void)refresh_task(s, s->tasks[i]);
		for (size_t k = 0; k < s->tasks[i]->count && s->show->print.since > 0; k++)
			spore__source_seek(&s->tasks[i]->parts[k]->source, s->show->print.since);
	}
	if (s->show->last >= 0)
		prepare_last(s);
	for (size_t i = 0; i < s->count; i++)
		place_task(s, s->tasks[i]);
}

// ---- what comes later

static bool is_pending(const struct shown *s)
{
	for (size_t i = 0; i < s->count; i++)
		for (size_t k = 0; k < s->tasks[i]->count; k++)
			if (spore__lines_pending(&s->tasks[i]->parts[k]->lines))
				return true;
	return false;
}

// What a program asks without ending its line is shown to a person who waits.
static void flush_pending(struct shown *s)
{
	for (size_t i = 0; i < s->count; i++)
		for (size_t k = 0; k < s->tasks[i]->count; k++)
			spore__lines_flush(&s->tasks[i]->parts[k]->lines);
}

// True: look again, without waiting.
static bool catch_up(struct shown *s, struct spore__follow *follow)
{
	bool again = false;
	for (size_t i = 0; i < s->count; i++) {
		spore__follow_add(follow, s->tasks[i]->folder);
		(void)refresh_task(s, s->tasks[i]);
		place_task(s, s->tasks[i]);
	}
	merge(s);
	for (size_t i = 0; i < s->count; i++) {
		struct task *t = s->tasks[i];
		bool gone = false;
		(void)spore__log_files_refresh(&t->files, &gone);
		if (!gone)
			continue;
		forget_folder(t);
		spore__follow_remove(follow, t->folder);
		again = true;
	}
	spore__log_print_flush(&s->show->print);
	return again;
}

static void follow_on(struct shown *s, struct spore__follow *follow, struct spore__log_names *names)
{
	enum { PATIENCE_MS = 1000 };
	for (;;) {
		if (spore__follow_has_changed(follow))
			resolve(s, names, false);
		if (catch_up(s, follow))
			continue;
		bool ask = s->show->print.terminal && is_pending(s);
		switch (spore__follow_wait(follow, STDOUT_FILENO, ask ? PATIENCE_MS : -1)) {
		case SPORE__FOLLOW_GONE:
			return;
		case SPORE__FOLLOW_TIMEOUT:
			flush_pending(s);
			spore__log_print_flush(&s->show->print);
			break;
		case SPORE__FOLLOW_CHANGED:
			break;
		}
	}
}

static void destroy(struct shown *s)
{
	for (size_t i = 0; i < s->count; i++) {
		forget_folder(s->tasks[i]);
		free(s->tasks[i]->parts);
		free(s->tasks[i]->folder);
		free(s->tasks[i]->label);
		free(s->tasks[i]);
	}
	free(s->tasks);
	free(s->heap);
}

void spore__show_run(struct spore__show *show)
{
	struct shown s = {.show = show};
	struct spore__log_names names = {0};
	struct spore__follow follow;
	if (show->follow)
		spore__follow_init(&follow, show->state);
	spore__log_clock_init(&s.clock, show->follow);
	resolve(&s, &names, true);
	if (names.unknown.count > 0 && !show->follow)
		spore__die(SPORE__EXIT_SPORE, names.remedy, "logs: %s", names.why);
	for (size_t i = 0; i < names.unknown.count; i++)
		spore__report(NULL, "logs: %s: there is no such task yet: waiting for it", names.unknown.items[i]);
	for (size_t i = 0; show->follow && i < s.count; i++)
		spore__follow_add(&follow, s.tasks[i]->folder);
	prepare(&s);
	merge(&s);
	spore__log_print_flush(&show->print);
	if (show->follow) {
		follow_on(&s, &follow, &names);
		spore__follow_finish(&follow);
	}
	spore__log_print_end(&show->print);
	spore__log_print_flush(&show->print);
	destroy(&s);
	spore__log_names_finish(&names);
}
