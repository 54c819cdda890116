#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static long double series(int n)
{
	long double sum = 0, term = 1;
	for (int i = 1; i <= n; i++) {
		sum += term;
		term /= i;
	}
	return sum;
}

int main(void)
{
	for (int n = 5; n <= 25; n += 5)
		printf("%2d %.18Lf\n", n, series(n));
	printf("%.18Lf %d\n", expl(1.0L), (int)(series(25) - expl(1.0L) < LDBL_EPSILON * 4));
	long double third = 1.0L / 3, big = 1e4000L;
	printf("%.20Lg %Lg %zu %d\n", third, big, sizeof third, LDBL_DIG);
	printf("%.10f %.20Lf\n", (double)third, (long double)(1.0 / 3));
	printf("%.19Lg\n", strtold("0.1", NULL));
	return 0;
}
