#include <stdio.h>
#include <stddef.h>
#define NAME(x) _Generic((x), char: "char", signed char: "schar", unsigned char: "uchar", short: "short", unsigned short: "ushort", \
	int: "int", unsigned: "unsigned", long: "long", unsigned long: "ulong", long long: "llong", unsigned long long: "ullong", \
	float: "float", double: "double", long double: "ldouble", char *: "string", const char *: "cstring", int *: "int*", default: "other")
#define ABS(x) _Generic((x), int: abs_i, double: abs_d, default: abs_l)(x)
static int abs_i(int x) { return x < 0 ? -x : x; }
static double abs_d(double x) { return x < 0 ? -x : x; }
static long abs_l(long x) { return x < 0 ? -x : x; }
struct s { int a; };
int main(void)
{
	char c = 'c'; short s = 1; const int ci = 2; int arr[3]; const char *cs = "x"; struct s st = {1}; float f = 1; unsigned char uc = 1;
	printf("%s %s %s %s\n", NAME(c), NAME(s), NAME(ci), NAME(arr));
	printf("%s %s %s %s\n", NAME(c + c), NAME(s << 1), NAME(+uc), NAME(-s));
	printf("%s %s %s %s\n", NAME("lit"), NAME(cs), NAME(st), NAME(&st.a));
	printf("%s %s %s %s %s\n", NAME(1u), NAME(1l), NAME(1ull), NAME(1.f), NAME(1.L));
	printf("%s %s %s %s\n", NAME(f * 1), NAME(f * 1.0), NAME(1 ? 1 : 1u), NAME(1 ? 1l : 1u));
	printf("%s %s %s %s\n", NAME(sizeof c), NAME(&arr[1] - arr), NAME((char)1), NAME(1 == 1));
	printf("%s %s %s\n", NAME(2147483647), NAME(2147483648), NAME(0xffffffff));
	printf("%d %g %ld\n", ABS(-3), ABS(-2.5), ABS(-7l));
	return _Generic(0, int: 4, default: 5);
}
