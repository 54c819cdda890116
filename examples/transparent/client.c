// A C program that calls functions. The first line is all that it knows of where they are.
// spore: calls text.h via text
#include <spore/call.h>
#include <stdio.h>
#include <stdlib.h>

#include "text.h"

static void print(const char *word, void *arg)
{
	printf("%s%s", *(int *)arg > 0 ? ", " : "", word);
	*(int *)arg += 1;
}

int main(void)
{
	const char *text = "nobody knows where a function lives";
	int n = 0;
	spore_call_deadline(10000); // of each call; without it a call waits until its port is wired
	struct counts c = count(text);
	if (spore_call_status() != SPORE_OK) {
		printf("count: %s\n", spore_call_message());
		return 1;
	}
	char *turned = backwards(text);
	printf("where: %s\n", where());
	printf("count: %d words, %d letters\n", c.words, c.letters);
	printf("backwards: %s\n", turned != NULL ? turned : "");
	printf("words: ");
	each_word(text, print, &n);
	printf("\n");
	free(turned);
	return 0;
}
