#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
struct record { int id; char name[12]; double value; };
int main(void)
{
	FILE *f = fopen("records.bin", "w+b");
	if (f == NULL)
		return 1;
	for (int i = 0; i < 20; i++) {
		struct record r;
		memset(&r, 0, sizeof r);
		r.id = i;
		r.value = i / 4.0;
		snprintf(r.name, sizeof r.name, "item%d", i);
		fwrite(&r, sizeof r, 1, f);
	}
	for (int i = 19; i >= 0; i -= 6) {
		struct record r;
		fseek(f, i * (long)sizeof r, SEEK_SET);
		if (fread(&r, sizeof r, 1, f) != 1)
			return 2;
		printf("%d %s %g at %ld\n", r.id, r.name, r.value, ftell(f));
	}
	fflush(f);
	struct stat st;
	fstat(fileno(f), &st);
	printf("%lld bytes, regular %d\n", (long long)st.st_size, S_ISREG(st.st_mode));
	int last = fgetc(f);
	printf("%d %d\n", last == EOF, feof(f) != 0);
	fclose(f);
	rename("records.bin", "other.bin");
	int gone = access("records.bin", F_OK);
	printf("%d %s\n", gone, strerror(errno));
	return unlink("other.bin");
}
