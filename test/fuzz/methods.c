// The node's methods with any bytes behind a hello: a caller can define, change and remove tasks, but neither break the service nor leave
// anything of its calls behind. There is no spore-hold, so nothing is ever started.
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/node.h"
#include "node/waits.h"
#include "target.h"

static struct spore__node node;
static char folder[64];

void spore__node_stop(struct spore__node *n)
{
	(void)n; // node.stop only answers here
}

static void remove_folder(void)
{
	char command[128];
	(void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
	if (system(command) != 0)
		perror(command);
}

static void set_up(void)
{
	char why[512] = "";
	const char *memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	(void)snprintf(folder, sizeof folder, "%s/spore-fuzz-XXXXXX", memory);
	check(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
	(void)signal(SIGPIPE, SIG_IGN);
	check(uv_loop_init(&node.loop) == 0);
	check(spore__db_open(&node.db, folder) == SQLITE_OK);
	check(spore__builds_init(&node.builds, &node.loop, &node.db, folder, 0) == 0);
	node.builds.stopping = true; // none begins
	check(spore__tasks_init(&node.tasks, &node.loop, &node.db, folder, folder, 0, why, sizeof why) == 0);
	spore__rpc_service_init(&node.service, &node.loop, spore__node_methods(), "fuzz", "0", &node);
}

static void turn(int times)
{
	for (int i = 0; i < times; i++)
		(void)uv_run(&node.loop, UV_RUN_NOWAIT);
}

static void swallow(int fd)
{
	char bytes[65536];
	while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char hello[] = "\x94\x00\x00\xa7$/hello\x91\x01";
	int fds[2];
	if (folder[0] == '\0')
		set_up();
	if (size > 32768)
		return 0;
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	check(spore__rpc_service_add(&node.service, fds[0]) == 0);
	check(send(fds[1], hello, sizeof hello - 1, MSG_NOSIGNAL) == (ssize_t)sizeof hello - 1);
	(void)send(fds[1], data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	turn(3);
	swallow(fds[1]);
	close(fds[1]);
	turn(3);
	check(node.service.connection_count == 0);
	check(node.tasks.waits == NULL); // calls without a caller are forgotten
	while (node.tasks.table.count > 0) {
		for (size_t i = 0; i < node.tasks.table.count; i++)
			spore__task_remove(&node.tasks, node.tasks.table.tasks[i], true);
		spore__tasks_settle(&node.tasks);
	}
	while (node.tasks.wires.first != NULL)
		spore__wire_remove(&node.tasks, node.tasks.wires.first);
	check(node.tasks.wires.plug_count == 0 && node.tasks.wires.dirty == NULL && node.tasks.wires.halves == NULL);
	check(node.tasks.dirty == NULL && node.tasks.holds == NULL);
	return 0;
}
