// Knuth-Morris-Pratt, Boyer-Moore-Horspool, Rabin-Karp and strstr agree.
#include <limits.h>
#include <stdio.h>
#include <string.h>

static int kmp(const char *text, const char *want)
{
	int fail[64] = {0}, m = (int)strlen(want), k = 0, hits = 0;
	for (int i = 1; i < m; i++) {
		while (k > 0 && want[k] != want[i])
			k = fail[k - 1];
		if (want[k] == want[i])
			k++;
		fail[i] = k;
	}
	k = 0;
	for (int i = 0; text[i]; i++) {
		while (k > 0 && want[k] != text[i])
			k = fail[k - 1];
		if (want[k] == text[i])
			k++;
		if (k == m) {
			hits += 1000 + i;
			k = fail[k - 1];
		}
	}
	return hits;
}

static int horspool(const char *text, const char *want)
{
	int shift[UCHAR_MAX + 1], n = (int)strlen(text), m = (int)strlen(want), hits = 0;
	for (int i = 0; i <= UCHAR_MAX; i++)
		shift[i] = m;
	for (int i = 0; i < m - 1; i++)
		shift[(unsigned char)want[i]] = m - 1 - i;
	for (int at = 0; at + m <= n;) {
		if (memcmp(text + at, want, (size_t)m) == 0) {
			hits += 1000 + at + m - 1;
			at++;
		} else {
			at += shift[(unsigned char)text[at + m - 1]];
		}
	}
	return hits;
}

static int rabin_karp(const char *text, const char *want)
{
	unsigned h = 0, w = 0, top = 1;
	int m = (int)strlen(want), hits = 0;
	for (int i = 0; i < m; i++) {
		w = w * 257 + (unsigned char)want[i];
		top = i ? top * 257 : 1;
	}
	for (int i = 0; text[i]; i++) {
		if (i >= m)
			h -= top * (unsigned char)text[i - m];
		h = h * 257 + (unsigned char)text[i];
		if (i >= m - 1 && h == w && memcmp(text + i - m + 1, want, (size_t)m) == 0)
			hits += 1000 + i;
	}
	return hits;
}

static int plain(const char *text, const char *want)
{
	int hits = 0;
	for (const char *p = text; (p = strstr(p, want)) != NULL; p++)
		hits += 1000 + (int)(p - text) + (int)strlen(want) - 1;
	return hits;
}

int main(void)
{
	static const char text[] = "abracadabra abracadabra, aaaaab aabaaab; the end of the text that ends the end";
	static const char *const wanted[] = {"abra", "aaab", "the", "a", "end", "cadabra a", "none", "xyz", "aab"};
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		printf("%-10s %d %d %d %d\n", wanted[i], kmp(text, wanted[i]), horspool(text, wanted[i]),
		       rabin_karp(text, wanted[i]), plain(text, wanted[i]));
	return 0;
}
