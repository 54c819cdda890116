#include <stdio.h>
#include <string.h>
enum state { START, PLAIN, QUOTED, QUOTE };
static int parse(const char *p, char fields[][20], int max)
{
	enum state st = START;
	int n = 0, len = 0;
	for (;; p++) {
		char c = *p;
		switch (st) {
		case START:
			if (c == '"') {
				st = QUOTED;
				break;
			}
			st = PLAIN;
			/* fall through */
		case PLAIN:
			if (c == ',' || c == '\0') {
		end:
				fields[n++][len] = '\0';
				len = 0;
				if (c == '\0' || n == max)
					return n;
				st = START;
			} else {
				fields[n][len++] = c;
			}
			break;
		case QUOTED:
			if (c == '\0')
				return -1;
			if (c == '"')
				st = QUOTE;
			else
				fields[n][len++] = c;
			break;
		case QUOTE:
			if (c == ',' || c == '\0')
				goto end;
			if (c != '"')
				return -1;
			fields[n][len++] = c;
			st = QUOTED;
		}
	}
}
int main(void)
{
	static const char *const lines[] = {"a,b,c", "", ",,", "\"x,y\",z", "\"say \"\"hi\"\"\",2", "\"open", "\"a\"b"};
	int sum = 0;
	for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
		char f[8][20];
		int n = parse(lines[i], f, 8);
		printf("%d:", n);
		for (int k = 0; k < n; k++)
			printf(" <%s>", f[k]);
		putchar('\n');
		sum += n;
	}
	return sum;
}
