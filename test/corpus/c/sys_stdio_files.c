#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(x) do { if (!(x)) { fprintf(stderr, "line %d: %s: %s\n", __LINE__, #x, strerror(errno)); exit(1); } } while (0)

int main(void)
{
	FILE *f = fopen("notes.txt", "w+");
	CHECK(f != NULL);
	for (int i = 0; i < 12; i++)
		CHECK(fprintf(f, "%02d:%*d\n", i, i + 1, i * i) > 0);
	CHECK(fflush(f) == 0);
	printf("at %ld\n", ftell(f));
	CHECK(fseek(f, -10, SEEK_END) == 0);
	char line[80];
	while (fgets(line, sizeof line, f))
		printf("[%.*s]", (int)strcspn(line, "\n"), line);
	printf(" eof %d\n", feof(f) != 0);
	rewind(f);
	int a, b, sum = 0, lines = 0;
	while (fscanf(f, "%d:%d", &a, &b) == 2) {
		sum += a * b;
		lines++;
	}
	printf("%d lines, sum %d\n", lines, sum);
	clearerr(f);
	CHECK(fseek(f, 3, SEEK_SET) == 0);
	int c = fgetc(f);
	ungetc('!', f);
	printf("%d %c ", c, fgetc(f));
	c = fgetc(f);
	printf("%d\n", c == '\n' ? 1 : c);
	fclose(f);

	CHECK((f = fopen("notes.txt", "a")) != NULL);
	fputs("more", f);
	fclose(f);
	CHECK((f = fopen("notes.txt", "rb")) != NULL);
	char *all = malloc(500);
	size_t n = fread(all, 1, 500, f);
	printf("%zu bytes, ends with %.4s\n", n, all + n - 4);
	free(all);
	fclose(f);
	CHECK(rename("notes.txt", "old.txt") == 0);
	f = fopen("notes.txt", "r");
	printf("%s: %s\n", f ? "there" : "gone", strerror(errno));
	CHECK(remove("old.txt") == 0);
	return f != NULL;
}
