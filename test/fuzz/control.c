// The hold's side of the control protocol on any bytes that a program may send, in pieces, and what is shown of them.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hold_side.h"
#include "logline.h"
#include "target.h"

static void show(const struct spore__control_message *m)
{
	char text[200];
	spore__control_print(m, text, sizeof text);
	check(strlen(text) < sizeof text);
	if (m->type != SPORE__CONTROL_LOG && m->type != SPORE__CONTROL_LOST)
		return;
	for (size_t line = 64; line <= sizeof text; line += 136) {
		size_t len = spore__logline_format(m, "task", text, line);
		check(len > 0 && len <= line && memchr(text, '\n', len) == text + len - 1);
		check(memchr(text, '\x1b', len) == NULL && memchr(text, '\0', len) == NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spore__hold_side h;
	enum spore_err e = SPORE_EAGAIN;
	if (size == 0)
		return 0;
	size_t piece = 1 + data[0]; // the first byte says how large the pieces are
	data++;
	size--;
	spore__hold_side_init(&h);
	while (size > 0 && e == SPORE_EAGAIN) {
		struct spore__control_message m;
		size_t room, n = piece < size ? piece : size;
		unsigned char *space = spore__control_space(&h.in, &room);
		check(space != NULL && room > 0);
		n = n < room ? n : room;
		memcpy(space, data, n);
		spore__control_received(&h.in, n);
		data += n;
		size -= n;
		while ((e = spore__hold_side_next(&h, &m)) == SPORE_OK)
			show(&m);
		check(e == SPORE_EAGAIN || h.refusal[0] != '\0');
	}
	spore__hold_side_finish(&h);
	return 0;
}
