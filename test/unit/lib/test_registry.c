// The registry of transports. Other tests leave out what cannot be made here; so this one says what that may be.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chan/transport.h"

static void make(const char *name, bool may_be_missing)
{
	struct spore__channel_end ends[2];
	enum spore_err e = spore__channel_make(name, NULL, ends);
	if (e == SPORE_EUNSUPPORTED && may_be_missing && getenv("SPORE_POSIX") != NULL)
		return;
	assert_int_equal(e, SPORE_OK);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(ends[i].transport, name);
		assert_ptr_equal(spore__transport_find(name, strlen(name))->name, ends[i].transport);
		spore__channel_end_close(&ends[i]);
	}
}

static void test_all_can_be_made(void **state)
{
	(void)state;
	for (size_t i = 0; spore__transports[i] != NULL; i++)
		make(spore__transports[i]->name, spore__transports[i]->needs_linux);
	make("publication", true);
}

static void test_unknown(void **state)
{
	struct spore__channel_end ends[2];
	(void)state;
	assert_int_equal(spore__channel_make("carrier-pigeon", NULL, ends), SPORE_ENOTFOUND);
	assert_null(spore__transport_find("ringer", 6));
	assert_null(spore__transport_find("ring", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_can_be_made),
	    cmocka_unit_test(test_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
