#include "source/diagnose.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { REASON_MAX = 400, SYMBOLS_MAX = 64 };

// Better reasons first; of one kind the first in the log, since others follow from it.
static const char *const reasons[] = {
    ": fatal error:",
    ": error:",
    " error: ",
    "undefined reference to",
    "multiple definition of",
    "cannot find -l",
    "CMake Error",
    "ERROR:",
    "error:",
    "command not found",
    ": not found",
    "No rule to make target",
    "No such file or directory",
    "bwrap: ",
    "Permission denied",
    " Error ",
    NULL,
};

// What a log says, and the amendment that it asks for.
static const struct {
	const char *says;
	enum spore__amendment amendment;
} rules[] = {
    {"multiple definition of", SPORE__AMEND_COMMON},
    {"[-Werror", SPORE__AMEND_NO_WERROR},
    {"all warnings being treated as errors", SPORE__AMEND_NO_WERROR},
    {"[-fpermissive]", SPORE__AMEND_NO_WERROR},
    {"unknown type name ‘u_", SPORE__AMEND_GNU_SOURCE},
    {"unknown type name ‘uint’", SPORE__AMEND_GNU_SOURCE},
    {"unknown type name ‘ulong’", SPORE__AMEND_GNU_SOURCE},
    {"unknown type name ‘caddr_t’", SPORE__AMEND_GNU_SOURCE},
    {"storage size of ‘", SPORE__AMEND_GNU_SOURCE},
    {"has incomplete type", SPORE__AMEND_GNU_SOURCE},
    {"invalid use of undefined type", SPORE__AMEND_GNU_SOURCE},
    {"two or more data types in declaration specifiers", SPORE__AMEND_GNU89},
    {"cannot use keyword ‘", SPORE__AMEND_GNU89},
    {"conflicting types for ‘", SPORE__AMEND_GNU89},
    {"expected ‘;’ before ‘inline’", SPORE__AMEND_GNU89},
    {"ISO C++17 does not allow", SPORE__AMEND_CXX14},
    {"ISO C++1z does not allow", SPORE__AMEND_CXX14},
    {"when making a PIE object", SPORE__AMEND_NO_PIE},
    {"recompile with -fPIE", SPORE__AMEND_NO_PIE},
    {"errno: TLS definition in", SPORE__AMEND_ERRNO},
    {"errno@@GLIBC_PRIVATE", SPORE__AMEND_ERRNO},
    {"cannot change ownership", SPORE__AMEND_OWNER},
    {"changing ownership of", SPORE__AMEND_OWNER},
    {"changing group of", SPORE__AMEND_OWNER},
    {": invalid user", SPORE__AMEND_OWNER},
    {": invalid group", SPORE__AMEND_OWNER},
};

static char *line_at(const char *log, const char *at)
{
	const char *start = at;
	while (start > log && start[-1] != '\n')
		start--;
	struct spore__buf out = {0};
	size_t len = strcspn(start, "\n");
	spore__buf_add(&out, start, len < REASON_MAX ? len : REASON_MAX);
	// CMake puts the message below its place.
	if (strncmp(start, "CMake Error", 11) == 0) {
		const char *next = start + len + strspn(start + len, " \n");
		len = strcspn(next, "\n");
		spore__buf_char(&out, ' ');
		spore__buf_add(&out, next, len < REASON_MAX ? len : REASON_MAX);
	}
	char *line = spore__buf_take(&out);
	for (char *p = line; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	return line;
}

// The linker's reason stands above; collect2 only tells that there was one.
static bool is_echo(const char *log, const char *at)
{
	while (at > log && at[-1] != '\n')
		at--;
	return strncmp(at, "collect2: ", 10) == 0 || strncmp(at, "clang: error: linker", 20) == 0;
}

char *spore__diagnose_reason(const char *log)
{
	for (size_t i = 0; reasons[i] != NULL; i++)
		for (const char *at = log; (at = strstr(at, reasons[i])) != NULL; at += strlen(reasons[i]))
			if (!is_echo(log, at))
				return line_at(log, at);
	const char *end = log + strlen(log);
	while (end > log && strchr(" \n\t", end[-1]) != NULL)
		end--;
	return end == log ? spore__xstrdup("it failed without a word") : line_at(log, end - 1);
}

bool spore__diagnose_mistake(const char *log)
{
	for (const char *at = log; (at = strstr(at, ": error:")) != NULL; at++)
		if (!is_echo(log, at))
			return true;
	return false;
}

bool spore__diagnose_compiler(const struct spore__sandbox_end *end)
{
	static const char *const says[] = {": error:", ": fatal error:", "undefined reference to", "cannot find -l",
	                                   NULL};
	for (size_t i = 0; says[i] != NULL; i++)
		if (end->tail.data != NULL && strstr(end->tail.data, says[i]) != NULL)
			return true;
	return false;
}

void spore__diagnose_undefined(const char *log, struct spore__strs *symbols)
{
	static const char says[] = "undefined reference to ";
	for (const char *p = log; (p = strstr(p, says)) != NULL && symbols->count < SYMBOLS_MAX;) {
		p += sizeof says - 1;
		p += strspn(p, "`'\"");
		size_t len = strcspn(p, "'\"\n");
		char *symbol = spore__xstrndup(p, len);
		if (strncmp(symbol, "\xe2\x80\x98", 3) != 0 && strcmp(symbol, "main") != 0 &&
		    !spore__strs_has(symbols, symbol))
			spore__strs_add(symbols, symbol);
		free(symbol);
	}
}

bool spore__diagnose_amend(const char *log, struct spore__amends *amends)
{
	bool added = false;
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (!amends->has[rules[i].amendment] && strstr(log, rules[i].says) != NULL) {
			amends->has[rules[i].amendment] = true;
			added = true;
		}
	struct spore__strs symbols = {0};
	spore__diagnose_undefined(log, &symbols);
	size_t before = amends->libs.count;
	if (symbols.count > 0)
		spore__symbols_libraries(&symbols, &amends->libs);
	spore__strs_finish(&symbols);
	return added || amends->libs.count > before;
}
