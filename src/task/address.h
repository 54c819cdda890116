// Where a probe connects to.
#ifndef SPORE_TASK_ADDRESS_H
#define SPORE_TASK_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { SPORE__ADDRESSES = 2 };

struct spore__address {
	struct sockaddr_storage of;
	socklen_t len;
};

// HOST:PORT, where HOST is an IP address (of version 6 in brackets), `localhost` or empty: this machine, by version 4 and then 6. Names that
// would have to be asked for are not taken: that can take for ever. Returns how many addresses there are; 0: it is none.
size_t spore__address_parse(const char *text, struct spore__address out[SPORE__ADDRESSES]);

#endif
