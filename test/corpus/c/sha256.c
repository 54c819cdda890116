// A digest of 256 bits; its constants are reckoned from primes with integers only.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint32_t k[64], start[8];

// The first 32 bits of the fraction of the ROOTth root of P.
static uint32_t fraction(unsigned p, int root)
{
	// x = floor(p^(1/root) * 2^32), found bit by bit in parts of 16 bits
	uint64_t x = 0;
	for (int bit = 35; bit >= 0; bit--) {
		uint64_t t = x | (uint64_t)1 << bit;
		uint32_t r[8] = {1}; // r = t^root, in 16-bit digits
		for (int n = 0; n < root; n++) {
			uint64_t out[12] = {0};
			for (int i = 0; i < 8; i++)
				for (int j = 0; j < 3; j++)
					out[i + j] += (uint64_t)r[i] * (t >> 16 * j & 0xffff);
			for (int i = 0; i < 8; i++) {
				out[i + 1] += out[i] >> 16;
				r[i] = (uint32_t)(out[i] & 0xffff);
			}
		}
		uint64_t whole = 0; // t^root / 2^(32*root)
		int at = 2 * root;
		for (int i = 7; i >= at; i--)
			whole = whole << 16 | r[i];
		if (whole < p)
			x = t;
	}
	return (uint32_t)x;
}

static uint32_t ror(uint32_t v, int n)
{
	return v >> n | v << (32 - n);
}

static void block(uint32_t h[8], const uint8_t *p)
{
	uint32_t w[64], v[8];
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 |
		       p[4 * i + 3];
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
		       (ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(v, h, sizeof v);
	for (int i = 0; i < 64; i++) {
		uint32_t a = v[7] + (ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) +
		             k[i] + w[i];
		uint32_t b =
		    (ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 7 * sizeof *v);
		v[4] += a;
		v[0] = a + b;
	}
	for (int i = 0; i < 8; i++)
		h[i] += v[i];
}

int main(void)
{
	int n = 0;
	for (unsigned p = 2; n < 64; p++) {
		unsigned d = 2;
		while (d * d <= p && p % d)
			d++;
		if (d * d <= p)
			continue;
		k[n] = fraction(p, 3);
		if (n < 8)
			start[n] = fraction(p, 2);
		n++;
	}
	printf("%08x %08x %08x %08x\n", k[0], k[63], start[0], start[7]);
	for (size_t len = 0; len < 56; len += 11) {
		uint8_t p[64] = {0};
		for (size_t i = 0; i < len; i++)
			p[i] = (uint8_t)('a' + i % 26);
		p[len] = 0x80;
		p[62] = (uint8_t)(len * 8 >> 8);
		p[63] = (uint8_t)(len * 8);
		uint32_t h[8];
		memcpy(h, start, sizeof h);
		block(h, p);
		printf("%2zu ", len);
		for (int i = 0; i < 8; i++)
			printf("%08x%c", h[i], i < 7 ? ' ' : '\n');
	}
	return 0;
}
