#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void make(const char *path, size_t size)
{
    FILE *f = fopen(path, "w");
    if (f == NULL)
        exit(1);
    while (size-- > 0)
        fputc('x', f);
    fclose(f);
}

static int visible(const struct dirent *d) { return d->d_name[0] != '.'; }

static long walk(const char *path, int depth)
{
    struct dirent **names;
    long total = 0;
    int n = scandir(path, &names, visible, alphasort);
    for (int i = 0; i < n; i++) {
        char below[512];
        struct stat st;
        snprintf(below, sizeof below, "%s/%s", path, names[i]->d_name);
        if (lstat(below, &st) == 0) {
            char kind = S_ISDIR(st.st_mode) ? 'd' : S_ISLNK(st.st_mode) ? 'l' : S_ISFIFO(st.st_mode) ? 'p' : '-';
            printf("%*s%c %s", depth * 2, "", kind, names[i]->d_name);
            if (kind == '-') {
                printf(" %lld", (long long)st.st_size);
                total += (long)st.st_size;
            } else if (kind == 'l') {
                char to[100];
                ssize_t len = readlink(below, to, sizeof to - 1);
                printf(" -> %.*s", (int)(len < 0 ? 0 : len), to);
            }
            putchar('\n');
            if (kind == 'd')
                total += walk(below, depth + 1);
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return total;
}

int main(void)
{
    mkdir("top", 0755);
    mkdir("top/sub", 0700);
    mkdir("top/sub/deep", 0755);
    make("top/a.txt", 10);
    make("top/sub/b.txt", 200);
    make("top/sub/deep/c.bin", 3000);
    make("top/.hidden", 5);
    if (symlink("../a.txt", "top/sub/link") || mkfifo("top/fifo", 0600))
        return 1;
    printf("%ld bytes\n", walk("top", 0));
    printf("rmdir of a full folder: %d\n", rmdir("top"));
    return 0;
}
