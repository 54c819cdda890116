// What debian/rules gives the build system: options and assignments are found by their form, wherever they stand.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/build.h"

// Those that direct the installation or the compiler are ours to give.
static bool is_ours(const char *name, size_t len)
{
	static const char *const starts[] = {
	    "DEB_",    "DH_", "DESTDIR", "PREFIX", "prefix", "CFLAGS", "CPPFLAGS", "CXXFLAGS",
	    "LDFLAGS", "CC=", "CXX=",    "V=",     "PATH=",  "LC_",    "LANG=",    NULL};
	for (size_t i = 0; starts[i] != NULL; i++)
		if (strncmp(name, starts[i], strlen(starts[i])) == 0)
			return true;
	return len == 0;
}

static bool is_assignment(const char *word)
{
	size_t len = 0;
	while (isupper((unsigned char)word[len]) || isdigit((unsigned char)word[len]) || word[len] == '_')
		len++;
	return word[len] == '=' && word[len + 1] != '\0' && word[len + 1] != '/' && !is_ours(word, len);
}

static bool is_option(const struct spore__build_ops *ops, const char *word)
{
	static const char *const starts[] = {"--with-", "--without-", "--enable-", "--disable-", NULL};
	if (ops == &spore__build_meson || ops == &spore__build_cmake)
		return strncmp(word, "-D", 2) == 0 && strchr(word, '=') != NULL && strstr(word, "INSTALL") == NULL;
	for (size_t i = 0; starts[i] != NULL; i++)
		if (strncmp(word, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

static void read_line(const struct spore__build_ops *ops, char *line, struct spore__strs *words)
{
	bool make = ops == &spore__build_make;
	char *save = NULL;
	size_t count = 0;
	for (char *word = strtok_r(line, " \t\"'", &save); word != NULL; word = strtok_r(NULL, " \t\"'", &save)) {
		// The first word of a line assigns for the rules themselves.
		bool wanted = make ? count > 0 && is_assignment(word) : is_option(ops, word);
		if (wanted && strpbrk(word, "$`();|&<>\\") == NULL && strchr(word, '/') == NULL &&
		    !spore__strs_has(words, word))
			spore__strs_add(words, word);
		count++;
	}
}

void spore__rules_read(const char *src, const struct spore__build_ops *ops, struct spore__strs *words)
{
	char *text = spore__text_file(src, "debian/rules"), *save = NULL;
	for (char *line = text != NULL ? strtok_r(text, "\n", &save) : NULL; line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t");
		if (*line != '#')
			read_line(ops, line, words);
	}
	free(text);
}

void spore__rules_add(const struct spore__build *b, struct spore__strs *words)
{
	if (b->strategy->amends.has[SPORE__AMEND_RULES])
		spore__rules_read(b->f->src, b->strategy->ops, words);
}
