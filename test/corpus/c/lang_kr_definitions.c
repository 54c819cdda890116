/* The way it was written once. */
#include <stdio.h>

int count;
char *names[] = { "zero", "one", "two", "three", 0 };

int add(a, b)
int a, b;
{
	count++;
	return a + b;
}

double
average(v, n)
	double *v;
	int n;
{
	double sum = 0;
	int i;
	for (i = 0; i < n; i++)
		sum += v[i];
	return n ? sum / n : 0.;
}

static char *
name_of(n)
short n;
{
	char **p;
	for (p = names; *p; p++)
		if (!n--)
			return *p;
	return "many";
}

int mixed(c, f, l, s)
char c; float f; long l; short s;
{
	return c + (int)f + (int)l + s;
}

int main(argc, argv)
int argc;
char **argv;
{
	double v[4];
	int i;
	for (i = 0; i < 4; i++)
		v[i] = i * 1.5;
	printf("%d %g %s %s\n", add(2, 3), average(v, 4), name_of((short)2), name_of((short)9));
	printf("%d\n", mixed('a', 2.75, 1000L, (short)-7));
	printf("%d %d\n", count, argc);
	return 0;
}
