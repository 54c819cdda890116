#include "look/shown.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

void spore__put_bytes(struct spore__buf *out, const unsigned char *bytes, size_t len)
{
	bool text = spore__json_is_text((const char *)bytes, len);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = bytes[i];
		if (c == '\\' || c == '\n' || c == '\t' || c == '\r')
			spore__buf_printf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : '\\');
		else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !text) || (text && c == 0xc2 && bytes[i + 1] < 0xa0))
			spore__buf_printf(out, "\\x%02x", c);
		else
			spore__buf_char(out, (char)c);
	}
}

void spore__put_hex(struct spore__buf *out, const unsigned char *bytes, size_t len)
{
	enum { ROW = 16 };
	for (size_t at = 0; at < len; at += ROW) {
		spore__buf_printf(out, "\n  %08zx ", at);
		for (size_t i = at; i < at + ROW; i++) {
			if (i < len)
				spore__buf_printf(out, " %02x", bytes[i]);
			else
				spore__buf_printf(out, "   ");
		}
		spore__buf_printf(out, "  ");
		for (size_t i = at; i < len && i < at + ROW; i++)
			spore__buf_char(out, (char)(bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.'));
	}
}

void spore__put_base64(struct spore__buf *out, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t v =
		    (uint32_t)bytes[i] << 16 | (n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (n > 2 ? bytes[i + 2] : 0);
		for (size_t k = 0; k < 4; k++)
			spore__buf_char(out, k <= n ? digits[v >> (18 - 6 * k) & 63] : '=');
	}
}
