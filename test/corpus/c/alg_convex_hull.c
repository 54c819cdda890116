// Points in the plane: hull, area, point in polygon, closest pair, crossing of segments.
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct point {
	int x, y;
};

static long cross(struct point o, struct point a, struct point b)
{
	return (long)(a.x - o.x) * (b.y - o.y) - (long)(a.y - o.y) * (b.x - o.x);
}

static int order(const void *p, const void *q)
{
	const struct point *a = p, *b = q;
	return a->x != b->x ? (a->x > b->x) - (a->x < b->x) : (a->y > b->y) - (a->y < b->y);
}

static bool inside(const struct point *hull, int n, double x, double y)
{
	bool in = false;
	for (int i = 0, j = n - 1; i < n; j = i++)
		if ((hull[i].y > y) != (hull[j].y > y) &&
		    x < (double)(hull[j].x - hull[i].x) * (y - hull[i].y) / (hull[j].y - hull[i].y) + hull[i].x)
			in = !in;
	return in;
}

static int sign(long v)
{
	return (v > 0) - (v < 0);
}

static bool meet(struct point a, struct point b, struct point c, struct point d)
{
	return sign(cross(a, b, c)) != sign(cross(a, b, d)) && sign(cross(c, d, a)) != sign(cross(c, d, b));
}

int main(void)
{
	struct point p[24], hull[48];
	unsigned seed = 99;
	for (int i = 0; i < 24; i++) {
		seed = seed * 1103515245u + 12345u;
		p[i].x = (int)(seed >> 16) % 100;
		seed = seed * 1103515245u + 12345u;
		p[i].y = (int)(seed >> 16) % 60 - 30;
	}
	qsort(p, 24, sizeof *p, order);
	int n = 0;
	for (int i = 0; i < 24; i++) {
		while (n >= 2 && cross(hull[n - 2], hull[n - 1], p[i]) <= 0)
			n--;
		hull[n++] = p[i];
	}
	for (int i = 22, low = n + 1; i >= 0; i--) {
		while (n >= low && cross(hull[n - 2], hull[n - 1], p[i]) <= 0)
			n--;
		hull[n++] = p[i];
	}
	n--;
	long area = 0;
	double around = 0;
	for (int i = 0; i < n; i++) {
		struct point a = hull[i], b = hull[(i + 1) % n];
		printf("(%d,%d) ", a.x, a.y);
		area += (long)a.x * b.y - (long)a.y * b.x;
		around += hypot(a.x - b.x, a.y - b.y);
	}
	printf("\narea %.1f, around %.6f\n", (double)area / 2, around);
	double best = 1e9;
	int crossings = 0;
	for (int i = 0; i < 24; i++)
		for (int j = i + 1; j < 24; j++)
			best = fmin(best, hypot(p[i].x - p[j].x, p[i].y - p[j].y));
	for (int i = 0; i + 3 < 24; i++)
		crossings += meet(p[i], p[i + 1], p[i + 2], p[(i * 7 + 3) % 24]);
	printf("closest %.9f, %d crossings, %d %d\n", best, crossings, inside(hull, n, 50, 0), inside(hull, n, -5, 3));
	for (double y = 30; y >= -30; y -= 10, putchar('\n'))
		for (double x = 0; x < 100; x += 5)
			putchar(inside(hull, n, x + 0.5, y + 0.5) ? '#' : '.');
	return 0;
}
