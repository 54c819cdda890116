#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static char *pack(const char *s)
{
	char *out = malloc(strlen(s) * 2 + 1), *o = out;
	while (*s != '\0') {
		int n = 1;
		while (s[n] == *s && n < 9)
			n++;
		if (n > 1)
			*o++ = (char)('0' + n);
		*o++ = *s;
		s += n;
	}
	*o = '\0';
	return out;
}
static char *unpack(const char *s)
{
	size_t n = 0, room = 4;
	char *out = malloc(room);
	for (; *s != '\0'; s++) {
		int times = *s >= '2' && *s <= '9' ? *s++ - '0' : 1;
		while (times-- > 0) {
			if (n + 1 == room)
				out = realloc(out, room *= 2);
			out[n++] = *s;
		}
	}
	out[n] = '\0';
	return out;
}
int main(void)
{
	static const char *const in[] = {"", "a", "aaaabbbcca", "zzzzzzzzzzzzzzzzzzzzz", "abcabc", "  --  "};
	size_t saved = 0;
	for (int i = 0; i < 6; i++) {
		char *p = pack(in[i]), *u = unpack(p);
		printf("'%s' -> '%s' %s\n", in[i], p, strcmp(u, in[i]) == 0 ? "ok" : "BAD");
		saved += strlen(in[i]) - strlen(p);
		free(p);
		free(u);
	}
	return (int)saved;
}
