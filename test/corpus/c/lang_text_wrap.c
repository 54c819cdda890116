#include <stdio.h>
#include <string.h>

static int fill(const char *s, int width, int justify)
{
	int lines = 0;
	while (*s) {
		const char *word[40];
		int len[40], n = 0, used = 0;
		const char *p = s;
		while (*p) {
			int l = (int)strcspn(p, " ");
			if (n && used + n + l > width)
				break;
			word[n] = p;
			len[n++] = l;
			used += l;
			p += l;
			p += strspn(p, " ");
		}
		int gaps = n - 1, spare = width - used;
		putchar('|');
		for (int i = 0; i < n; i++) {
			printf("%.*s", len[i], word[i]);
			if (i < gaps) {
				int blanks = justify && *p ? spare / gaps + (i < spare % gaps) : 1;
				printf("%*s", blanks, "");
			}
		}
		printf("%*s|\n", !justify || !*p ? width - used - gaps : gaps ? 0 : spare, "");
		s = p;
		lines++;
	}
	return lines;
}

int main(void)
{
	static const char text[] = "A small program should do one thing, and do it well; what it prints may be what another one reads, "
	                           "and neither has to know of the other.";
	int lines = fill(text, 30, 0) + fill(text, 34, 1) + fill(text, 20, 1);
	printf("%d\n", lines);
	return lines;
}
