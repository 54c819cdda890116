// Gives an installed tree another path of the same length: in texts, in the strings of programs, in links.
#ifndef SPORE_SOURCE_RELOCATE_H
#define SPORE_SOURCE_RELOCATE_H

#include <stddef.h>

// Replaces each FROM by TO, which is as long, in every file and link target below DIR. 0; -1 with errno and *WHERE (malloc'ed).
int spore__relocate(const char *dir, const char *from, const char *to, char **where);

// The same in one string.
void spore__relocate_text(char *text, const char *from, const char *to);

#endif
