// Two pictures in letters, with doubles and with floats.
#include <stdio.h>

static int steps_double(double re, double im)
{
	double x = 0, y = 0;
	int n = 0;
	while (n < 200 && x * x + y * y <= 4) {
		double t = x * x - y * y + re;
		y = 2 * x * y + im;
		x = t;
		n++;
	}
	return n;
}

static int steps_float(float x, float y)
{
	const float re = -0.8f, im = 0.156f;
	int n;
	for (n = 0; n < 99 && x * x + y * y <= 4.0f; n++) {
		float t = x * x - y * y + re;
		y = 2.0f * x * y + im;
		x = t;
	}
	return n;
}

int main(void)
{
	static const char shades[] = " .:-=+*#%@";
	long sum = 0;
	for (int row = 0; row < 16; row++) {
		char line[61] = "";
		for (int column = 0; column < 60; column++) {
			int n = steps_double(-2.1 + column * 0.05, -1.2 + row * 0.16);
			sum += n;
			line[column] = n == 200 ? '@' : shades[n % 9];
		}
		puts(line);
	}
	for (int row = 0; row < 12; row++) {
		for (int column = 0; column < 60; column++) {
			int n = steps_float(-1.5f + (float)column * 0.05f, -1.1f + (float)row * 0.2f);
			sum = sum * 31 + n;
			sum %= 1000000007;
			putchar(shades[n / 10 % 10]);
		}
		putchar('\n');
	}
	printf("%ld\n", sum);
	return 0;
}
