// A block cipher: encrypt, decrypt, and a chain of blocks.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void encipher(uint32_t v[2], const uint32_t key[4])
{
	uint32_t a = v[0], b = v[1], sum = 0;
	for (int i = 0; i < 32; i++) {
		a += ((b << 4 ^ b >> 5) + b) ^ (sum + key[sum & 3]);
		sum += 0x9e3779b9;
		b += ((a << 4 ^ a >> 5) + a) ^ (sum + key[sum >> 11 & 3]);
	}
	v[0] = a;
	v[1] = b;
}

static void decipher(uint32_t v[2], const uint32_t key[4])
{
	uint32_t a = v[0], b = v[1], sum = 0x9e3779b9u * 32;
	for (int i = 0; i < 32; i++) {
		b -= ((a << 4 ^ a >> 5) + a) ^ (sum + key[sum >> 11 & 3]);
		sum -= 0x9e3779b9;
		a -= ((b << 4 ^ b >> 5) + b) ^ (sum + key[sum & 3]);
	}
	v[0] = a;
	v[1] = b;
}

int main(void)
{
	const uint32_t key[4] = {0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f};
	uint32_t v[2] = {0x41424344, 0x45464748};
	encipher(v, key);
	printf("%08" PRIx32 " %08" PRIX32 "\n", v[0], v[1]);
	decipher(v, key);
	printf("%08" PRIx32 " %08" PRIx32 "\n", v[0], v[1]);
	char text[] = "sixteen letters!and sixteen more";
	uint32_t chain[2] = {1, 2};
	for (size_t i = 0; i < sizeof text - 1; i += 8) {
		uint32_t b[2];
		memcpy(b, text + i, 8);
		b[0] ^= chain[0];
		b[1] ^= chain[1];
		encipher(b, key);
		memcpy(chain, b, 8);
		printf("block %zu: %08" PRIx32 "%08" PRIx32 "\n", i / 8, b[0], b[1]);
	}
	for (uint32_t i = 0; i < 1000; i++)
		encipher(v, key);
	printf("%" PRIu32 " %" PRIu32 "\n", v[0], v[1]);
	return 0;
}
