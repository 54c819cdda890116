#include "chan/transport.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

extern const struct spore__transport_ops spore__stream_ops;
extern const struct spore__transport_ops spore__lines_ops;
extern const struct spore__transport_ops spore__u32le_ops;
extern const struct spore__transport_ops spore__u32be_ops;
extern const struct spore__transport_ops spore__publication_ops;
extern const struct spore__transport_ops spore__netstring_ops;
extern const struct spore__transport_ops spore__bytes_ops;

const struct spore__transport_ops *const spore__transports[] = {
    &spore__ring_ops,  &spore__stream_ops,    &spore__lines_ops, &spore__u32le_ops,
    &spore__u32be_ops, &spore__netstring_ops, &spore__bytes_ops, NULL,
};

const struct spore__transport_ops *spore__transport_find(const char *name, size_t len)
{
	for (size_t i = 0; spore__transports[i] != NULL; i++) {
		const struct spore__transport_ops *ops = spore__transports[i];
		if (strlen(ops->name) == len && memcmp(ops->name, name, len) == 0)
			return ops;
	}
	const struct spore__transport_ops *one_way = &spore__publication_ops;
	return strlen(one_way->name) == len && memcmp(one_way->name, name, len) == 0 ? one_way : NULL;
}

enum spore_err spore__channel_make(const char *transport, const struct spore__channel_sizes *sizes,
                                   struct spore__channel_end ends[2])
{
	static const struct spore__channel_sizes defaults;
	const struct spore__transport_ops *ops = spore__transport_find(transport, strlen(transport));
	if (ops == NULL)
		return SPORE_ENOTFOUND;
	enum spore_err e = ops->make(sizes != NULL ? sizes : &defaults, ends);
	for (int i = 0; i < 2 && e == SPORE_OK; i++) {
		ends[i].transport = ops->name;
		ends[i].count = ops->fds;
	}
	return e;
}

enum spore_err spore__channel_end_open(struct spore__channel_end *end, struct spore__transport **t)
{
	const struct spore__transport_ops *ops =
	    end->transport != NULL ? spore__transport_find(end->transport, strlen(end->transport)) : NULL;
	bool again = ops == &spore__publication_ops && end->role == 1 && end->count == ops->fds + 1;
	enum spore_err e = ops != NULL && (end->count == ops->fds || again) ? ops->open(end, t) : SPORE_EINVALID;
	if (e != SPORE_OK) {
		spore__channel_end_close(end);
		return e;
	}
	(*t)->ops = ops;
	end->count = 0;
	return SPORE_OK;
}

void spore__channel_end_close(struct spore__channel_end *end)
{
	int e = errno;
	for (int i = 0; i < end->count; i++)
		close(end->fds[i]);
	end->count = 0;
	errno = e;
}
