#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
int main(void)
{
	char line[] = "one, two,,three ;four", copy[] = "a=1&b=2&c", *save, *p;
	for (p = strtok(line, ", ;"); p != NULL; p = strtok(NULL, ", ;"))
		printf("<%s>", p);
	for (p = strtok_r(copy, "&", &save); p != NULL; p = strtok_r(NULL, "&", &save))
		printf("{%s}", p);
	char sep[] = "x::y:", *s = sep;
	while ((p = strsep(&s, ":")) != NULL)
		printf("(%s)", p);
	putchar('\n');
	printf("%d %d %d %d\n", strcmp("a", "b") < 0, strncmp("abc", "abd", 2), strcasecmp("HeLLo", "hEllO"), memcmp("\xff", "\x01", 1) > 0);
	printf("%zu %zu %zu\n", strspn("aabbc", "ab"), strcspn("hello", "lo"), strnlen("abcdef", 3));
	printf("%s %s %s %s\n", strstr("haystack", "st"), strrchr("a/b/c", '/'), strchr("key=v", '='), strpbrk("this, that", ",;"));
	char b[20] = "0123456789";
	memmove(b + 2, b, 6);
	printf("%s %s\n", b, (char *)memchr(b, '4', 10));
	strncpy(b, "ab", 5);
	printf("%d %d %s\n", b[2], b[4], b + 5);
	char *d = strdup("dup"), *nd = strndup("dupped", 4), *a;
	int n = asprintf(&a, "%d-%s", 7, d);
	printf("%s %s %d %s\n", d, nd, n, a);
	p = stpcpy(b, "end");
	printf("%s %s\n", strerror(2), p == b + 3 ? b : "?");
	free(d); free(nd); free(a);
	return (int)strlen(strcat(strcpy(b, "x"), "yz"));
}
