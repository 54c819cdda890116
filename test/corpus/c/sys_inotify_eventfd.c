#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

int main(void)
{
	mkdir("watched", 0700);
	int in = inotify_init1(IN_NONBLOCK), fd;
	inotify_add_watch(in, "watched", IN_CREATE | IN_DELETE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO);
	fd = open("watched/a", O_CREAT | O_WRONLY, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1)
		return 1;
	close(fd);
	rename("watched/a", "watched/b");
	unlink("watched/b");
	_Static_assert(sizeof(struct inotify_event) == 16, "known");
	union { struct inotify_event e; char room[1024]; } buffer;
	ssize_t n = read(in, &buffer, sizeof buffer);
	for (char *p = buffer.room; p < buffer.room + n;) {
		const struct inotify_event *e = (const struct inotify_event *)(const void *)p;
		printf("%s%s%s%s%s %s\n", e->mask & IN_CREATE ? "create" : "", e->mask & IN_DELETE ? "delete" : "", e->mask & IN_CLOSE_WRITE ? "written" : "",
		       e->mask & IN_MOVED_FROM ? "from" : "", e->mask & IN_MOVED_TO ? "to" : "", e->name);
		p += sizeof *e + e->len;
	}
	uint64_t v = 40;
	int ev = eventfd(2, 0);
	n = write(ev, &v, sizeof v);
	v = 0;
	n += read(ev, &v, sizeof v);
	printf("eventfd %llu, %zd bytes\n", (unsigned long long)v, n);
	int tf = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec it = {.it_value = {0, 2000000}};
	timerfd_settime(tf, 0, &it, NULL);
	n = read(tf, &v, sizeof v);
	printf("timer ran out %llu time\n", (unsigned long long)v);
	return 0;
}
