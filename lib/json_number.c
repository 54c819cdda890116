// Decimal to double and back by the C library, but for the cases that a few exact operations decide (W. Clinger, "How to read floating point numbers
// accurately": an integer below 2^53 times or by a power of ten below 10^23 is rounded once, and so correctly).
#include "json_number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

enum {
	EXACT_POWER = 22,        // 10^22 is a double, 10^23 is none
	FEW_POWER = 3,           // ... and when more are not worth a trial, since there is something better
	EXACT_DIGITS = 15,       // so many are below 2^53
	DIGITS = 17,             // so many tell any two doubles apart
	MANTISSA_DIGITS = 19,    // so many fit into 64 bits
	EXPONENT_LARGEST = 9999, // more say nothing more
};

const struct spore__json_decimal *spore__json_decimal;

static const double powers[EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                               1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// A number as it is written.
struct written {
	const unsigned char *start, *behind;
	bool negative;
	uint64_t mantissa; // its first digits, MANTISSA_DIGITS at most that count
	int digits;        // of the mantissa
	int64_t exponent;  // of ten, that the mantissa is to be multiplied by
	bool cut;          // there are digits that are not in it
	bool integer;
};

static bool is_digit(const unsigned char *p, const unsigned char *end)
{
	return p < end && (unsigned)*p - '0' < 10;
}

static const unsigned char *take_digits(const unsigned char *p, const unsigned char *end, struct written *w,
                                        int64_t per_digit)
{
	for (; is_digit(p, end); p++) {
		if (w->digits < MANTISSA_DIGITS) {
			w->mantissa = w->mantissa * 10 + (*p - '0');
			w->digits += w->mantissa > 0;
			w->exponent -= per_digit;
		} else {
			w->cut = true;
			w->exponent += 1 - per_digit;
		}
	}
	return p;
}

static const unsigned char *take_exponent(const unsigned char *p, const unsigned char *end, struct written *w)
{
	bool negative = p < end && *p == '-';
	int64_t n = 0;
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (!is_digit(p, end))
		return NULL;
	for (; is_digit(p, end); p++)
		n = n > EXPONENT_LARGEST ? n : n * 10 + (*p - '0');
	w->exponent += negative ? -n : n;
	return p;
}

static const unsigned char *bad(struct spore__json_number *n, const unsigned char *where, const char *why)
{
	n->kind = SPORE__JSON_NUMBER_BAD;
	n->why = why;
	return where;
}

static bool by_library(const struct written *w, double *f)
{
	char text[SPORE__JSON_DIGITS + 8];
	size_t len = (size_t)(w->behind - w->start);
	if (spore__json_decimal != NULL)
		return spore__json_decimal->read((const char *)w->start, (const char *)w->behind, f);
	memcpy(text, w->start, len);
	text[len] = '\0';
	char *point = strchr(text, '.');
	if (point != NULL) { // strtod wants that of the locale, which the program may have set
		const char *local = localeconv()->decimal_point;
		if (strlen(local) != 1)
			return false;
		*point = local[0];
	}
	*f = strtod(text, NULL);
	return true;
}

static bool exactly(const struct written *w, double *f)
{
	if (w->cut || w->mantissa > (UINT64_C(1) << 53))
		return false;
	if (w->mantissa == 0 || w->exponent == 0)
		*f = (double)w->mantissa;
	else if (w->exponent > 0 && w->exponent <= EXACT_POWER)
		*f = (double)w->mantissa * powers[w->exponent];
	else if (w->exponent < 0 && w->exponent >= -EXACT_POWER)
		*f = (double)w->mantissa / powers[-w->exponent];
	else
		return false;
	return true;
}

#if LDBL_MANT_DIG == 64 && LDBL_MAX_EXP == 16384
// The same with 64 bits, where powers up to 10^27 are exact: rounded to 64 bits once, and to 53 once more, which is right unless the first was so
// near to the middle between two doubles that it may have crossed it.
static bool nearly_exactly(const struct written *w, double *f)
{
	static const long double more[] = {1e23L, 1e24L, 1e25L, 1e26L, 1e27L};
	enum { MOST = 27 };
	int64_t e = w->exponent < 0 ? -w->exponent : w->exponent;
	if (w->cut || e > MOST || w->mantissa == 0)
		return false;
	long double power = e <= EXACT_POWER ? (long double)powers[e] : more[e - EXACT_POWER - 1];
	long double x = (long double)w->mantissa;
	x = w->exponent < 0 ? x / power : x * power;
	uint64_t bits;
	memcpy(&bits, &x, sizeof bits);
	unsigned low = bits & 0x7ff;
	if (low >= 0x3ff && low <= 0x401)
		return false;
	*f = (double)x; // far from the subnormal ones: 10^-27 at least
	return true;
}
#else
static bool nearly_exactly(const struct written *w, double *f)
{
	(void)w;
	(void)f;
	return false;
}
#endif

static bool to_double(const struct written *w, double *f)
{
	if (!exactly(w, f) && !nearly_exactly(w, f))
		return by_library(w, f);
	if (w->negative)
		*f = -*f;
	return true;
}

// An integer that no integer type holds: a float when that is the same number.
static const unsigned char *large_integer(const struct written *w, struct spore__json_number *n)
{
	char text[SPORE__JSON_DIGITS + 8];
	size_t len = (size_t)(w->behind - w->start);
	n->kind = SPORE__JSON_NUMBER_FLOAT;
	if (!by_library(w, &n->f) || !isfinite(n->f))
		return bad(n, w->start, "the number is too large");
	int printed = snprintf(text, sizeof text, "%.0f", n->f);
	if (printed < 0 || (size_t)printed != len || memcmp(text, w->start, len) != 0)
		return bad(n, w->start, "the integer is beyond 64 bits, and no float is the same number");
	return w->behind;
}

static const unsigned char *integer(const struct written *w, struct spore__json_number *n)
{
	uint64_t u = w->mantissa;
	bool fits = !w->cut;
	if (w->cut && w->exponent == 1) { // one digit more may still fit
		unsigned last = w->behind[-1] - '0';
		fits = u <= (UINT64_MAX - last) / 10;
		u = u * 10 + last;
	}
	if (fits && !w->negative) {
		n->kind = u <= INT64_MAX ? SPORE__JSON_NUMBER_INT : SPORE__JSON_NUMBER_UINT;
		n->u = u;
		return w->behind;
	}
	if (fits && u <= (uint64_t)INT64_MAX + 1) {
		n->kind = SPORE__JSON_NUMBER_INT;
		n->i = (int64_t)(0 - u);
		return w->behind;
	}
	return large_integer(w, n);
}

const unsigned char *spore__json_number(const unsigned char *p, const unsigned char *end, struct spore__json_number *n)
{
	struct written w = {.start = p, .integer = true};
	if (*p == '-') {
		w.negative = true;
		p++;
	}
	if (!is_digit(p, end))
		return bad(n, p, "a digit was expected");
	if (*p == '0' && is_digit(p + 1, end))
		return bad(n, p, "a number begins with a needless zero");
	p = take_digits(p, end, &w, 0);
	if (p < end && *p == '.') {
		w.integer = false;
		if (!is_digit(p + 1, end))
			return bad(n, p + 1, "a digit was expected");
		p = take_digits(p + 1, end, &w, 1);
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		w.integer = false;
		const unsigned char *behind = take_exponent(p + 1, end, &w);
		if (behind == NULL)
			return bad(n, p + 1, "a digit was expected");
		p = behind;
	}
	w.behind = p;
	if (p - w.start > SPORE__JSON_DIGITS)
		return bad(n, w.start, "the number has too many digits");
	if (w.integer)
		return integer(&w, n);
	n->kind = SPORE__JSON_NUMBER_FLOAT;
	if (!to_double(&w, &n->f))
		return bad(n, w.start, "the locale of this program has no decimal point of one byte");
	return isfinite(n->f) ? p : bad(n, w.start, "the number is too large");
}

// ---- out

// F as M / 10^K with the least K, when M has at most EXACT_DIGITS digits: then reading it is exact, and no shorter one is read as F.
static size_t few_digits(double f, char *out)
{
	const double largest = 1e15;
	const int most = spore__json_decimal != NULL ? FEW_POWER : EXACT_POWER;
	if (!(f >= 1e-5 && f < largest))
		return 0;
	for (int k = 0; k <= most; k++) {
		double m = f * powers[k];
		if (m > largest)
			return 0;
		double whole = (double)(uint64_t)(m + 0.5);
		if (whole / powers[k] != f)
			continue;
		char digits[20];
		size_t len = spore__json_uint_text((uint64_t)whole, digits), point = (size_t)k;
		if (k == 0) {
			memcpy(out, digits, len);
			memcpy(out + len, ".0", 2);
			return len + 2;
		}
		if (len > point) {
			memcpy(out, digits, len - point);
			out[len - point] = '.';
			memcpy(out + len - point + 1, digits + len - point, point);
			return len + 1;
		}
		memcpy(out, "0.", 2);
		memset(out + 2, '0', point - len);
		memcpy(out + 2 + point - len, digits, len);
		return 2 + point;
	}
	return 0;
}

static size_t by_printf(double f, char out[SPORE__JSON_FLOAT_TEXT])
{
	int len = 0;
	// Zeros at the end are not printed, so fewer digits need no trial, but of a subnormal number, which has fewer.
	for (int digits = fabs(f) < DBL_MIN ? 1 : EXACT_DIGITS; digits <= DIGITS; digits++) {
		len = snprintf(out, SPORE__JSON_FLOAT_TEXT, "%.*g", digits, f);
		if (digits == DIGITS || strtod(out, NULL) == f)
			break;
	}
	const char *local = localeconv()->decimal_point;
	char *point = local[0] != '.' ? strstr(out, local) : NULL;
	if (point != NULL)
		*point = '.';
	if (strpbrk(out, ".e") == NULL) {
		memcpy(out + len, ".0", 2);
		len += 2;
	}
	return (size_t)len;
}

// U, which has LEN digits, at OUT with a point before its digit POINT.
static size_t put_digits(char *out, uint64_t u, int point)
{
	char digits[20];
	int len = (int)spore__json_uint_text(u, digits);
	size_t before = (size_t)(point < len ? point : len);
	memcpy(out, digits, before);
	if (point >= len) {
		memset(out + len, '0', (size_t)(point - len));
		memcpy(out + point, ".0", 2);
		return (size_t)point + 2;
	}
	out[before] = '.';
	memcpy(out + before + 1, digits + before, (size_t)len - before);
	return (size_t)len + 1;
}

// As by_printf; F is above 0.
static size_t by_digits(double f, char *out)
{
	char digits[20];
	int exponent;
	const uint64_t u = spore__json_decimal->digits(f, &exponent);
	const int len = (int)spore__json_uint_text(u, digits), point = len + exponent;
	if (point > 0 && point <= (len > EXACT_DIGITS ? len : EXACT_DIGITS))
		return put_digits(out, u, point);
	if (point <= 0 && (point > -4 || (point == -4 && len <= EXACT_DIGITS))) {
		memcpy(out, "0.0000", 6);
		memcpy(out + 2 - point, digits, (size_t)len);
		return 2 + (size_t)len - (size_t)point;
	}
	size_t at = len > 1 ? put_digits(out, u, 1) : 1;
	out[0] = digits[0];
	return at + (size_t)snprintf(out + at, SPORE__JSON_FLOAT_TEXT - at, "e%c%02d", point > 0 ? '+' : '-',
	                             abs(point - 1));
}

size_t spore__json_float_text(double f, char out[SPORE__JSON_FLOAT_TEXT])
{
	size_t sign = signbit(f) ? 1 : 0;
	out[0] = '-';
	if (f == 0) {
		memcpy(out + sign, "0.0", 3);
		return sign + 3;
	}
	size_t len = few_digits(fabs(f), out + sign);
	if (len == 0 && spore__json_decimal != NULL)
		len = by_digits(fabs(f), out + sign);
	return len > 0 ? sign + len : by_printf(f, out);
}
