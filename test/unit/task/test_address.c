#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "task/address.h"

static void takes_addresses(void **state)
{
	struct spore__address a[SPORE__ADDRESSES];
	struct sockaddr_in *in = (struct sockaddr_in *)&a[0].of;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a[0].of;
	(void)state;
	assert_int_equal(spore__address_parse("10.1.2.3:65535", a), 1);
	assert_int_equal(in->sin_family, AF_INET);
	assert_int_equal(ntohs(in->sin_port), 65535);
	assert_int_equal(ntohl(in->sin_addr.s_addr), 0x0a010203);
	assert_int_equal(spore__address_parse("[::2]:1", a), 1);
	assert_int_equal(in6->sin6_family, AF_INET6);
	assert_int_equal(in6->sin6_addr.s6_addr[15], 2);
	assert_int_equal(spore__address_parse("localhost:80", a), 2);
	assert_int_equal(ntohl(in->sin_addr.s_addr), INADDR_LOOPBACK);
	assert_int_equal(a[1].of.ss_family, AF_INET6);
	assert_int_equal(spore__address_parse(":80", a), 2);
}

static void refuses_others(void **state)
{
	static const char *const wrong[] = {
	    "",        "80",         "1.2.3.4",    "1.2.3.4:",   "1.2.3.4:0",      "1.2.3.4:65536",
	    "1.2.3:4", "1.2.3.4:+1", "1.2.3.4: 1", "1.2.3.4:1x", "example.org:80", "::1:80",
	    "[::1:80", "[::1]",      "[]:80",      "[:80",       "1.2.3.4:000001"};
	struct spore__address a[SPORE__ADDRESSES];
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		if (spore__address_parse(wrong[i], a) != 0)
			fail_msg("%s is taken", wrong[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(takes_addresses), cmocka_unit_test(refuses_others)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
