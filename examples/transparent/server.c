// The functions in C. Who has no main of its own serves them.
// spore: serves text.h via text
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

// The word at *AT, which moves behind it; its length.
static size_t next_word(const char **at, const char **word)
{
	*word = *at + strspn(*at, " ");
	size_t len = strcspn(*word, " ");
	*at = *word + len;
	return len;
}

struct counts count(const char *text)
{
	struct counts c = {0, 0};
	const char *word;
	for (size_t len; (len = next_word(&text, &word)) > 0; c.words++)
		for (size_t i = 0; i < len; i++)
			c.letters += isalpha((unsigned char)word[i]) != 0;
	return c;
}

char *backwards(const char *text)
{
	size_t end = strlen(text);
	char *all = malloc(end + 2), *to = all != NULL ? all + end + 1 : NULL;
	const char *word;
	if (all == NULL)
		return NULL;
	*to = '\0';
	for (size_t len; (len = next_word(&text, &word)) > 0;) {
		if (*to != '\0')
			*--to = ' ';
		to -= len;
		memcpy(to, word, len);
	}
	memmove(all, to, strlen(to) + 1);
	return all;
}

void each_word(const char *text, void (*word)(const char *word, void *arg), void *arg)
{
	const char *at;
	for (size_t len; (len = next_word(&text, &at)) > 0;) {
		char *copy = malloc(len + 1);
		if (copy == NULL)
			return;
		memcpy(copy, at, len);
		copy[len] = '\0';
		word(copy, arg);
		free(copy);
	}
}

const char *where(void)
{
	return "a C program";
}
