// What `spore top` shows: the tasks and what they used since the look before.
#ifndef SPORE_SHOW_MODEL_H
#define SPORE_SHOW_MODEL_H

#include <stdbool.h>

#include "node/tasks_client.h"
#include "task/usage.h"

enum spore__top_order { SPORE__TOP_CPU, SPORE__TOP_MEMORY, SPORE__TOP_LOG, SPORE__TOP_NAME };

struct spore__top_file { // of a log
	char name[48];
	int64_t size;
};

struct spore__top_row {
	struct spore__task_info task;
	struct spore__usage usage;
	double cpu;      // percent of one processor
	double log_rate; // bytes per second, as they are on disk
	bool measured;   // there was a look before, and processes can be listed
	struct spore__top_file *files;
	size_t file_count;
};

struct spore__top {
	struct spore__tasks tasks;
	struct spore__top_row *rows; // ordered
	size_t count;
	enum spore__top_order order;
	bool all;
	int64_t looked_at; // monotonic ns; 0: never
	char *logs;        // the folder of all logs
	char error[512];   // why the last look failed; "": it did not
};

// Connects to the node. 0, or the exit status after a report.
int spore__top_init(struct spore__top *top);
void spore__top_finish(struct spore__top *top);

// Looks: rows are new, measured against those before. False, with `error` set and the rows as they were, when the node cannot be asked.
bool spore__top_look(struct spore__top *top);

void spore__top_sort(struct spore__top *top);

// The columns, as text for a table.
enum { SPORE__TOP_COLUMNS = 9 };
extern const char *const spore__top_heads[SPORE__TOP_COLUMNS];
bool spore__top_is_right(size_t column); // aligned so
void spore__top_cell(const struct spore__top_row *row, size_t column, char *out, size_t size);
// The line above the table.
void spore__top_summary(const struct spore__top *top, char *out, size_t size);

#endif
