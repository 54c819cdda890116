#include "look/record.h"

#include <string.h>

#include "spore/chan.h"

static uint32_t crc(uint32_t sum, const unsigned char *bytes, size_t len)
{
	static uint32_t table[256];
	if (table[1] == 0)
		for (uint32_t i = 0; i < 256; i++) {
			table[i] = i;
			for (int bit = 0; bit < 8; bit++)
				table[i] = (table[i] >> 1) ^ (0xedb88320U & (0U - (table[i] & 1)));
		}
	sum = ~sum;
	for (size_t i = 0; i < len; i++)
		sum = (sum >> 8) ^ table[(sum ^ bytes[i]) & 0xff];
	return ~sum;
}

static void put(unsigned char *to, uint64_t n, int bytes)
{
	for (int i = 0; i < bytes; i++)
		to[i] = (unsigned char)(n >> (8 * i));
}

static uint64_t get(const unsigned char *from, int bytes)
{
	uint64_t n = 0;
	for (int i = 0; i < bytes; i++)
		n |= (uint64_t)from[i] << (8 * i);
	return n;
}

enum { LEN = 8, WHAT = 12, SUM = 16 };

static uint32_t sum_of(const unsigned char *head, const void *bytes, size_t len)
{
	return crc(crc(0, head, SUM), bytes, len);
}

void spore__rec_encode(const struct spore__rec_entry *e, const void *bytes, unsigned char head[SPORE__REC_HEAD])
{
	memset(head, 0, SPORE__REC_HEAD);
	put(head, e->ns, 8);
	put(head + LEN, e->len, 4);
	head[WHAT] = (unsigned char)e->what;
	put(head + SUM, sum_of(head, bytes, e->len), 4);
}

enum spore_err spore__rec_decode(const unsigned char head[SPORE__REC_HEAD], struct spore__rec_entry *e)
{
	*e = (struct spore__rec_entry){
	    .ns = get(head, 8), .len = (uint32_t)get(head + LEN, 4), .sum = (uint32_t)get(head + SUM, 4)};
	if (head[WHAT] > SPORE__REC_MISSED || head[WHAT + 1] != 0 || head[WHAT + 2] != 0 || head[WHAT + 3] != 0 ||
	    e->len > SPORE_CHAN_LARGEST || (head[WHAT] == SPORE__REC_MISSED && e->len != 8))
		return SPORE_EMALFORMED;
	e->what = (enum spore__rec_what)head[WHAT];
	return SPORE_OK;
}

bool spore__rec_is_whole(const struct spore__rec_entry *e, const void *bytes, const unsigned char head[SPORE__REC_HEAD])
{
	return sum_of(head, bytes, e->len) == e->sum;
}
