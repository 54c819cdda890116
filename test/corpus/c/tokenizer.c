// Words, numbers, strings, operators and comments of a small language, with line and column.
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum kind { END, NAME, NUMBER, STRING, MARK, BAD };
static const char *const kinds[] = {
    [END] = "end", [NAME] = "name", [NUMBER] = "number", [STRING] = "string", [MARK] = "mark", [BAD] = "bad"};

struct lexer {
	const char *p, *line_start;
	int line;
};

static enum kind next(struct lexer *l, const char **text, int *len)
{
	for (;;) {
		if (*l->p == '\n') {
			l->line++;
			l->line_start = ++l->p;
		} else if (isspace((unsigned char)*l->p)) {
			l->p++;
		} else if (*l->p == '#') {
			while (*l->p && *l->p != '\n')
				l->p++;
		} else {
			break;
		}
	}
	const char *from = *text = l->p;
	enum kind k = MARK;
	if (*from == '\0')
		k = END;
	else if (isalpha((unsigned char)*from) || *from == '_')
		for (k = NAME; isalnum((unsigned char)*l->p) || *l->p == '_'; l->p++)
			;
	else if (isdigit((unsigned char)*from))
		for (k = NUMBER; isdigit((unsigned char)*l->p) || *l->p == '.'; l->p++)
			;
	else if (*from == '"') {
		for (l->p++; *l->p && *l->p != '"' && *l->p != '\n'; l->p++)
			;
		k = *l->p == '"' ? STRING : BAD;
		if (k == STRING)
			l->p++;
	} else if (strchr("=<>!", *from) && from[1] == '=')
		l->p += 2;
	else if (strchr("+-*/=<>(){};,", *from))
		l->p++;
	else {
		k = BAD;
		l->p++;
	}
	*len = (int)(l->p - from);
	return k;
}

int main(void)
{
	struct lexer l = {.line = 1};
	l.p = l.line_start =
	    "let x1 = 3.25 * (y+1);  # comment\n\tif (x1 >= 10) { print(\"a b\", _z); }\n@ \"open\n!= == = ! 0";
	int count[6] = {0};
	for (;;) {
		const char *text;
		int len;
		enum kind k = next(&l, &text, &len);
		count[k]++;
		printf("%d:%-3d %-7s '%.*s'\n", l.line, (int)(text - l.line_start) + 1, kinds[k], len, text);
		if (k == END)
			break;
	}
	for (int i = 0; i < 6; i++)
		printf("%s=%d%c", kinds[i], count[i], i < 5 ? ' ' : '\n');
	return 0;
}
