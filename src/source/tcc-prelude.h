// Included before everything that tcc compiles.
#if defined __TINYC__ && !defined SPORE_TCC_PRELUDE_H
#define SPORE_TCC_PRELUDE_H
// The language that gcc takes by default; glibc's headers go by it, too. tcc knows all of it but what it has no word for.
#undef __STDC_VERSION__
#define __STDC_VERSION__ 201710L
// What a program may ask of the machine, not of the compiler.
#define _LP64 1
#define linux 1
#define __ELF__ 1
#ifdef __x86_64__
#define __x86_64 1
#define __amd64 1
#define __amd64__ 1
#endif
// glibc's <sys/cdefs.h> takes __attribute__ away from compilers that it does not know, silently: packed structures get holes and
// constructors do not run.
// <features.h> has to wait for what the program defines before its first header, _GNU_SOURCE for one.
#define _FEATURES_H
#define __GNUC_PREREQ(major, minor) 0
#define __glibc_clang_prereq(major, minor) 0
#include <sys/cdefs.h>
#undef __glibc_clang_prereq
#undef __GNUC_PREREQ
#undef _FEATURES_H
#undef __attribute__
#undef __warnattr
#define __warnattr(message)
#undef __errordecl
#define __errordecl(name, message) extern void name(void)
// regexec() says in its prototype how long its array is, by a parameter; tcc has no word for that.
#define _REGEX_NELTS(n)
// tcc switches on anything, gcc only on integers; so does |.
// clang-format off
#define switch(...) switch ((__VA_ARGS__) | 0)
// clang-format on
#endif
