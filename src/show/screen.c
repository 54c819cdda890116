#include "show/screen.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "os/os.h"
#include "show/text.h"

enum { GREEN = 1, YELLOW, RED, CYAN, HEAD_ROWS = 3, TAIL_ROWS = 1, CELL = 512 };

struct screen {
	struct spore__top *top;
	char *chosen; // the name of the task under the cursor; NULL: none yet
	size_t first; // row at the top
	char message[512];
	int action; // reads what the action that runs has to say; -1: none runs
	pid_t action_pid;
	char action_text[512];
	size_t action_len;
	bool colour, quit;
};

static volatile sig_atomic_t ended;

static void on_end(int sig)
{
	(void)sig;
	ended = 1;
}

static int64_t now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// The bytes of TEXT that fill at most ROOM columns, cut between characters.
static int fitting(const char *text, int room)
{
	int columns = 0, i = 0;
	mbstate_t state;
	memset(&state, 0, sizeof state);
	while (text[i] != '\0') {
		wchar_t c;
		size_t n = mbrtowc(&c, text + i, strlen(text + i), &state);
		if (n == 0 || n == (size_t)-1 || n == (size_t)-2)
			break;
		int w = wcwidth(c);
		if (columns + (w > 0 ? w : 0) > room)
			break;
		columns += w > 0 ? w : 0;
		i += (int)n;
	}
	return i;
}

static void put(int y, int x, const char *text)
{
	if (y < 0 || y >= LINES || x < 0 || x >= COLS)
		return;
	int n = fitting(text, COLS - x);
	if (n > 0)
		(void)mvaddnstr(y, x, text, n);
}

static int pair_of(const char *state)
{
	const char *colour = spore__state_colour(state);
	return strstr(colour, "32m") != NULL   ? GREEN
	       : strstr(colour, "33m") != NULL ? YELLOW
	       : strstr(colour, "31m") != NULL ? RED
	       : strstr(colour, "36m") != NULL ? CYAN
	                                       : 0;
}

static void put_cell(const char *text, size_t column, int y, int x, int width)
{
	int room = (int)strlen(text) < width ? width - (int)strlen(text) : 0;
	put(y, spore__top_is_right(column) ? x + room : x, text);
}

static size_t page(void)
{
	return LINES > HEAD_ROWS + TAIL_ROWS ? (size_t)(LINES - HEAD_ROWS - TAIL_ROWS) : 1;
}

// The row of the chosen task; the first one where it is gone.
static size_t cursor(const struct screen *s)
{
	for (size_t i = 0; s->chosen != NULL && i < s->top->count; i++)
		if (strcmp(s->top->rows[i].task.name, s->chosen) == 0)
			return i;
	return 0;
}

static void choose(struct screen *s, size_t row)
{
	free(s->chosen);
	s->chosen = row < s->top->count ? spore__xstrdup(s->top->rows[row].task.name) : NULL;
}

static void widths_of(const struct spore__top *top, int *widths)
{
	char cell[CELL];
	for (size_t c = 0; c < SPORE__TOP_COLUMNS; c++) {
		widths[c] = (int)strlen(spore__top_heads[c]);
		for (size_t i = 0; i < top->count && c + 1 < SPORE__TOP_COLUMNS; i++) {
			spore__top_cell(&top->rows[i], c, cell, sizeof cell);
			if ((int)strlen(cell) > widths[c])
				widths[c] = (int)strlen(cell);
		}
	}
}

static void draw_row(const struct screen *s, const struct spore__top_row *row, int y, const int *widths, bool here)
{
	char cell[CELL];
	int pair = s->colour ? pair_of(row->task.state) : 0;
	if (here)
		(void)attron(A_REVERSE);
	(void)mvhline(y, 0, ' ', COLS);
	for (size_t c = 0, x = 0; c < SPORE__TOP_COLUMNS; x += (size_t)widths[c++] + 2) {
		spore__top_cell(row, c, cell, sizeof cell);
		if (c == 1 && pair != 0)
			(void)attron(COLOR_PAIR(pair));
		put_cell(cell, c, y, (int)x, widths[c]);
		if (c == 1 && pair != 0)
			(void)attroff(COLOR_PAIR(pair));
	}
	if (here)
		(void)attroff(A_REVERSE);
}

static void draw(struct screen *s)
{
	static const char help[] = "s stop  r restart  l logs  sort: c cpu  m memory  g logs  n name  a all  q quit";
	static const char *const orders[] = {"cpu", "memory", "logs", "name"};
	int widths[SPORE__TOP_COLUMNS];
	char line[600];
	size_t at = cursor(s), rows = page();
	if (at < s->first)
		s->first = at;
	if (at >= s->first + rows)
		s->first = at - rows + 1;
	(void)erase();
	spore__top_summary(s->top, line, sizeof line);
	put(0, 0, line);
	(void)snprintf(line, sizeof line, "by %s%s", orders[s->top->order], s->top->all ? ", all" : "");
	put(1, 0, line);
	widths_of(s->top, widths);
	(void)attron(A_BOLD);
	for (size_t c = 0, x = 0; c < SPORE__TOP_COLUMNS; x += (size_t)widths[c++] + 2)
		put_cell(spore__top_heads[c], c, 2, (int)x, widths[c]);
	(void)attroff(A_BOLD);
	for (size_t i = 0; i < rows && s->first + i < s->top->count; i++)
		draw_row(s, &s->top->rows[s->first + i], HEAD_ROWS + (int)i, widths, s->first + i == at);
	put(LINES - 1, 0, s->top->error[0] != '\0' ? s->top->error : s->message[0] != '\0' ? s->message : help);
	(void)refresh();
}

static void begin_screen(struct screen *s)
{
	const char *no = getenv("NO_COLOR");
	(void)cbreak();
	(void)noecho();
	(void)nonl();
	(void)nodelay(stdscr, TRUE);
	(void)keypad(stdscr, TRUE);
	(void)curs_set(0);
	s->colour = (no == NULL || no[0] == '\0') && has_colors() && start_color() == OK;
	if (!s->colour || use_default_colors() != OK)
		return;
	(void)init_pair(GREEN, COLOR_GREEN, -1);
	(void)init_pair(YELLOW, COLOR_YELLOW, -1);
	(void)init_pair(RED, COLOR_RED, -1);
	(void)init_pair(CYAN, COLOR_CYAN, -1);
}

// In a child of its own: it may take as long as the task takes to end, and the screen goes on meanwhile. What it reports goes to
// the last line.
static void act(struct screen *s, const char *method, const char *doing)
{
	int fds[2];
	if (s->chosen == NULL || s->action >= 0 || spore__os_pipe(fds) != 0)
		return;
	(void)snprintf(s->message, sizeof s->message, "%s %s ...", doing, s->chosen);
	s->action_len = 0;
	s->action_pid = fork();
	if (s->action_pid == 0) {
		struct spore__tasks t;
		struct spore__msgpack_writer w = {0};
		(void)dup2(fds[1], STDERR_FILENO);
		if (spore__tasks_open(&t, doing, true) == 0) {
			spore__tasks_put_names(&w, &s->chosen, 1, 0);
			enum spore_err err = spore__tasks_call(&t, method, &w, true, SPORE__TASKS_FOREVER_MS);
			if (err != SPORE_OK)
				(void)spore__tasks_failed(&t, err);
			else
				spore__report(NULL, "%s %s: done", doing, s->chosen);
		}
		_exit(0);
	}
	close(fds[1]);
	s->action = fds[0];
	if (s->action_pid < 0) {
		close(s->action);
		s->action = -1;
		(void)snprintf(s->message, sizeof s->message, "cannot start a process: %s", strerror(errno));
	}
}

static void hear_action(struct screen *s)
{
	char *at = s->action_text + s->action_len;
	ssize_t n = read(s->action, at, sizeof s->action_text - 1 - s->action_len);
	if (n > 0) {
		s->action_len += (size_t)n;
		return;
	}
	close(s->action);
	s->action = -1;
	(void)waitpid(s->action_pid, NULL, 0);
	s->action_text[s->action_len] = '\0';
	for (char *p = s->action_text; *p != '\0'; p++)
		if (*p == '\n')
			*p = ' ';
	(void)snprintf(s->message, sizeof s->message, "%s", s->action_text);
}

// The log of the chosen task on the plain screen, until the user ends it with ctrl-C, which is not for us then.
static void follow(struct screen *s)
{
	if (s->chosen == NULL)
		return;
	char *libexec = spore__dirs_libexec(), *path = spore__fs_join(libexec, "spore-logs");
	const char *argv[] = {path, "--follow", "--lines=50", "--", s->chosen, NULL};
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	pid_t pid;
	(void)def_prog_mode();
	(void)endwin();
	const struct spore__spawn spawn = {.argv = argv, .fds = {-1, -1, -1}, .reset_signals = true};
	if (spore__os_spawn(&spawn, &pid) == 0) {
		(void)sigaction(SIGINT, &ignore, &before);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		(void)sigaction(SIGINT, &before, NULL);
	} else {
		(void)snprintf(s->message, sizeof s->message, "%.300s cannot be started: %s", path, strerror(errno));
	}
	(void)reset_prog_mode();
	(void)clearok(stdscr, TRUE);
	free(path);
	free(libexec);
}

// The chosen task stays so wherever it moved; when it is gone, what is in its row now is chosen: keys mean what is shown.
static void keep_choice(struct screen *s, size_t row)
{
	for (size_t i = 0; s->chosen != NULL && i < s->top->count; i++)
		if (strcmp(s->top->rows[i].task.name, s->chosen) == 0)
			return;
	choose(s, row < s->top->count || s->top->count == 0 ? row : s->top->count - 1);
}

static void sort_by(struct screen *s, enum spore__top_order order)
{
	s->top->order = order;
	spore__top_sort(s->top);
}

// True when a new look is due at once.
static bool take_key(struct screen *s, int key)
{
	size_t at = cursor(s), last = s->top->count > 0 ? s->top->count - 1 : 0;
	s->message[0] = '\0';
	switch (key) {
	case 'q':
	case 'Q':
		s->quit = true;
		break;
	case KEY_UP:
	case 'k':
		choose(s, at > 0 ? at - 1 : 0);
		break;
	case KEY_DOWN:
	case 'j':
		choose(s, at < last ? at + 1 : last);
		break;
	case KEY_PPAGE:
		choose(s, at > page() ? at - page() : 0);
		break;
	case KEY_NPAGE:
		choose(s, at + page() < last ? at + page() : last);
		break;
	case KEY_HOME:
		choose(s, 0);
		break;
	case KEY_END:
		choose(s, last);
		break;
	case 's':
		act(s, "tasks.stop", "stop");
		break;
	case 'r':
		act(s, "tasks.restart", "restart");
		break;
	case 'l':
		follow(s);
		break;
	case 'c':
		sort_by(s, SPORE__TOP_CPU);
		break;
	case 'm':
		sort_by(s, SPORE__TOP_MEMORY);
		break;
	case 'g':
		sort_by(s, SPORE__TOP_LOG);
		break;
	case 'n':
		sort_by(s, SPORE__TOP_NAME);
		break;
	case 'a':
		s->top->all = !s->top->all;
		return true;
	default:
		break;
	}
	return false;
}

static void loop(struct screen *s, int interval_ms)
{
	int64_t next = now_ms() + interval_ms;
	while (!s->quit && ended == 0) {
		draw(s);
		int64_t left = next - now_ms();
		struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = s->action, .events = POLLIN}};
		int n = poll(p, 2, left > 0 ? (int)left : 0);
		if (n > 0 && (p[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0 && (p[0].revents & POLLIN) == 0)
			break; // the terminal is gone
		bool look = now_ms() >= next;
		if (n > 0 && s->action >= 0 && p[1].revents != 0) {
			hear_action(s);
			look = look || s->action < 0;
		}
		for (int key; (key = getch()) != ERR;)
			look = take_key(s, key) || look;
		if (!look)
			continue;
		size_t at = cursor(s);
		(void)spore__top_look(s->top);
		keep_choice(s, at);
		next = now_ms() + interval_ms;
	}
}

int spore__top_screen(struct spore__top *top, int interval_ms)
{
	struct screen s = {.top = top, .action = -1};
	const struct sigaction end = {.sa_handler = on_end};
	(void)setlocale(LC_ALL, "");
	SCREEN *terminal = newterm(NULL, stdout, stdin);
	if (terminal == NULL) {
		spore__report("set TERM, or use spore top --once", "top: this terminal is not known");
		return SPORE__EXIT_SPORE;
	}
	(void)sigaction(SIGINT, &end, NULL);
	(void)sigaction(SIGTERM, &end, NULL);
	(void)sigaction(SIGHUP, &end, NULL);
	begin_screen(&s);
	choose(&s, 0);
	loop(&s, interval_ms);
	(void)endwin();
	delscreen(terminal);
	if (s.action >= 0)
		close(s.action); // what was asked goes on in the node
	free(s.chosen);
	return SPORE__EXIT_OK;
}
