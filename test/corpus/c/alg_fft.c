// A Fourier transform with structures of two doubles and two floats, passed and returned by value.
#include <math.h>
#include <stdio.h>

typedef struct {
	double re, im;
} cd;
typedef struct {
	float re, im;
} cf;
struct mixed {
	double d;
	int i;
};
struct mixed2 {
	int i;
	float f, g;
};

static cd add(cd a, cd b)
{
	return (cd){a.re + b.re, a.im + b.im};
}

static cd sub(cd a, cd b)
{
	return (cd){a.re - b.re, a.im - b.im};
}

static cd mul(cd a, cd b)
{
	return (cd){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static cf square(cf a)
{
	return (cf){a.re * a.re - a.im * a.im, 2 * a.re * a.im};
}

static struct mixed twice(struct mixed m)
{
	m.d *= 2;
	m.i *= 2;
	return m;
}

static struct mixed2 turn(int k, struct mixed2 m, double d)
{
	struct mixed2 r = {m.i + k, m.g, m.f + (float)d};
	return r;
}

static void fft(cd *v, int n)
{
	if (n == 1)
		return;
	cd even[16], odd[16];
	for (int i = 0; i < n / 2; i++) {
		even[i] = v[2 * i];
		odd[i] = v[2 * i + 1];
	}
	fft(even, n / 2);
	fft(odd, n / 2);
	for (int i = 0; i < n / 2; i++) {
		double angle = -2 * 3.14159265358979323846 * i / n;
		cd w = mul((cd){cos(angle), sin(angle)}, odd[i]);
		v[i] = add(even[i], w);
		v[i + n / 2] = sub(even[i], w);
	}
}

int main(void)
{
	cd v[32];
	for (int i = 0; i < 32; i++)
		v[i] = (cd){i % 8 < 4 ? 1 : -1, i == 3};
	fft(v, 32);
	for (int i = 0; i < 32; i += 2)
		printf("%2d %8.4f %8.4f %8.4f\n", i, v[i].re + 1e-12, v[i].im + 1e-12, hypot(v[i].re, v[i].im));
	cf f = {0.6f, 0.7f};
	for (int i = 0; i < 5; i++, f = square(f))
		printf("%.6f %.6f\n", (double)f.re, (double)f.im);
	struct mixed m = {1.25, 3};
	for (int i = 0; i < 3; i++)
		m = twice(m);
	struct mixed2 t = {5, 1.5f, 2.5f};
	for (int i = 0; i < 3; i++)
		t = turn(i, t, 0.25);
	printf("%g %d %d %g %g\n", m.d, m.i, t.i, (double)t.f, (double)t.g);
	return 0;
}
