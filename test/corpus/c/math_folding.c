// Constant expressions of double and float, folded by the compiler, and the same reckoned when the program runs.
#include <stdio.h>

#define ROW(a, op, b) {#a " " #op " " #b, (a) op (b), a, b, #op[0]},

static const struct row {
	const char *text;
	double folded, a, b;
	char op;
} rows[] = {
    ROW(0.23796462709189137, *, 0.5442292252959519)
    ROW(1.0, /, 3.0)
    ROW(3.14159265358979, /, 180.0)
    ROW(1e16, +, 2.9999)
    ROW(9007199254740992.0, +, 1.00000001)
    ROW(0.1, +, 0.2)
    ROW(0.3, -, 0.1)
    ROW(1.1, *, 1.1)
    ROW(299792458.0, *, 6.62607015e-34)
    ROW(5e-324, /, 3.0)
    ROW(1.7976931348623157e308, +, 9.9e291)
    ROW(1e308, *, 10.0)
    ROW(2.2250738585072014e-308, *, 0.75)
    ROW(4503599627370497.5, -, 0.25)
    ROW(0x1.fffffffp0, *, 0x1.0000001p0)
    ROW(123456789.125, *, 987654321.375)
};

static const float singles[] = {0.1f + 0.2f, 1.0f / 3, 16777216.0f + 1.0f, 1e38f * 10, 1.1f * 1.1f, (float)0.1 + 0.1f, 0.1, 3.0e-39f / 7};

int main(void)
{
	int same = 0, n = sizeof rows / sizeof *rows;
	for (int i = 0; i < n; i++) {
		volatile double a = rows[i].a, b = rows[i].b, r;
		switch (rows[i].op) {
		case '+': r = a + b; break;
		case '-': r = a - b; break;
		case '*': r = a * b; break;
		default: r = a / b;
		}
		printf("%-45s %a %s\n", rows[i].text, rows[i].folded, r == rows[i].folded ? "same" : "differs");
		same += r == rows[i].folded;
	}
	for (unsigned i = 0; i < sizeof singles / sizeof *singles; i++)
		printf("%a ", singles[i]);
	printf("\n%.17g %.17g\n", 2 * 3.14159265358979 / 360.0 * 90, -7.25e-3 * 4e3 + 1 / 8.0);
	enum { WHOLE = (int)(2.5 * 4.1), NEGATIVE = (int)-3.99 };
	printf("%d %d %d\n", WHOLE, NEGATIVE, (int)(0.1 * 3 * 10));
	return same == n ? 0 : 1;
}
