// Numbers of JSON. Private to json.c and json_write.c.
#ifndef SPORE_LIB_JSON_NUMBER_H
#define SPORE_LIB_JSON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SPORE__JSON_FLOAT_TEXT = 32 };

enum spore__json_number_kind {
	SPORE__JSON_NUMBER_INT,
	SPORE__JSON_NUMBER_UINT, // above INT64_MAX
	SPORE__JSON_NUMBER_FLOAT,
	SPORE__JSON_NUMBER_BAD, // `why`, and what was taken ends where it is
};

struct spore__json_number {
	enum spore__json_number_kind kind;
	union {
		int64_t i;
		uint64_t u;
		double f;
	};
	const char *why;
};

// Faster than the C library, which is all that libspore links: a program's own, from its start on.
struct spore__json_decimal {
	// What FIRST up to BEHIND, which are a number of JSON, are nearest to; an infinity where that is too large. False: it is none.
	bool (*read)(const char *first, const char *behind, double *f);
	// The shortest digits that are read as F, which is finite and above 0: F is nearest to them times 10^EXPONENT. The last one is not 0.
	uint64_t (*digits)(double f, int *exponent);
};
extern const struct spore__json_decimal *spore__json_decimal; // NULL: the C library

// Reads the number at P, which is a digit or a '-', and returns the byte behind it; what follows is not looked at.
const unsigned char *spore__json_number(const unsigned char *p, const unsigned char *end, struct spore__json_number *n);

// Writes a finite F: the shortest digits that are read as F again, with a fraction or an exponent. Returns the length, without a NUL.
size_t spore__json_float_text(double f, char out[SPORE__JSON_FLOAT_TEXT]);
// Writes U in decimal. Returns the length (20 at most).
static inline size_t spore__json_uint_text(uint64_t u, char *out)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
	                            "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
	                            "8081828384858687888990919293949596979899";
	size_t len = 1;
	for (uint64_t left = u; left >= 10; len += 4, left /= 10000) {
		if (left < 10000) {
			len += left < 100 ? 1 : left < 1000 ? 2 : 3;
			break;
		}
	}
	char *to = out + len;
	for (; u >= 100; u /= 100)
		memcpy(to -= 2, pairs + 2 * (u % 100), 2);
	if (u >= 10)
		memcpy(to - 2, pairs + 2 * u, 2);
	else
		to[-1] = (char)('0' + u);
	return len;
}

#endif
