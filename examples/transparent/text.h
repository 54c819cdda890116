// Functions of texts, wherever they are: in C (server.c), in Python (server.py), or in the program itself.
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>

struct counts {
	int words;
	int letters;
};

// How many words and letters there are.
struct counts count(const char *text);
// The words from the last to the first; the caller frees it.
char *backwards(const char *text);
// Every word, one after the other.
void each_word(const char *text, void (*word)(const char *word, void *arg), void *arg);
// Where it runs.
const char *where(void);

#endif
