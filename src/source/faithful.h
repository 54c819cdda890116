// Which C files tcc compiles so that they behave as with an optimising compiler, and how it is called. A refusal costs one slower
// compilation; a wrong program would cost trust: what is in doubt is refused. docs/design/two-tiers.md has the reasons.
#ifndef SPORE_SOURCE_FAITHFUL_H
#define SPORE_SOURCE_FAITHFUL_H

#include <stddef.h>

#include "base/buf.h"

// Looks at the text of one of the program's own files. NULL: nothing speaks against tcc; else why not, a static string.
const char *spore__faithful_refusal(const char *text, size_t len);

// The part of it that looks at how tokens stand together.
const char *spore__faithful_shape(const char *text, size_t len);

// The part of it that looks for mistakes that tcc lets pass and gcc does not.
const char *spore__faithful_strict(const char *text, size_t len);

// The same for compiler flags, NULL-terminated; FLAGS itself may be NULL.
const char *spore__faithful_refuses_flags(const char *const *flags);

// Adds tcc's flags. LIBEXEC is the folder that has tcc-prelude.h. Whatever tcc prints with them is a refusal.
void spore__faithful_flags(const char *libexec, struct spore__strs *argv);

#endif
