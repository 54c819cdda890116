// A client: takes a number apart, and prints the primes below it.
#include <spore/rpc.h>

#include <stdio.h>
#include <stdlib.h>

static void print_item(struct spore_rpc_ask *a, struct spore_reader value, void *arg)
{
	(void)a;
	(void)arg;
	int64_t n;
	if (spore_read_int(&value, &n))
		printf("prime %d\n", (int)n);
}

// Calls METHOD with one number; the result is one, too. False, and it says why.
static bool call(struct spore_rpc *r, const char *method, int64_t n, int64_t *result)
{
	struct spore_rpc_ask *a;
	struct spore_writer *w;
	struct spore_reader at;
	if (spore_rpc_ask(r, method, 0, &a, &w) != SPORE_OK)
		return false;
	spore_write_array(w, 1);
	spore_write_int(w, n);
	spore_rpc_on_item(a, print_item, NULL);
	bool ok = spore_rpc_wait(a, 10000, &at) == SPORE_OK && spore_read_int(&at, result);
	if (!ok)
		printf("%s: %s\n", method, spore_rpc_why(a)->text);
	spore_rpc_end(a);
	return ok;
}

int main(int argc, char **argv)
{
	struct spore_rpc *r;
	int64_t n = argc > 1 ? atoi(argv[1]) : 60, factor, count;
	if (spore_rpc_open("primes", NULL, &r) != SPORE_OK)
		return 1;
	for (int64_t left = n; left > 1; left /= factor) {
		if (!call(r, "factor", left, &factor))
			return 1;
		printf("factor %d\n", (int)factor);
	}
	if (call(r, "list", n, &count))
		printf("%d primes\n", (int)count);
	(void)call(r, "factor", 1, &factor); // which is an error
	spore_rpc_close(r);
	return 0;
}
