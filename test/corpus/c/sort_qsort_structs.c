#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct person {
	char name[16];
	unsigned char age;
	float height;
};

static int by_age_then_name(const void *a, const void *b)
{
	const struct person *p = a, *q = b;
	return p->age != q->age ? p->age - q->age : strcmp(p->name, q->name);
}

static int by_height_down(const void *a, const void *b)
{
	float x = ((const struct person *)a)->height, y = ((const struct person *)b)->height;
	return x < y ? 1 : x > y ? -1 : 0;
}

int main(void)
{
	struct person all[] = {
	    {"Dora", 31, 1.71f}, {"Ada", 36, 1.62f}, {"Kurt", 31, 1.55f}, {"Emmy", 53, 1.66f}, {"Alan", 41, 1.79f},
	};
	enum { N = sizeof all / sizeof all[0] };
	qsort(all, N, sizeof all[0], by_age_then_name);
	for (int i = 0; i < N; i++)
		printf("%-6s %3d %.2f\n", all[i].name, all[i].age, all[i].height);
	struct person key = {"Emmy", 53, 0};
	struct person *found = bsearch(&key, all, N, sizeof all[0], by_age_then_name);
	printf("found at %td\n", found - all);
	strcpy(key.name, "Nobody");
	printf("%s\n", bsearch(&key, all, N, sizeof all[0], by_age_then_name) == NULL ? "none" : "some");
	qsort(all, N, sizeof all[0], by_height_down);
	for (int i = 0; i < N; i++)
		printf("%s%s", all[i].name, i + 1 < N ? " > " : "\n");
	return (int)sizeof(struct person);
}
