#include "bridge/decimal.h"

#include "json_number.h"

bool spore__decimal_use(void)
{
#if defined(SPORE__DECIMAL)
	static const struct spore__json_decimal ways = {.read = spore__decimal_read, .digits = spore__decimal_digits};
	spore__json_decimal = &ways;
	return true;
#else
	return false;
#endif
}
