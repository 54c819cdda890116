// Decimal digits of doubles by the libraries Dragonbox and fast_float, which take a few dozen nanoseconds where the C library takes a microsecond.
#ifndef SPORE_BRIDGE_DECIMAL_H
#define SPORE_BRIDGE_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

// All JSON of this process is read and written with them from now on, where spore was built with them. Before there are threads. False: it was not.
bool spore__decimal_use(void);

#ifdef __cplusplus
extern "C" {
#endif
// As in struct spore__json_decimal.
bool spore__decimal_read(const char *first, const char *behind, double *f);
uint64_t spore__decimal_digits(double f, int *exponent);
#ifdef __cplusplus
}
#endif

#endif
