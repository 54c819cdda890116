#include <stdio.h>

extern int shared;
static int counter(void);
int shared = 10, *pointer = &shared;
int tentative;
int tentative;
static int hidden;
static int hidden = 3;

static int next(void)
{
	static int n = 100;
	return n++;
}

static int counter(void)
{
	static int n;
	{
		static int n = 5;
		n += 2;
		printf("[inner %d]", n);
	}
	return ++n;
}

typedef int number;

static int shadow(int x)
{
	int result = x;
	for (int x = 0; x < 3; x++) {
		int result = x * 2;
		{
			number number = result + 1;
			x += number > 100;
			result += number;
		}
		printf("%d ", result);
	}
	return result + x;
}

struct s { int a; };
static int tags(void)
{
	struct s outer = {1};
	struct s { char c[100]; };
	struct s inner;
	enum { shared = 77 };
	inner.c[0] = 'q';
	return (int)sizeof(inner) + shared + inner.c[0] + (int)sizeof outer;
}

int main(void)
{
	{
		extern int shared;
		shared += hidden;
		int hidden = 40;
		shared += hidden;
	}
	printf("%d %d %d\n", shared, *pointer, tentative);
	for (int i = 0; i < 3; i++) {
		int c = counter();
		printf(" %d %d\n", c, next());
	}
	int r = shadow(5);
	printf("-> %d\n%d\n", r, tags());
	if (sizeof(struct s) == 4)
		goto end;
	puts("not here");
end:;
	int after = 1;
	return after + hidden;
}
