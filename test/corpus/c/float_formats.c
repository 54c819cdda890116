#include <float.h>
#include <math.h>
#include <stdio.h>

int main(void)
{
	static const double v[] = {0, -0.0, 1, -1.5, 0.1, 1e-5, 123456789, 1e15, 1e16, 1e100, 5e-324, DBL_MAX, DBL_MIN, 2.5, 3.5, 0.125};
	for (unsigned i = 0; i < sizeof v / sizeof *v; i++) {
		printf("%f|%e|%g|%a\n", v[i], v[i], v[i], v[i]);
		printf("%.0f|%.3e|%.10g|%+.2f|% g|%#g|%012.4f|%-12.3g|\n", v[i], v[i], v[i], v[i], v[i], v[i], v[i], v[i]);
	}
	printf("%f %F %e %g\n", INFINITY, -INFINITY, INFINITY, -INFINITY);
	printf("%.17g %.9g\n", DBL_EPSILON, FLT_EPSILON);
	printf("%d %d %d %d\n", FLT_DIG, DBL_DIG, DBL_MANT_DIG, DBL_MAX_EXP);
	for (float f = 1; f < 1e6f; f *= 7.3f)
		printf("%.9g ", f);
	putchar('\n');
	return 0;
}
