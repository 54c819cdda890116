// What the peer calls with.
#include "chan/bell.h"
#include "rpc_inside.h"

struct spore_reader spore_rpc_params(const struct spore_rpc_call *call)
{
	return (struct spore_reader){call->params.at, call->params.end};
}

const char *spore_rpc_method(const struct spore_rpc_call *call)
{
	return call->name;
}

struct spore_rpc *spore_rpc_of(const struct spore_rpc_call *call)
{
	return call->rpc;
}

bool spore_rpc_is_notice(const struct spore_rpc_call *call)
{
	return call->notice;
}

int spore_rpc_remaining(const struct spore_rpc_call *call)
{
	int64_t deadline = atomic_load_explicit(&call->deadline, memory_order_relaxed);
	if (deadline == SPORE__RPC_NEVER)
		return -1;
	int64_t left = deadline - spore__bell_now();
	if (left <= 0)
		return 0;
	left = (left + 999999) / 1000000;
	return left < INT32_MAX ? (int)left : INT32_MAX;
}

// One of the first of an array, behind numbers and the like. What came was checked.
static inline bool param_near(const struct spore_rpc_call *c, uint32_t index, struct spore_reader *at)
{
	enum { ARRAY = 0x90, NIL = 0xc0 };
	const unsigned char *p = c->params.at;
	if ((*p & 0xf0) != ARRAY || index >= (*p & 0x0fU))
		return false;
	for (p++; index > 0; index--) {
		size_t size = spore__msgpack_leaf_size(*p);
		if (size == 0)
			return false;
		p += size;
	}
	*at = (struct spore_reader){p, c->params.end};
	return *p != NIL;
}

bool spore_rpc_param(const struct spore_rpc_call *call, uint32_t index, const char *name, struct spore_reader *at)
{
	struct spore__msgpack_reader found;
	if (param_near(call, index, at))
		return true;
	if (!spore__rpc_param_at(&call->params, index, name != NULL ? name : "", &found))
		return false;
	*at = (struct spore_reader){found.at, found.end};
	return true;
}

static void complain(struct spore_rpc_call *c, uint32_t index, const char *name, const char *kind)
{
	if (name != NULL)
		spore_rpc_fail(c, SPORE_EINVALID, "%s: parameter %u, \"%s\", has to be %s", c->name,
		               (unsigned)index + 1, name, kind);
	else
		spore_rpc_fail(c, SPORE_EINVALID, "%s: parameter %u has to be %s", c->name, (unsigned)index + 1, kind);
}

bool spore_rpc_bool(struct spore_rpc_call *call, uint32_t index, const char *name, bool *b)
{
	struct spore_reader at;
	if (spore_rpc_param(call, index, name, &at) && spore_read_bool(&at, b))
		return true;
	complain(call, index, name, "true or false");
	return false;
}

bool spore_rpc_int(struct spore_rpc_call *call, uint32_t index, const char *name, int64_t *i)
{
	struct spore_reader at;
	if ((param_near(call, index, &at) || spore_rpc_param(call, index, name, &at)) && spore_read_int(&at, i))
		return true;
	complain(call, index, name, "an integer");
	return false;
}

bool spore_rpc_float(struct spore_rpc_call *call, uint32_t index, const char *name, double *f)
{
	struct spore_reader at;
	if (spore_rpc_param(call, index, name, &at) && spore_read_float(&at, f))
		return true;
	complain(call, index, name, "a number");
	return false;
}

bool spore_rpc_str(struct spore_rpc_call *call, uint32_t index, const char *name, const char **s, size_t *len)
{
	struct spore_reader at;
	if (spore_rpc_param(call, index, name, &at) && spore_read_str(&at, s, len))
		return true;
	complain(call, index, name, "a string");
	return false;
}

bool spore_rpc_bytes(struct spore_rpc_call *call, uint32_t index, const char *name, const void **data, size_t *len)
{
	struct spore_reader at;
	if (spore_rpc_param(call, index, name, &at) && spore_read_bytes(&at, data, len))
		return true;
	complain(call, index, name, "bytes or a string");
	return false;
}
