// CRC-32, CRC-16/CCITT, Adler-32 and Fletcher-16 with known results.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint32_t table[256];

static void prepare(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
		table[i] = c;
	}
}

static uint32_t crc32(const char *s)
{
	uint32_t c = ~0u;
	for (; *s; s++)
		c = table[(c ^ (uint8_t)*s) & 0xff] ^ c >> 8;
	return ~c;
}

static uint16_t ccitt(const char *s)
{
	uint16_t c = 0xffff;
	for (; *s; s++) {
		c ^= (uint16_t)((uint8_t)*s << 8);
		for (int k = 0; k < 8; k++)
			c = (uint16_t)(c & 0x8000 ? c << 1 ^ 0x1021 : c << 1);
	}
	return c;
}

static uint32_t adler(const char *s)
{
	uint32_t a = 1, b = 0;
	for (; *s; s++) {
		a = (a + (uint8_t)*s) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

static uint16_t fletcher(const char *s)
{
	unsigned a = 0, b = 0;
	for (; *s; s++) {
		a = (a + (uint8_t)*s) % 255;
		b = (b + a) % 255;
	}
	return (uint16_t)(b << 8 | a);
}

int main(void)
{
	static const char *const texts[] = {"", "a", "123456789", "The quick brown fox", "Wikipedia", "\xff\xfe\x80"};
	prepare();
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		printf("%zu bytes: %08x %04x %08x %04x\n", strlen(texts[i]), crc32(texts[i]), ccitt(texts[i]),
		       adler(texts[i]), fletcher(texts[i]));
	return crc32("123456789") == 0xcbf43926 ? 0 : 1;
}
