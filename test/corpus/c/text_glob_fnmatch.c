#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <unistd.h>
static int match(const char *p, const char *s)
{
	for (; *p != '\0'; p++, s++) {
		if (*p == '*') {
			for (;; s++) {
				if (match(p + 1, s))
					return 1;
				if (*s == '\0')
					return 0;
			}
		}
		if (*s == '\0' || (*p != '?' && *p != *s))
			return 0;
	}
	return *s == '\0';
}
int main(void)
{
	static const char *const names[] = {"a.c", "b.c", "main.h", "Makefile", "x1", "x2", "x10"};
	static const char *const patterns[] = {"*.c", "x?", "*", "*a*", "", "??*e", "x*0"};
	for (unsigned i = 0; i < 7; i++)
		close(open(names[i], O_CREAT | O_WRONLY, 0600));
	for (unsigned p = 0; p < 7; p++) {
		printf("'%s':", patterns[p]);
		for (unsigned i = 0; i < 7; i++) {
			if (match(patterns[p], names[i]) != (fnmatch(patterns[p], names[i], 0) == 0))
				return 1;
			if (match(patterns[p], names[i]))
				printf(" %s", names[i]);
		}
		putchar('\n');
	}
	glob_t g;
	printf("%d", glob("[a-m]*.[ch]", 0, NULL, &g));
	for (size_t i = 0; i < g.gl_pathc; i++)
		printf(" %s", g.gl_pathv[i]);
	globfree(&g);
	printf(" %d\n", glob("nothing*", 0, NULL, &g) == GLOB_NOMATCH);
	return 0;
}
