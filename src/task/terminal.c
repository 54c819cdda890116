// The pseudo-terminal of a program. The hold keeps both sides open: whoever attaches or leaves, the program sees one terminal from start to
// end.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "task/hold.h"

enum { ROWS = 24, COLUMNS = 80 }; // until somebody looks

static int again(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static int set_size(int fd, unsigned short rows, unsigned short columns)
{
	const struct winsize size = {.ws_row = rows, .ws_col = columns};
	return ioctl(fd, TIOCSWINSZ, &size);
}

int spore__hold_terminal_open(struct spore__hold *h, int theirs[3], int mine[3], int *kept)
{
	const char *name;
	mine[1] = posix_openpt(O_RDWR | O_NOCTTY);
	if (mine[1] < 0 || fcntl(mine[1], F_SETFD, FD_CLOEXEC) != 0 || fcntl(mine[1], F_SETFL, O_NONBLOCK) != 0 ||
	    grantpt(mine[1]) != 0 || unlockpt(mine[1]) != 0 || (name = ptsname(mine[1])) == NULL)
		return -1;
	theirs[0] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (theirs[0] < 0)
		return -1;
	theirs[1] = again(theirs[0]);
	theirs[2] = again(theirs[0]);
	*kept = again(theirs[0]);
	mine[0] = again(mine[1]);
	if (theirs[1] < 0 || theirs[2] < 0 || *kept < 0 || mine[0] < 0)
		return -1;
	return set_size(mine[1], h->view.rows > 0 ? h->view.rows : ROWS,
	                h->view.columns > 0 ? h->view.columns : COLUMNS);
}

void spore__hold_terminal_size(struct spore__hold *h)
{
	struct winsize old;
	if (h->run.terminal < 0 || h->view.rows == 0 || h->view.columns == 0)
		return;
	bool same = ioctl(h->run.terminal, TIOCGWINSZ, &old) == 0 && old.ws_row == h->view.rows &&
	            old.ws_col == h->view.columns;
	(void)set_size(h->run.terminal, h->view.rows, h->view.columns);
#ifdef SIGWINCH
	// Who fills the screen draws it anew for whoever has come.
	pid_t group = same && h->run.input >= 0 ? tcgetpgrp(h->run.input) : -1;
	if (group > 1)
		(void)kill(-group, SIGWINCH);
#else
	(void)same;
#endif
}

void spore__hold_terminal_end(struct spore__hold *h)
{
	struct termios t;
	if (h->run.terminal < 0 || tcgetattr(h->run.terminal, &t) != 0)
		return;
	ssize_t n = write(h->run.input, &t.c_cc[VEOF], 1); // full: it does not read, and is asked otherwise
	(void)n;
}
