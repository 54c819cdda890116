// spore-top: the tasks on a full screen, or once as a table. The command line starts it: spore-top [--interval=TIME] [--once] --
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/std.h"
#include "show/screen.h"
#include "system/value.h"

static void print(const struct spore__top *top)
{
	int widths[SPORE__TOP_COLUMNS];
	char cell[512];
	spore__top_summary(top, cell, sizeof cell);
	puts(cell);
	for (size_t c = 0; c < SPORE__TOP_COLUMNS; c++) {
		widths[c] = (int)strlen(spore__top_heads[c]);
		for (size_t i = 0; i < top->count; i++) {
			spore__top_cell(&top->rows[i], c, cell, sizeof cell);
			if ((int)strlen(cell) > widths[c])
				widths[c] = (int)strlen(cell);
		}
	}
	for (size_t i = 0; i <= top->count; i++) {
		for (size_t c = 0; c < SPORE__TOP_COLUMNS; c++) {
			if (i == 0)
				(void)snprintf(cell, sizeof cell, "%s", spore__top_heads[c]);
			else
				spore__top_cell(&top->rows[i - 1], c, cell, sizeof cell);
			if (c + 1 == SPORE__TOP_COLUMNS)
				puts(cell);
			else if (spore__top_is_right(c))
				printf("%*s  ", widths[c], cell);
			else
				printf("%-*s  ", widths[c], cell);
		}
	}
}

static int once(struct spore__top *top, int interval_ms)
{
	struct timespec left = {interval_ms / 1000, interval_ms % 1000 * 1000000L};
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
	if (!spore__top_look(top)) {
		spore__report(NULL, "top: %s", top->error);
		return SPORE__EXIT_SPORE;
	}
	print(top);
	return spore__std_end(SPORE__EXIT_OK);
}

int main(int argc, char **argv)
{
	int64_t interval = 1000;
	bool batch = !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO);
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strncmp(argv[i], "--interval=", 11) == 0) {
			if (!spore__value_duration(argv[i] + 11, &interval) || interval < 100 || interval > 3600000)
				spore__die(SPORE__EXIT_USAGE, "from 100ms to 1h",
				           "top: --interval %s: not a duration that it can be", argv[i] + 11);
		} else if (strcmp(argv[i], "--once") == 0) {
			batch = true;
		} else {
			spore__die(SPORE__EXIT_USAGE, "start it as spore top", "spore-top: unknown option '%s'",
			           argv[i]);
		}
	}
	struct spore__top top;
	int status = spore__top_init(&top);
	if (status != 0)
		return status;
	if (!spore__top_look(&top)) {
		spore__report(NULL, "top: %s", top.error);
		status = SPORE__EXIT_SPORE;
	} else {
		status = batch ? once(&top, (int)interval) : spore__top_screen(&top, (int)interval);
	}
	spore__top_finish(&top);
	return status;
}
