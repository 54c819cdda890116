#include <stdio.h>

struct date { int y; unsigned m : 4, d : 5; };

static long days(struct date t)
{
	int y = t.y - (t.m <= 2), era = (y >= 0 ? y : y - 399) / 400;
	unsigned yoe = (unsigned)(y - era * 400), doy = (153u * (t.m + (t.m > 2 ? -3u : 9u)) + 2) / 5 + t.d - 1;
	return era * 146097L + (long)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

static struct date civil(long z)
{
	z += 719468;
	long era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097), yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	struct date t = {(int)(yoe + (unsigned)(era * 400)), mp < 10 ? mp + 3 : mp - 9, doy - (153 * mp + 2) / 5 + 1};
	t.y += t.m <= 2;
	return t;
}

int main(void)
{
	static const struct date t[] = {{1970, 1, 1}, {2000, 2, 29}, {1600, 12, 31}, {1, 1, 1}, {-4713, 11, 24}, {2400, 3, 1}};
	for (int i = 0; i < 6; i++) {
		long n = days(t[i]);
		struct date back = civil(n);
		printf("%d-%02u-%02u is day %ld, weekday %ld, back %d-%02u-%02u\n", t[i].y, t[i].m, t[i].d, n, ((n + 4) % 7 + 7) % 7, back.y, back.m, back.d);
	}
	int bad = 0;
	for (long n = -800000; n < 800000; n += 37)
		bad += days(civil(n)) != n;
	for (int y = 1990; y < 2030; y += 3) {
		int a = y % 19, b = y / 100, c = y % 100, d = b / 4, e = b % 4, f = (b + 8) / 25, g = (b - f + 1) / 3;
		int h = (19 * a + b - d - g + 15) % 30, i = c / 4, k = c % 4, l = (32 + 2 * e + 2 * i - h - k) % 7, m = (a + 11 * h + 22 * l) / 451;
		printf("%d:%d/%d ", y, (h + l - 7 * m + 114) % 31 + 1, (h + l - 7 * m + 114) / 31);
	}
	printf("\n%d wrong\n", bad);
	return bad;
}
