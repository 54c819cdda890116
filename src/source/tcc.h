// The fast compiler: libtcc, in a confined child of this process. No program has to be started and linked for it, which would
// take as long as the compilation.
#ifndef SPORE_SOURCE_TCC_H
#define SPORE_SOURCE_TCC_H

#include "base/buf.h"
#include "source/compiler.h"

struct spore__tcc {
	const char *const *flags; // NULL-terminated; may be NULL
	const char *const *libs;  // -lNAME, -LFOLDER, files; NULL-terminated; may be NULL
	const char *source;
	const char *const *more; // further sources, NULL-terminated; may be NULL
	const char *program;     // to be written
};

// Compiles and links as tcc would. What it says is added to OUTPUT. 0: done; another status: not; -1 with errno: it could not be
// started. What it reads goes to the trace file, this very program as the tool among it.
int spore__tcc_run(const struct spore__compiler *c, const struct spore__tcc *job, struct spore__buf *output);

#endif
