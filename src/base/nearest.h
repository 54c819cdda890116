// "Did you mean": the known word nearest to one that was typed.
#ifndef SPORE_BASE_NEAREST_H
#define SPORE_BASE_NEAREST_H

// The entry of the NULL-terminated WORDS with the fewest edits from TYPED (Damerau-Levenshtein, adjacent transpositions);
// NULL when none is near enough to be meant.
const char *spore__nearest(const char *typed, const char *const *words);

#endif
