#include <stdio.h>
#include <string.h>
struct v { double x, y; };
static struct v add(struct v a, struct v b) { return (struct v){a.x + b.x, a.y + b.y}; }
static double len2(const struct v *v) { return v->x * v->x + v->y * v->y; }
static int sum(const int *a) { int s = 0; while (*a >= 0) s += *a++; return s; }
static struct v *global = &(struct v){3, 4};
static const char *const *words = (const char *const[]){"one", "two", "three", NULL};
int main(void)
{
	struct v a = add((struct v){1, 2}, (struct v){.y = 10});
	printf("%g %g %g %g\n", a.x, a.y, len2(&(struct v){3, 4}), len2(global));
	printf("%d %d\n", sum((int[]){1, 2, 3, -1}), sum((int[5]){[0] = 4, [1] = 5, [2] = -1}));
	for (int i = 0; words[i]; i++)
		printf("%s ", words[i]);
	char *s = (char[]){"writable"};
	s[0] = 'W';
	puts(s);
	int total = 0;
	for (int i = 0; i < 4; i++) {
		int *p = (int[2]){i, i * i};
		p[0]++;
		total += p[0] + p[1];
	}
	printf("%d %zu %d\n", total, sizeof((int[]){1, 2, 3}), (int){7}++);
	global->x = 1;
	*global = (struct v){.x = global->x + 5};
	printf("%g %g\n", global->x, global->y);
	return memcmp((char[2]){1, 2}, (char[2]){1, 2}, 2);
}
