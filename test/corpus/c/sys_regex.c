#include <regex.h>
#include <stdio.h>
#include <string.h>

static void try(const char *pattern, int flags, const char *text)
{
	regex_t re;
	regmatch_t m[6];
	char why[100];
	int e = regcomp(&re, pattern, REG_EXTENDED | flags);
	if (e != 0) {
		regerror(e, &re, why, sizeof why);
		printf("/%s/: %s\n", pattern, why);
		return;
	}
	e = regexec(&re, text, 6, m, 0);
	printf("/%s/ \"%s\": ", pattern, text);
	if (e == REG_NOMATCH)
		printf("no");
	for (size_t i = 0; e == 0 && i <= re.re_nsub && i < 6; i++)
		if (m[i].rm_so >= 0)
			printf("[%d-%d %.*s]", (int)m[i].rm_so, (int)m[i].rm_eo, (int)(m[i].rm_eo - m[i].rm_so), text + m[i].rm_so);
		else
			printf("[-]");
	putchar('\n');
	regfree(&re);
}

int main(void)
{
	try("([a-z]+)@([a-z.]+)", 0, "write to someone@example.org now");
	try("^(-?[0-9]+)(\\.[0-9]*)?$", 0, "-12.5");
	try("^(-?[0-9]+)(\\.[0-9]*)?$", 0, "42");
	try("HELLO", REG_ICASE, "well, hello");
	try("(a|ab)(c|bcd)(d*)", 0, "abcd");
	try("x{2,3}y", 0, "xxxxy");
	try("[[:digit:]]{4}-[[:digit:]]{2}", 0, "on 2024-07-01");
	try("colou?r", 0, "colr");
	try("(unbalanced", 0, "");
	try("a**", 0, "aaa");
	return 0;
}
