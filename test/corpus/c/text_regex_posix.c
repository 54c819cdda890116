#include <regex.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
	static const struct { const char *re, *text; } t[] = {
	    {"^([a-z]+)-([0-9]+)$", "item-42"}, {"^([a-z]+)-([0-9]+)$", "Item-42"}, {"(a|ab)(c|bcd)", "abcd"},
	    {"[[:space:]]+", "two  words"}, {"x*", "aaa"}, {"(\\.[a-z]+){2}", "file.tar.gz"}, {"a{2,3}", "caaaat"}, {"(", "x"},
	};
	int matched = 0;
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		regex_t re;
		regmatch_t m[4];
		int e = regcomp(&re, t[i].re, REG_EXTENDED);
		if (e != 0) {
			char why[80];
			regerror(e, &re, why, sizeof why);
			printf("%s: %s\n", t[i].re, why);
			continue;
		}
		if (regexec(&re, t[i].text, 4, m, 0) == 0) {
			matched++;
			printf("%s on %s:", t[i].re, t[i].text);
			for (size_t k = 0; k <= re.re_nsub; k++)
				printf(" [%d,%d) %.*s", (int)m[k].rm_so, (int)m[k].rm_eo, (int)(m[k].rm_eo - m[k].rm_so), t[i].text + m[k].rm_so);
			putchar('\n');
		} else {
			printf("%s on %s: none\n", t[i].re, t[i].text);
		}
		regfree(&re);
	}
	return matched;
}
