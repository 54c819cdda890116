// From what a tool said to what the user can do: WHAT: WHY and the remedy of a failed build of one file.
#ifndef SPORE_SOURCE_EXPLAIN_H
#define SPORE_SOURCE_EXPLAIN_H

#include "source/directive.h"
#include "source/job.h"

// Some of the pkg-config packages NAMES are not installed. Sets the error of B.
void spore__explain_packages(struct spore__job *b, const struct spore__strs *names);

// The compiler ended with STATUS after saying B->output. Sets the error of B. DIR is the source's folder.
void spore__explain_compile(struct spore__job *b, const struct spore__directives *d, const char *dir, int status);

#endif
