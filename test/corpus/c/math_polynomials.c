#include <stdio.h>
#include <string.h>

enum { TOP = 12 };
typedef struct { int degree; double c[TOP + 1]; } poly;

static poly mul(poly a, poly b)
{
	poly r = {.degree = a.degree + b.degree};
	for (int i = 0; i <= a.degree; i++)
		for (int j = 0; j <= b.degree; j++)
			r.c[i + j] += a.c[i] * b.c[j];
	return r;
}

static poly derive(poly a)
{
	for (int i = 1; i <= a.degree; i++)
		a.c[i - 1] = a.c[i] * i;
	if (a.degree)
		a.c[a.degree--] = 0;
	return a;
}

static double at(const poly *p, double x)
{
	double r = 0;
	for (int i = p->degree; i >= 0; i--)
		r = r * x + p->c[i];
	return r;
}

static void show(poly p)
{
	for (int i = p.degree; i >= 0; i--)
		if (p.c[i] != 0 || p.degree == 0)
			printf("%+g%s%.0d ", p.c[i], i > 1 ? "x^" : i ? "x" : "", i > 1 ? i : 0);
	putchar('\n');
}

int main(void)
{
	poly p = {0, {1}};
	for (int root = 1; root <= 5; root++) {
		p = mul(p, (poly){1, {-root, 1}});
		show(p);
	}
	poly d = derive(p);
	show(d);
	double x = 0.3;
	for (int i = 0; i < 7; i++) {
		printf("%.12g ", x);
		x -= at(&p, x) / at(&d, x);
	}
	printf("\n%g %g\n", at(&p, 6), at(&d, 0));
	while (d.degree > 0)
		d = derive(d);
	show(d);
	return 0;
}
