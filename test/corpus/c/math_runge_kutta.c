#include <math.h>
#include <stdio.h>

typedef struct { double pos, vel; } state;
typedef state (*derivative)(double t, state s);

static state plus(state a, state b, double k) { return (state){a.pos + b.pos * k, a.vel + b.vel * k}; }

static state pendulum(double t, state s)
{
	(void)t;
	return (state){s.vel, -9.81 / 2 * s.pos + s.pos * s.pos * s.pos / 6 - 0.1 * s.vel};
}

static state driven(double t, state s)
{
	return (state){s.vel, (t - (long)t < 0.5 ? 1 : -1) - s.pos};
}

static state step(derivative f, double t, state s, double h)
{
	state k1 = f(t, s);
	state k2 = f(t + h / 2, plus(s, k1, h / 2));
	state k3 = f(t + h / 2, plus(s, k2, h / 2));
	state k4 = f(t + h, plus(s, k3, h));
	return plus(s, plus(plus(k1, k2, 2), plus(k4, k3, 2), 1), h / 6);
}

static double integrate(double (*f)(double), double a, double b, int n)
{
	double h = (b - a) / n, sum = f(a) + f(b);
	for (int i = 1; i < n; i++)
		sum += f(a + i * h) * (i % 2 ? 4 : 2);
	return sum * h / 3;
}

static double witch(double x) { return 1 / (1 + x * x); }
static double parabola(double x) { return x * x - x; }

int main(void)
{
	static const derivative systems[] = {pendulum, driven};
	for (int i = 0; i < 2; i++) {
		state s = {0.5, 0};
		double t = 0;
		for (int n = 0; n < 500; n++, t += 0.01) {
			if (n % 100 == 0)
				printf("t=%.2f %.15g %.15g\n", t, s.pos, s.vel);
			s = step(systems[i], t, s, 0.01);
		}
	}
	printf("%.15g %.15g\n", integrate(witch, 0, 1, 100), integrate(parabola, -2, 5, 50));
	double x = 1;
	for (int i = 0; i < 6; i++, x -= (x * x - 2) / (2 * x))
		printf("%.17g ", x);
	puts("");
	return 0;
}
