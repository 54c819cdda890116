// Included before everything that tcc compiles. glibc's <sys/cdefs.h> takes __attribute__ away from compilers that it does not
// know, silently: packed structures get holes and constructors do not run.
#if defined __TINYC__ && !defined SPORE_TCC_PRELUDE_H
#define SPORE_TCC_PRELUDE_H
#include <sys/cdefs.h>
#undef __attribute__
#undef __warnattr
#define __warnattr(message)
#undef __errordecl
#define __errordecl(name, message) extern void name(void)
#endif
