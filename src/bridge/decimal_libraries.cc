// The one file that is C++: both libraries are headers of templates. Nothing of it needs the C++ runtime.
#include "bridge/decimal.h"

#include <dragonbox/dragonbox.h>
#include <fast_float/fast_float.h>

bool spore__decimal_read(const char *first, const char *behind, double *f)
{
	return fast_float::from_chars(first, behind, *f).ptr == behind;
}

uint64_t spore__decimal_digits(double f, int *exponent)
{
	const auto decimal = jkj::dragonbox::to_decimal(f, jkj::dragonbox::policy::sign::ignore);
	*exponent = decimal.exponent;
	return decimal.significand;
}
