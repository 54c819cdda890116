// Numbers of JSON. Private to json.c and json_write.c.
#ifndef SPORE_LIB_JSON_NUMBER_H
#define SPORE_LIB_JSON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

// Reads the number at P, which is a digit or a '-', and returns the byte behind it; what follows is not looked at.
const unsigned char *spore__json_number(const unsigned char *p, const unsigned char *end, struct spore__json_number *n);

// Writes a finite F: the shortest digits that are read as F again, with a fraction or an exponent. Returns the length, without a NUL.
size_t spore__json_float_text(double f, char out[SPORE__JSON_FLOAT_TEXT]);
// Writes U in decimal. Returns the length (20 at most).
size_t spore__json_uint_text(uint64_t u, char *out);

#endif
