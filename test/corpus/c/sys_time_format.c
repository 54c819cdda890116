#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(void)
{
    static const time_t moments[] = {0, 86399, 951782400, 1000000000, 1234567890, 1709164800, 2147483647, 4102444800};
    static const char *const formats[] = {"%Y-%m-%dT%H:%M:%SZ", "%a %d %b %Y", "%j %U %W %u %w", "%I:%M %p %y %C", "%G-W%V", "%D %R %%"};
    char text[80];
    setenv("TZ", "UTC", 1);
    tzset();
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        struct tm tm;
        gmtime_r(&moments[i], &tm);
        for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
            size_t n = strftime(text, sizeof text, formats[f], &tm);
            printf("%s%.*s", f ? " | " : "", (int)n, text);
        }
        printf("\n");
        if (mktime(&tm) != moments[i])
            return 1;
    }
    struct tm odd = {.tm_year = 124, .tm_mon = 13, .tm_mday = -5, .tm_hour = 49, .tm_min = -3};
    time_t t = mktime(&odd);
    printf("%lld %s", (long long)t, asctime(&odd));
    memset(&odd, 0, sizeof odd);
    printf("%s left\n", strptime("23 Nov 2001 17:45:01 rest", "%d %b %Y %H:%M:%S", &odd));
    printf("%d-%d-%d %d:%d:%d wday %d yday %d\n", odd.tm_year, odd.tm_mon, odd.tm_mday, odd.tm_hour, odd.tm_min, odd.tm_sec,
           odd.tm_wday, odd.tm_yday);
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    for (time_t when = 1711846800 - 3600; when <= 1711846800 + 3600; when += 3600) {
        strftime(text, sizeof text, "%F %T %Z %z", localtime(&when));
        puts(text);
    }
    printf("%.0f\n", difftime(moments[4], moments[3]));
    return 0;
}
