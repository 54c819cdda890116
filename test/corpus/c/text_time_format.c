#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
static long days(int y, int m, int d)
{
	y -= m <= 2;
	long era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
	long doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}
int main(void)
{
	static const time_t at[] = {0, 1, 951782400, 1234567890, 2147483647, 4102444800, -86400};
	setenv("TZ", "UTC0", 1);
	tzset();
	for (unsigned i = 0; i < sizeof at / sizeof *at; i++) {
		struct tm tm;
		char text[100];
		gmtime_r(&at[i], &tm);
		strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %a %b %j %U %y %p %%", &tm);
		printf("%s %d\n", text, timegm(&tm) == at[i]);
		if (days(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) * 86400 + tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec != at[i])
			return 1;
	}
	struct tm odd = {.tm_year = 124, .tm_mon = 13, .tm_mday = 35, .tm_hour = -5};
	time_t t = mktime(&odd);
	printf("%lld %d %d %d %d\n", (long long)t, odd.tm_year, odd.tm_mon, odd.tm_mday, odd.tm_wday);
	struct tm parsed;
	memset(&parsed, 0, sizeof parsed);
	printf("%s|\n", strptime("29 Feb 2000 rest", "%d %b %Y", &parsed));
	printf("%d %d %g\n", parsed.tm_yday, parsed.tm_wday, difftime(at[3], at[2]));
	return 0;
}
