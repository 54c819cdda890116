// The node's log: `node.log` in the state folder, at most twice SPORE__NODE_LOG_MAX bytes with its predecessor
// `node.log.1`; in the foreground, standard error. Allocates nothing.
#ifndef SPORE_NODE_LOG_H
#define SPORE_NODE_LOG_H

enum {
	SPORE__NODE_LOG_MAX = 256 << 10,
};

// Makes standard error the log in the folder STATE, from now on bounded. -1 with errno.
int spore__node_log_open(const char *state);

// One line, with the time; a longer text is cut.
void spore__node_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
