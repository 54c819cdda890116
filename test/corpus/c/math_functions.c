#include <errno.h>
#include <math.h>
#include <stdio.h>

/* Twelve digits: the last bits are the library's business. */
#define ONE(f) for (int i = 0; i < n; i++) printf("%s%s(%g)=%.12g", i ? " " : "", #f, x[i], f(x[i])); putchar('\n')

int main(void)
{
	static const double x[] = {0.5, 1, 2.25, 0.125};
	const int n = sizeof x / sizeof *x;
	ONE(sin); ONE(cos); ONE(tan); ONE(exp); ONE(log); ONE(log10); ONE(log2); ONE(sqrt); ONE(cbrt); ONE(sinh); ONE(tanh);
	ONE(atan); ONE(expm1); ONE(log1p); ONE(erf); ONE(tgamma); ONE(lgamma); ONE(exp2); ONE(asinh);
	printf("%.12g %.12g %.12g\n", pow(2.5, 3.5), atan2(-1, -2), hypot(3, 4));
	static const double r[] = {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4999999, -7.0};
	for (unsigned i = 0; i < sizeof r / sizeof *r; i++)
		printf("%g: floor %g ceil %g trunc %g round %g rint %g lround %ld lrint %ld\n", r[i], floor(r[i]), ceil(r[i]), trunc(r[i]),
		       round(r[i]), rint(r[i]), lround(r[i]), lrint(r[i]));
	int e, q;
	double whole, m = frexp(-48.75, &e), f = modf(-48.75, &whole);
	printf("%g %d %g %g %g\n", m, e, f, whole, ldexp(0.75, 10));
	printf("%g %g", fmod(-7.5, 2), remainder(-7.5, 2));
	f = remquo(29, 4, &q);
	printf(" %g %d\n", f, q & 7);
	printf("%g %g %g %g\n", fmax(1, 2), fmin(-0.5, 3), fdim(5, 3), copysign(3, -0.0));
	printf("%d %d %a %a\n", ilogb(1000), (int)logb(0.1), nextafter(1, 2), nextafter(0, -1));
	printf("%.9g %.9g %.9g\n", (double)sqrtf(2), (double)powf(1.5f, 3), (double)floorf(-0.5f));
	errno = 0;
	volatile double big = 1000;
	double infinite = exp(big);
	printf("%g %d\n", infinite, errno == ERANGE);
	printf("%d %d %d %d\n", isinf(exp(big)) != 0, signbit(-0.0) != 0, isnormal(1e-310) != 0, fpclassify(0.0) == FP_ZERO);
	return 0;
}
