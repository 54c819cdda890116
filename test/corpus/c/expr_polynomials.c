// Polynomials: products, values by Horner, derivatives, division with rest, roots by Newton, integrals by Simpson.
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 16 };

struct poly {
	int degree;
	double c[MOST];
};

static struct poly times(const struct poly *a, const struct poly *b)
{
	struct poly r = {.degree = a->degree + b->degree};
	for (int i = 0; i <= a->degree; i++)
		for (int j = 0; j <= b->degree; j++)
			r.c[i + j] += a->c[i] * b->c[j];
	return r;
}

static double value(const struct poly *p, double x)
{
	double v = 0;
	for (int i = p->degree; i >= 0; i--)
		v = v * x + p->c[i];
	return v;
}

static struct poly derive(struct poly p)
{
	for (int i = 1; i <= p.degree; i++)
		p.c[i - 1] = p.c[i] * i;
	p.c[p.degree] = 0;
	if (p.degree > 0)
		p.degree--;
	return p;
}

static void show(const struct poly *p)
{
	for (int i = p->degree; i >= 0; i--)
		if (p->c[i] != 0 || p->degree == 0)
			printf("%+gx^%d ", p->c[i], i);
	putchar('\n');
}

static double simpson(double (*f)(double), double a, double b, int n)
{
	double h = (b - a) / n, sum = f(a) + f(b);
	for (int i = 1; i < n; i++)
		sum += f(a + i * h) * (i % 2 ? 4 : 2);
	return sum * h / 3;
}

static double bell(double x)
{
	return exp(-x * x);
}

int main(void)
{
	struct poly a = {1, {-2, 1}}, b = {2, {3, 0, 1}}, p = times(&a, &b), q = times(&p, &p);
	show(&p);
	show(&q);
	struct poly d = derive(p);
	show(&d);
	printf("%g %g %g\n", value(&p, 2), value(&p, -1.5), value(&q, 0.1));
	double x = 10;
	for (int i = 0; i < 50; i++) {
		double step = value(&p, x) / value(&d, x);
		x -= step;
		if (fabs(step) < 1e-14)
			break;
	}
	printf("%.12f\n", x);
	struct poly rest = q, quotient = {.degree = q.degree - b.degree};
	for (int i = quotient.degree; i >= 0; i--) {
		quotient.c[i] = rest.c[i + b.degree] / b.c[b.degree];
		for (int j = 0; j <= b.degree; j++)
			rest.c[i + j] -= quotient.c[i] * b.c[j];
	}
	rest.degree = b.degree - 1;
	show(&quotient);
	show(&rest);
	printf("%.10f %.10f %.10f\n", simpson(sin, 0, 3.14159265358979, 100), simpson(bell, -4, 4, 200), simpson(sqrt, 0, 1, 1000));
	return 0;
}
