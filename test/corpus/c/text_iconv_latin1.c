#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>
static void convert(const char *to, const char *from, const char *text)
{
	iconv_t cd = iconv_open(to, from);
	char in[40], out[80];
	strcpy(in, text);
	char *i = in, *o = out;
	size_t left = strlen(in), room = sizeof out;
	size_t r = iconv(cd, &i, &left, &o, &room);
	printf("%s to %s: %s, %zu left:", from, to, r == (size_t)-1 ? strerror(errno) : "fine", left);
	for (char *c = out; c < o; c++)
		printf(" %02x", (unsigned char)*c);
	putchar('\n');
	iconv_close(cd);
}
int main(void)
{
	convert("UTF-8", "ISO-8859-1", "caf\xe9");
	convert("ISO-8859-1", "UTF-8", "na\xc3\xafve");
	convert("UTF-16BE", "UTF-8", "a\xe2\x82\xac\xf0\x9f\x98\x80");
	convert("ISO-8859-1", "UTF-8", "\xe2\x82\xac");
	convert("UTF-32LE", "UTF-8", "x\xc3");
	return iconv_open("no-such", "UTF-8") == (iconv_t)-1 ? 0 : 1;
}
