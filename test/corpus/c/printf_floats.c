// Floating-point conversions of printf: all letters, flags, widths, precisions, and the special values.
#include <float.h>
#include <math.h>
#include <stdio.h>

int main(void)
{
	static const double all[] = {0.0,         -0.0,  1.0,    0.1,     -2.5,    0.5,        1.5,
	                             123456789.0, 1e100, 1e-100, 9.99999, 0.00001, 99999.5,    1234567.891,
	                             3.0 / 7,     1e21,  1e15,   DBL_MAX, DBL_MIN, DBL_EPSILON};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		double v = all[i];
		printf("%g|%e|%.3f|%a|%G|%.0f|%#.0f|%+.2e\n", v, v, fabs(v) < 1e22 ? v : 1.0, v, v,
		       fabs(v) < 1e22 ? v : 2.0, fabs(v) < 1e22 ? v : 3.0, v);
	}
	printf("[%10.3f] [%-10.3f] [%010.3f] [%+.1f] [% .1f] [%#g] [%.10g] [%.17g]\n", 3.14159, 3.14159, -3.14159, 2.0,
	       2.0, 2.0, 0.1, 0.1);
	double inf = HUGE_VAL;
	printf("%f %F %e [%8g] [%-8g] [%08g]\n", inf, -inf, inf, inf, -inf, inf);
	for (int p = 0; p < 8; p++)
		printf("%.*f %.*e %.*g\n", p, 2.0 / 3, p, 2.0 / 3, p, 2.0 / 3);
	printf("%.1f %.1f %.1f %.1f %.0f %.0f %.0f\n", 0.25, 0.35, 0.45, -0.05, 0.5, 1.5, 2.5);
	float f = 16777217.0f, g = 0.1f;
	printf("%.1f %.10f %g %a\n", (double)f, (double)g, (double)(g * g), (double)g);
	printf("%d %d %d\n", DBL_DIG, FLT_DIG, DBL_MANT_DIG);
	return 0;
}
