// LZW, run lengths and move-to-front, each with its way back.
#include <stdio.h>
#include <string.h>

static int dictionary[1024][2]; // before, letter

static int lzw(const char *s, int *out)
{
	int size = 256, n = 0, at = (unsigned char)*s++;
	for (; *s; s++) {
		int next = -1;
		for (int i = 256; i < size && next < 0; i++)
			if (dictionary[i][0] == at && dictionary[i][1] == (unsigned char)*s)
				next = i;
		if (next < 0) {
			out[n++] = at;
			dictionary[size][0] = at;
			dictionary[size++][1] = (unsigned char)*s;
			next = (unsigned char)*s;
		}
		at = next;
	}
	out[n++] = at;
	return n;
}

static int expand(int code, char *out)
{
	int len = code < 256 ? 0 : expand(dictionary[code][0], out);
	out[len] = (char)(code < 256 ? code : dictionary[code][1]);
	return len + 1;
}

static size_t front(const unsigned char *in, size_t n, unsigned char *out, int back)
{
	unsigned char order[256];
	size_t small = 0;
	for (int i = 0; i < 256; i++)
		order[i] = (unsigned char)i;
	for (size_t i = 0; i < n; i++) {
		size_t at = back ? in[i] : (size_t)((unsigned char *)memchr(order, in[i], 256) - order);
		unsigned char c = order[at];
		out[i] = back ? c : (unsigned char)at;
		memmove(order + 1, order, at);
		order[0] = c;
		small += at < 8;
	}
	return small;
}

int main(void)
{
	static const char text[] = "TOBEORNOTTOBEORTOBEORNOT banana bandana aaaaaaaaaaaaaaaaaaaaaaaaaa";
	int codes[128];
	char back[128];
	int n = lzw(text, codes), len = 0;
	for (int i = 0; i < n; i++) {
		printf("%d%c", codes[i], i % 16 == 15 || i == n - 1 ? '\n' : ' ');
		len += expand(codes[i], back + len);
	}
	back[len] = '\0';
	printf("%zu letters, %d codes, %s\n", strlen(text), n, strcmp(back, text) ? "DIFFERENT" : "same");
	unsigned char moved[128], again[128];
	size_t small = front((const unsigned char *)text, sizeof text, moved, 0);
	front(moved, sizeof text, again, 1);
	printf("%zu small, %s\n", small, memcmp(again, text, sizeof text) ? "DIFFERENT" : "same");
	for (const char *p = text; *p;) {
		size_t run = strspn(p, (char[]){*p, '\0'});
		run > 1 ? printf("%zu%c", run, *p) : printf("%c", *p);
		p += run;
	}
	putchar('\n');
	return 0;
}
