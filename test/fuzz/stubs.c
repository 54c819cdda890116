// What transparent calls read of a peer, on any bytes: as the generated code reads a structure with all kinds of members. Nothing is read beyond the
// bytes or written beyond the room, and after a failure there is nothing to be freed but what is given back.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stub.h"
#include "target.h"

enum { ROOM = 8 };

struct part {
	int16_t i;
	char *given;
	uint8_t *bytes;
	size_t len;
};

static void get_part(struct spore_stub_get *g, struct part *p)
{
	static const char *const names[] = {"i", "given", "bytes", NULL};
	struct spore_stub_fields f;
	if (!spore_stub_enter(g, "part", names, 3, &f))
		return;
	spore_stub_field(g, &f, 0);
	spore_stub_get(g, SPORE_STUB_I16, "i", &p->i);
	spore_stub_maybe(g, &f, 1);
	p->given = spore_stub_get_string(g, "given", true);
	spore_stub_field(g, &f, 2);
	p->bytes = spore_stub_get_bytes(g, "bytes", false, UINT8_MAX, &p->len);
	check(p->len <= UINT8_MAX && (p->bytes != NULL || p->len == 0));
	spore_stub_leave(g, &f);
}

static void get_all(struct spore_stub_get *g)
{
	static const char *const names[] = {"numbers", "words", "parts", "one",  "room", "text",
	                                    "fixed",   "value", "u",     "some", NULL};
	struct spore_stub_fields f;
	struct part *parts, *one;
	size_t n;
	uint32_t room[ROOM + 1] = {[ROOM] = 0x5a5a5a5a};
	char text[ROOM + 1] = {[ROOM] = 0x5a};
	uint64_t u;
	if (!spore_stub_enter(g, "all", names, 10, &f))
		return;
	spore_stub_maybe(g, &f, 0);
	const double *v = spore_stub_get_numbers(g, SPORE_STUB_F64, "numbers", false, SIZE_MAX, &n);
	for (size_t i = 0; i < n; i++)
		check(v[i] < 1 || v[i] >= 1 || v[i] != v[i]);
	spore_stub_maybe(g, &f, 1);
	char **words = spore_stub_get_strings(g, "words", true, SIZE_MAX, &n);
	for (size_t i = 0; i < n; i++)
		check(words[i] == NULL || strlen(words[i]) < SIZE_MAX);
	spore_stub_maybe(g, &f, 2);
	parts = spore_stub_get_array(g, "parts", sizeof *parts, true, 1000, &n);
	for (size_t i = 0; parts != NULL && i < n; i++)
		get_part(g, &parts[i]);
	spore_stub_maybe(g, &f, 3);
	one = spore_stub_get_pointer(g, sizeof *one, true);
	if (one != NULL)
		get_part(g, one);
	spore_stub_maybe(g, &f, 4);
	check(spore_stub_fill_numbers(g, SPORE_STUB_U32, "room", room, ROOM, false) <= ROOM &&
	      room[ROOM] == 0x5a5a5a5a);
	spore_stub_maybe(g, &f, 5);
	check(spore_stub_fill_text(g, "text", text, ROOM, true) <= ROOM && text[ROOM] == 0x5a);
	spore_stub_maybe(g, &f, 6);
	check(spore_stub_fill_bytes(g, "fixed", text, ROOM, true) <= ROOM && text[ROOM] == 0x5a);
	spore_stub_maybe(g, &f, 7);
	(void)spore_stub_get_value(g, "value", false, SIZE_MAX, &n);
	spore_stub_field(g, &f, 8);
	spore_stub_get(g, SPORE_STUB_U64, "u", &u);
	spore_stub_maybe(g, &f, 9);
	if (g->err == SPORE_OK && f.at[9].at != NULL)
		(void)spore_stub_get_room(g, "some", sizeof(struct part), 4096, &n);
	spore_stub_leave(g, &f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spore_stub_memory *memory = NULL;
	struct spore_stub_get g = {.r = spore_reader(data, size), .memory = &memory, .server = size % 2 == 0};
	get_all(&g);
	check(g.err == SPORE_OK || g.why[0] != '\0');
	spore__stub_memory_free(&memory, true);
	return 0;
}
