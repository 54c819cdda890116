// A service: two methods, of which one answers in parts. `spore call calls/primes.primes --describe` shows them.
#include <spore/rpc.h>

static bool is_prime(int64_t n)
{
	for (int64_t i = 2; i * i <= n; i++)
		if (n % i == 0)
			return false;
	return n > 1;
}

static void factor(struct spore_rpc_call *call, void *data)
{
	(void)data;
	int64_t n;
	if (!spore_rpc_int(call, 0, "n", &n))
		return;
	if (n < 2) {
		spore_rpc_fail(call, SPORE_EINVALID, "%d has no factors", (int)n);
		return;
	}
	int64_t i = 2;
	while (i * i <= n && n % i != 0)
		i++;
	spore_write_int(spore_rpc_result(call, 0), i * i <= n ? i : n);
	spore_rpc_done(call);
}

// Each prime up to a limit, as soon as it is found; it ends early when nobody wants them any more.
static void list(struct spore_rpc_call *call, void *data)
{
	(void)data;
	int64_t most, count = 0;
	if (!spore_rpc_int(call, 0, "most", &most))
		return;
	for (int64_t n = 2; n <= most; n++) {
		if (!is_prime(n))
			continue;
		spore_write_int(spore_rpc_item(call, 0), n);
		enum spore_err e = spore_rpc_send(call, SPORE_FOREVER);
		if (e != SPORE_OK) {
			spore_rpc_fail(call, e, "stopped at %d", (int)n);
			return;
		}
		count++;
	}
	spore_write_int(spore_rpc_result(call, 0), count);
	spore_rpc_done(call);
}

static const struct spore_rpc_field factor_params[] = {{.name = "n", .type = "int", .help = "From 2 on"}, {0}};
static const struct spore_rpc_field list_params[] = {{.name = "most", .type = "int", .help = "The largest"}, {0}};
static const struct spore_rpc_field number[] = {{.name = "", .type = "int"}, {0}};
static const struct spore_rpc_fault factor_errors[] = {{.code = SPORE_EINVALID, .help = "n is too small"}, {0}};
static const struct spore_rpc_method methods[] = {
    {.name = "factor",
     .handle = factor,
     .help = "The smallest factor of a number",
     .params = factor_params,
     .result = number,
     .errors = factor_errors},
    {.name = "list",
     .handle = list,
     .help = "All primes up to a limit; their count is the result",
     .params = list_params,
     .result = number,
     .items = number},
    {0},
};

int main(void)
{
	const struct spore_rpc_options options = {.methods = methods, .program = "primes", .version = "1"};
	return spore_rpc_serve("primes", &options) == SPORE_OK ? 0 : 1;
}
