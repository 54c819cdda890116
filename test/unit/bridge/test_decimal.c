// What the libraries say of doubles, beside what the C library says.
#include "bridge/decimal.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"
#include "json_number.h"

enum { ROUNDS = 100000 };

static const struct spore__json_decimal *ours; // NULL: spore was built without

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static size_t text_of(double f, const struct spore__json_decimal *by, char out[SPORE__JSON_FLOAT_TEXT + 1])
{
	spore__json_decimal = by;
	size_t len = spore__json_float_text(f, out);
	assert_in_range(len, 1, SPORE__JSON_FLOAT_TEXT);
	out[len] = '\0';
	return len;
}

static double read_by(const char *text, const struct spore__json_decimal *by)
{
	struct spore__json_number n;
	const unsigned char *end = (const unsigned char *)text + strlen(text);
	spore__json_decimal = by;
	assert_ptr_equal(spore__json_number((const unsigned char *)text, end, &n), end);
	assert_int_equal(n.kind, SPORE__JSON_NUMBER_FLOAT);
	return n.f;
}

static void compare(double f)
{
	char fast[SPORE__JSON_FLOAT_TEXT + 1], plain[SPORE__JSON_FLOAT_TEXT + 1];
	size_t len = text_of(f, ours, fast);
	assert_memory_equal(&(double){read_by(fast, ours)}, &f, sizeof f);
	assert_memory_equal(&(double){read_by(fast, NULL)}, &f, sizeof f);
	assert_memory_equal(&(double){strtod(fast, NULL)}, &f, sizeof f);
	// The C library is asked for the nearest of so many digits. Beside a power of two one that is not the nearest may be read as it as well.
	int exponent;
	if (text_of(f, NULL, plain) != len && fabs(frexp(f, &exponent)) == 0.5)
		assert_true(len < strlen(plain));
	else
		assert_string_equal(fast, plain);
}

static void borders(void **state)
{
	static const double some[] = {DBL_MIN,
	                              DBL_MAX,
	                              DBL_TRUE_MIN,
	                              DBL_EPSILON,
	                              0.1,
	                              1.0 / 3,
	                              1e-5,
	                              1e-6,
	                              1e15,
	                              1e16,
	                              1e17,
	                              1e21,
	                              1e22,
	                              1e23,
	                              5e-324,
	                              1.5e-4,
	                              0.0001,
	                              -0.5,
	                              1e100,
	                              1e-100,
	                              123456.789012,
	                              9007199254740991.0,
	                              9007199254740992.0,
	                              9007199254740994.0};
	(void)state;
	for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
		compare(some[i]);
	for (int e = -1074; e < 1024; e++)
		for (int step = -1; step <= 1; step++) {
			double f = ldexp(1.0, e);
			f = step == 0 ? f : nextafter(f, step < 0 ? 0 : INFINITY);
			if (f != 0 && isfinite(f))
				compare(f);
		}
}

static void any(void **state)
{
	uint64_t seed = 1;
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t bits = next_random(&seed);
		double f;
		memcpy(&f, &bits, sizeof f);
		if (isfinite(f))
			compare(f);
		// ... and of the size that people's numbers have.
		compare((double)(int64_t)next_random(&seed) / 18014398509481984.0);
	}
}

// Texts that nobody wrote who knows how doubles are written, with more digits than count.
static void texts(void **state)
{
	uint64_t seed = 2;
	char text[96];
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t a = next_random(&seed), b = next_random(&seed);
		int exponent = (int)(b % 700) - 350;
		(void)snprintf(text, sizeof text, "%s%llu.%llue%d", a & 1 ? "-" : "",
		               (unsigned long long)(a >> (b & 63)), (unsigned long long)next_random(&seed), exponent);
		double expected = strtod(text, NULL);
		if (!isfinite(expected))
			continue;
		assert_memory_equal(&(double){read_by(text, ours)}, &expected, sizeof expected);
	}
}

static void too_large(void **state)
{
	struct spore__json_number n;
	static const char *const large[] = {"1e309", "-1e400", "1.8e308", "179769313486231580793e289"};
	(void)state;
	spore__json_decimal = ours;
	for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
		const unsigned char *p = (const unsigned char *)large[i];
		(void)spore__json_number(p, p + strlen(large[i]), &n);
		assert_int_equal(n.kind, SPORE__JSON_NUMBER_BAD);
		assert_string_equal(n.why, "the number is too large");
	}
	assert_true(read_by("1e-400", ours) == 0);
	assert_true(signbit(read_by("-1e-400", ours)) != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(borders),
	    cmocka_unit_test(any),
	    cmocka_unit_test(texts),
	    cmocka_unit_test(too_large),
	};
	if (spore__decimal_use())
		ours = spore__json_decimal;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
