// Memory by pieces of one block, names kept once, lists in it, undone by marks.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct arena {
	size_t used, peak;
	_Bool full;
	unsigned char memory[2048];
};

struct name {
	struct name *next;
	unsigned hash, count;
	char text[];
};

static void *take(struct arena *a, size_t size, size_t align)
{
	size_t at = (a->used + align - 1) & ~(align - 1);
	if (at + size > sizeof a->memory) {
		a->full = 1;
		return NULL;
	}
	a->used = at + size;
	if (a->used > a->peak)
		a->peak = a->used;
	return a->memory + at;
}

static struct arena arena;
static struct name *table[16];

static struct name *intern(const char *s, size_t len)
{
	unsigned h = 0;
	for (size_t i = 0; i < len; i++)
		h = (h << 5 | h >> 27) ^ (unsigned char)s[i];
	for (struct name *n = table[h % 16]; n != NULL; n = n->next)
		if (n->hash == h && strncmp(n->text, s, len) == 0 && n->text[len] == '\0') {
			n->count++;
			return n;
		}
	struct name *n = take(&arena, sizeof *n + len + 1, 8);
	if (n == NULL)
		return NULL;
	memcpy(n->text, s, len);
	n->text[len] = '\0';
	n->hash = h;
	n->count = 1;
	n->next = table[h % 16];
	return table[h % 16] = n;
}

int main(void)
{
	static const char text[] = "the cat and the dog and the bird saw the other cat and a dog";
	for (const char *p = text; *p;) {
		size_t len = strcspn(p, " ");
		intern(p, len);
		p += len + (p[len] == ' ');
	}
	for (int i = 0; i < 16; i++)
		for (struct name *n = table[i]; n != NULL; n = n->next)
			printf("%2d %08x %u %s\n", i, n->hash, n->count, n->text);
	printf("%zu %zu %d\n", sizeof(struct name), offsetof(struct name, text), intern("cat", 3) == intern("catalogue", 3));
	size_t mark = arena.used;
	for (size_t size = 1; !arena.full; size = size * 3 + 1)
		printf("%zu bytes at %s\n", size, take(&arena, size, 16) ? "hand" : "none");
	arena.used = mark;
	printf("%zu %zu\n", arena.used, arena.peak);
	return 0;
}
