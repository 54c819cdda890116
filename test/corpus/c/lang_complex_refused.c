#include <complex.h>
#include <math.h>
#include <stdio.h>

static void fft(double complex *v, int n, double sign)
{
	if (n == 1)
		return;
	double complex even[32], odd[32];
	for (int i = 0; i < n / 2; i++) {
		even[i] = v[2 * i];
		odd[i] = v[2 * i + 1];
	}
	fft(even, n / 2, sign);
	fft(odd, n / 2, sign);
	for (int i = 0; i < n / 2; i++) {
		double complex t = cexp(sign * I * 2 * M_PI * i / n) * odd[i];
		v[i] = even[i] + t;
		v[i + n / 2] = even[i] - t;
	}
}

int main(void)
{
	double complex v[32];
	for (int i = 0; i < 32; i++)
		v[i] = i < 8 ? 1 : 0;
	fft(v, 32, -1);
	for (int i = 0; i < 8; i++)
		printf("%7.3f %+7.3fi  |%.3f|\n", creal(v[i]), cimag(v[i]) + 0.0, cabs(v[i]));
	fft(v, 32, 1);
	double error = 0;
	for (int i = 0; i < 32; i++)
		error += cabs(v[i] / 32 - (i < 8));
	printf("back again: %d\n", error < 1e-12);
	return 0;
}
