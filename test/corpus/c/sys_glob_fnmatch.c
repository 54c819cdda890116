#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>

static void touch(const char *path)
{
    FILE *f = fopen(path, "w");
    if (f)
        fclose(f);
}

int main(void)
{
    static const char *const files[] = {"alpha.c", "beta.c", "beta.h", "gamma.txt", ".hidden", "d/one.c", "d/two.c"};
    static const char *const patterns[] = {"*.c", "b*", "*/*.c", "[ag]*", "*.nosuch", "?????.?", ".*n"};
    mkdir("d", 0755);
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++)
        touch(files[i]);
    for (unsigned i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        glob_t g;
        int r = glob(patterns[i], GLOB_MARK, NULL, &g);
        printf("%-9s %s", patterns[i], r == GLOB_NOMATCH ? "nothing" : "");
        for (size_t k = 0; r == 0 && k < g.gl_pathc; k++)
            printf(" %s", g.gl_pathv[k]);
        printf("\n");
        if (r == 0)
            globfree(&g);
    }
    static const struct { const char *pattern, *text; int flags; } m[] = {
        {"*.c", "a.c", 0}, {"*.c", ".c", FNM_PERIOD}, {"a/*", "a/b/c", 0}, {"a/*", "a/b/c", FNM_PATHNAME},
        {"[!x]?", "ab", 0}, {"[!x]?", "xb", 0}, {"\\*", "*", 0}, {"\\*", "\\x", FNM_NOESCAPE}};
    for (unsigned i = 0; i < sizeof m / sizeof *m; i++)
        printf("%s %s %s\n", m[i].pattern, m[i].text, fnmatch(m[i].pattern, m[i].text, m[i].flags) == 0 ? "yes" : "no");
    return 0;
}
