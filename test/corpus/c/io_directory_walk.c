#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }
static int visible(const struct dirent *d) { return d->d_name[0] != '.'; }
static void walk(const char *path, int depth)
{
	struct dirent **list;
	int n = scandir(path, &list, visible, by_name);
	for (int i = 0; i < n; i++) {
		char sub[300];
		struct stat st;
		snprintf(sub, sizeof sub, "%.100s/%.100s", path, list[i]->d_name);
		lstat(sub, &st);
		printf("%*s%s%s %o\n", depth * 2, "", list[i]->d_name, S_ISDIR(st.st_mode) ? "/" : S_ISLNK(st.st_mode) ? "@" : "",
		       (unsigned)st.st_mode & 0777);
		if (S_ISDIR(st.st_mode))
			walk(sub, depth + 1);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}
int main(void)
{
	umask(022);
	mkdir("top", 0755);
	mkdir("top/b", 0700);
	mkdir("top/b/deep", 0750);
	for (int i = 0; i < 3; i++) {
		char name[40];
		snprintf(name, sizeof name, "top/%s%d", i == 1 ? "b/" : "file", i);
		close(open(name, O_CREAT | O_WRONLY, 0640));
	}
	if (symlink("file0", "top/link") != 0)
		return 1;
	char to[20] = "";
	printf("%zd %s\n", readlink("top/link", to, sizeof to), to);
	walk("top", 0);
	return 0;
}
