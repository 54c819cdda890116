// Keys that a person types to leave, found in what goes to a program.
#ifndef SPORE_CLI_KEYS_H
#define SPORE_CLI_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum { SPORE__KEYS_MAX = 8 };

struct spore__keys {
	unsigned char keys[SPORE__KEYS_MAX];
	size_t count;   // 0: none
	size_t matched; // of them were the last ones typed, and are held back
};

// "ctrl-p,ctrl-q", "ctrl-\\,d", "none". False: it is nothing of the kind.
bool spore__keys_parse(struct spore__keys *k, const char *text);

// Takes LEN typed bytes; *OUT, of at least LEN + SPORE__KEYS_MAX bytes, gets what the program is to have. True: the keys were typed, and
// what comes after them is left out.
bool spore__keys_filter(struct spore__keys *k, const unsigned char *in, size_t len, unsigned char *out,
                        size_t *out_len);

#endif
