// Runs a fuzz target over saved inputs, as a unit test: a folder of them, and each with every one of its bytes cut off or changed.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST = 64 * 1024, MUTATED = 512 };

// A fresh copy for each run, so that a sanitizer sees each byte too far.
static void run(const unsigned char *bytes, size_t len)
{
	unsigned char *copy = malloc(len > 0 ? len : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, bytes, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static int replay(const char *dir, const char *name)
{
	static unsigned char bytes[LARGEST];
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "rb");
	if (f == NULL) {
		perror(path);
		return -1;
	}
	size_t len = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	run(bytes, len);
	for (size_t i = 0; i < len && i < MUTATED; i++) {
		static const unsigned char changes[] = {0x01, 0x10, 0x80, 0xff};
		run(bytes, i);
		for (size_t c = 0; c < sizeof changes; c++) {
			bytes[i] ^= changes[c];
			run(bytes, len);
			bytes[i] ^= changes[c];
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	int count = 0;
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
	if (dir == NULL) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	for (struct dirent *d; (d = readdir(dir)) != NULL;) {
		if (d->d_name[0] == '.')
			continue;
		if (replay(argv[1], d->d_name) != 0)
			return 1;
		count++;
	}
	closedir(dir);
	printf("1..1\n%s 1 - %d saved inputs\n", count > 0 ? "ok" : "not ok", count);
	return count > 0 ? 0 : 1;
}
