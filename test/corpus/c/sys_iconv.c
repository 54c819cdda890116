#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

static void convert(const char *to, const char *from, const char *text, size_t len)
{
	iconv_t cd = iconv_open(to, from);
	if (cd == (iconv_t)-1) {
		printf("%s to %s: cannot\n", from, to);
		return;
	}
	char out[64], *in = (char *)text, *end = out;
	size_t left = len, room = sizeof out;
	size_t r = iconv(cd, &in, &left, &end, &room);
	printf("%s to %s:", from, to);
	for (const char *p = out; p < end; p++)
		printf(" %02x", (unsigned char)*p);
	if (r == (size_t)-1)
		printf(" %s, %zu left", errno == EILSEQ ? "illegal" : errno == EINVAL ? "incomplete" : "other", left);
	putchar('\n');
	iconv_close(cd);
}

int main(void)
{
	const char *utf8 = "Gr\xc3\xbc\xc3\x9f" "e \xe2\x82\xac";
	convert("UTF-16LE", "UTF-8", utf8, strlen(utf8));
	convert("UTF-32BE", "UTF-8", utf8, strlen(utf8));
	convert("ISO-8859-15", "UTF-8", utf8, strlen(utf8));
	convert("ISO-8859-1", "UTF-8", utf8, strlen(utf8));
	convert("UTF-8", "ISO-8859-1", "\xe4\xf6\xfc", 3);
	convert("UTF-8", "UTF-8", "ok\xff", 3);
	convert("UTF-8", "UTF-8", "cut\xe2\x82", 5);
	convert("NO-SUCH", "UTF-8", "", 0);
	return 0;
}
