/* Topological order of make-like rules, read from a string; cycles are named. */
#include <stdio.h>
#include <string.h>

#define MAX 32
static char name[MAX][16];
static int edge[MAX][MAX], state[MAX], order[MAX];
static int names, ordered;

static int id(const char *s, int len)
{
	int i;
	for (i = 0; i < names; i++)
		if ((int)strlen(name[i]) == len && !memcmp(name[i], s, (size_t)len))
			return i;
	memcpy(name[names], s, (size_t)len);
	name[names][len] = 0;
	return names++;
}

static void parse(const char *s)
{
	while (*s) {
		int target = -1;
		while (*s && *s != '\n') {
			int len = (int)strcspn(s, " :\n");
			if (len) {
				int w = id(s, len);
				if (target < 0)
					target = w;
				else
					edge[target][w] = 1;
			}
			s += len;
			s += strspn(s, " :");
		}
		if (*s)
			s++;
	}
}

static int visit(int n)
{
	int i;
	if (state[n] == 2)
		return 0;
	if (state[n] == 1) {
		printf("cycle at %s\n", name[n]);
		return 1;
	}
	state[n] = 1;
	for (i = 0; i < names; i++)
		if (edge[n][i] && visit(i)) {
			printf("  needed by %s\n", name[n]);
			return 1;
		}
	state[n] = 2;
	order[ordered++] = n;
	return 0;
}

static int solve(const char *rules)
{
	int i, bad = 0;
	memset(edge, 0, sizeof edge);
	memset(state, 0, sizeof state);
	names = ordered = 0;
	parse(rules);
	for (i = 0; i < names && !bad; i++)
		bad = visit(i);
	for (i = 0; i < ordered; i++)
		printf("%s%c", name[order[i]], i + 1 < ordered ? ' ' : '\n');
	return bad;
}

int main(void)
{
	int bad = solve("all: prog doc\nprog: main.o util.o lib\nmain.o: main.c util.h\nutil.o: util.c util.h\nlib: util.o\ndoc: manual\n");
	bad += solve("a: b c\nb: d\nc: d\nd: e\ne: c\n");
	return bad;
}
