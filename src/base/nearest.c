#include "base/nearest.h"

#include <stddef.h>
#include <string.h>

enum { LONGEST = 63 };

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;
	return m < c ? m : c;
}

// Optimal string alignment distance; both at most LONGEST.
static size_t edits(const char *a, const char *b)
{
	size_t rows[3][LONGEST + 1];
	size_t la = strlen(a), lb = strlen(b);
	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *row = rows[i % 3], *up = rows[(i - 1) % 3], *upup = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			row[j] = smallest(up[j] + 1, row[j - 1] + 1, up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && upup[j - 2] + 1 < row[j])
				row[j] = upup[j - 2] + 1;
		}
	}
	return rows[la % 3][lb];
}

const char *spore__nearest(const char *typed, const char *const *words)
{
	if (strlen(typed) > LONGEST)
		return NULL;
	const char *best = NULL;
	size_t least = 1 + strlen(typed) / 3;
	for (; *words != NULL; words++) {
		if (strlen(*words) > LONGEST)
			continue;
		size_t n = edits(typed, *words);
		if (n <= least && (best == NULL || n < least)) {
			best = *words;
			least = n;
		}
	}
	return best;
}
