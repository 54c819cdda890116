// Looks into ELF files for symbols. The files may be anything: every offset is checked before use.
#include <elf.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/diagnose.h"

// Asked first: a symbol such as `sqrt` is in many libraries that merely export it as well.
static const char *const common[] = {
    "m",       "pthread",  "dl",      "rt",      "util",  "crypt",  "tinfo",  "ncursesw", "ncurses",
    "z",       "readline", "history", "resolv",  "nsl",   "anl",    "bsd",    "md",       "X11",
    "Xext",    "Xt",       "Xmu",     "Xpm",     "Xaw",   "Xft",    "Xrandr", "Xinerama", "fontconfig",
    "ssl",     "crypto",   "curl",    "sqlite3", "png16", "jpeg",   "SDL2",   "SDL",      "GL",
    "GLU",     "glut",     "stdc++",  "event",   "pcap",  "bz2",    "lzma",   "zstd",     "expat",
    "xml2",    "pcre",     "pcre2-8", "gmp",     "mpfr",  "asound", "cap",    "acl",      "attr",
    "selinux", "uuid",     "blkid",   "fl",      "l",     "atomic", "gpm",    NULL,
};
static const char *const patterns[] = {"/usr/local/lib/lib*.so", "/usr/lib/*-linux-gnu*/lib*.so", "/usr/lib64/lib*.so",
                                       "/usr/lib/lib*.so", NULL};

struct image {
	const unsigned char *bytes;
	size_t len;
};

static bool image_open(struct image *image, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	void *bytes = MAP_FAILED;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= SELFMAG)
		bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	if (bytes == MAP_FAILED)
		return false;
	*image = (struct image){bytes, (size_t)st.st_size};
	return true;
}

static void image_close(struct image *image)
{
	(void)munmap((void *)image->bytes, image->len);
}

static bool section(const struct image *image, const Elf64_Ehdr *head, size_t index, Elf64_Shdr *out)
{
	if (index >= head->e_shnum || head->e_shentsize != sizeof *out)
		return false;
	if (head->e_shoff > image->len || image->len - head->e_shoff < (index + 1) * sizeof *out)
		return false;
	memcpy(out, image->bytes + head->e_shoff + index * sizeof *out, sizeof *out);
	return out->sh_type == SHT_NOBITS ||
	       (out->sh_offset <= image->len && out->sh_size <= image->len - out->sh_offset);
}

// Calls FOUND with the name of each symbol that is defined in a table of TYPE, until it returns false.
static void each_defined(const struct image *image, uint32_t type, bool (*found)(void *arg, const char *name),
                         void *arg)
{
	Elf64_Ehdr head;
	if (image->len < sizeof head)
		return;
	memcpy(&head, image->bytes, sizeof head);
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64)
		return;
	for (size_t i = 0; i < head.e_shnum; i++) {
		Elf64_Shdr table, names;
		if (!section(image, &head, i, &table) || table.sh_type != type ||
		    !section(image, &head, table.sh_link, &names) || names.sh_type != SHT_STRTAB || names.sh_size == 0)
			continue;
		const char *text = (const char *)image->bytes + names.sh_offset;
		if (text[names.sh_size - 1] != '\0')
			continue;
		for (size_t k = 0; k < table.sh_size / sizeof(Elf64_Sym); k++) {
			Elf64_Sym symbol;
			memcpy(&symbol, image->bytes + table.sh_offset + k * sizeof symbol, sizeof symbol);
			if (symbol.st_shndx != SHN_UNDEF && symbol.st_name < names.sh_size &&
			    ELF64_ST_BIND(symbol.st_info) != STB_LOCAL && !found(arg, text + symbol.st_name))
				return;
		}
	}
}

struct search {
	const struct spore__strs *symbols;
	bool *resolved;
	size_t open; // symbols not yet resolved
	bool hit;    // this library resolves one
};

static bool match(void *arg, const char *name)
{
	struct search *s = arg;
	for (size_t i = 0; i < s->symbols->count; i++)
		if (!s->resolved[i] && strcmp(s->symbols->items[i], name) == 0) {
			s->resolved[i] = true;
			s->open--;
			s->hit = true;
		}
	return s->open > 0;
}

// libncurses.so may be a text for the linker that names the real libraries.
static void search_library(struct search *s, const char *path, int depth)
{
	struct image image;
	if (!image_open(&image, path))
		return;
	if (memcmp(image.bytes, ELFMAG, SELFMAG) == 0) {
		each_defined(&image, SHT_DYNSYM, match, s);
	} else if (image.len < 4096 && depth == 0) {
		char *text = spore__xstrndup((const char *)image.bytes, image.len);
		char *dir = spore__fs_dir(path), *save = NULL;
		for (char *word = strtok_r(text, " \t\n()", &save); word != NULL;
		     word = strtok_r(NULL, " \t\n()", &save)) {
			if (strstr(word, ".so") == NULL)
				continue;
			char *real = *word == '/' ? spore__xstrdup(word) : spore__fs_join(dir, word);
			search_library(s, real, depth + 1);
			free(real);
		}
		free(dir);
		free(text);
	}
	image_close(&image);
}

static void try_library(struct search *s, const char *path, const char *name, struct spore__strs *libs)
{
	s->hit = false;
	search_library(s, path, 0);
	if (s->hit && !spore__strs_has(libs, name))
		spore__strs_add(libs, name);
}

// Ours comes with spore, as a static library that the search does not find.
static void find_libspore(struct search *s, struct spore__strs *libs)
{
	for (size_t i = 0; i < s->symbols->count; i++) {
		const char *name = s->symbols->items[i];
		if (strncmp(name, "spore_", 6) != 0 || name[6] == '_')
			continue;
		s->resolved[i] = true;
		s->open--;
		if (!spore__strs_has(libs, "spore"))
			spore__strs_add(libs, "spore");
	}
}

void spore__symbols_libraries(const struct spore__strs *symbols, struct spore__strs *libs)
{
	struct search s = {.symbols = symbols, .open = symbols->count};
	s.resolved = spore__xcalloc(symbols->count, sizeof *s.resolved);
	find_libspore(&s, libs);
	glob_t found = {0};
	for (size_t i = 0; patterns[i] != NULL; i++)
		(void)glob(patterns[i], i > 0 ? GLOB_APPEND : 0, NULL, &found);
	for (size_t c = 0; s.open > 0 && common[c] != NULL; c++)
		for (size_t i = 0; s.open > 0 && i < found.gl_pathc; i++) {
			const char *base = spore__fs_base(found.gl_pathv[i]) + strlen("lib");
			size_t len = strlen(common[c]);
			if (strncmp(base, common[c], len) == 0 && strcmp(base + len, ".so") == 0)
				try_library(&s, found.gl_pathv[i], common[c], libs);
		}
	for (size_t i = 0; s.open > 0 && i < found.gl_pathc; i++) {
		const char *base = spore__fs_base(found.gl_pathv[i]) + strlen("lib");
		char *name = spore__xstrndup(base, strlen(base) - strlen(".so"));
		try_library(&s, found.gl_pathv[i], name, libs);
		free(name);
	}
	globfree(&found);
	free(s.resolved);
}

struct one {
	const char *symbol;
	bool found;
};

static bool match_one(void *arg, const char *name)
{
	struct one *one = arg;
	one->found = strcmp(one->symbol, name) == 0;
	return !one->found;
}

bool spore__symbols_defines(const char *path, const char *symbol)
{
	struct image image;
	struct one one = {.symbol = symbol};
	if (!image_open(&image, path))
		return false;
	each_defined(&image, SHT_SYMTAB, match_one, &one);
	image_close(&image);
	return one.found;
}
