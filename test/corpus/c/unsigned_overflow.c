#include <stdint.h>
#include <stdio.h>

static uint32_t hash(const char *s) { uint32_t h = 2166136261u; while (*s) h = (h ^ (unsigned char)*s++) * 16777619u; return h; }
static uint64_t mix(uint64_t x) { x ^= x >> 33; x *= 0xff51afd7ed558ccdull; x ^= x >> 33; x *= 0xc4ceb9fe1a85ec53ull; return x ^ x >> 33; }
static uint16_t sum16(const uint8_t *p, int n) { uint16_t s = 0; while (n--) s = (uint16_t)(s * 3 + *p++); return s; }

int main(void)
{
	uint8_t a = 250; uint16_t b = 65530; uint32_t c = 4294967290u; uint64_t d = 18446744073709551610ull;
	for (int i = 0; i < 12; i++)
		printf("%u %u %u %llu\n", a++, b++, c++, (unsigned long long)d++);
	printf("%u %u\n", 0u - 1, (unsigned)-5 / 2);
	printf("%llu\n", 0ull - 1 - UINT32_MAX);
	printf("%x %x\n", hash("hello"), hash("the quick brown fox"));
	for (uint64_t i = 1; i; i *= 0x1000193)
		if (mix(i) % 64 == 0) { printf("%llx\n", (unsigned long long)mix(i)); break; }
	uint8_t bytes[100];
	for (int i = 0; i < 100; i++) bytes[i] = (uint8_t)(i * i);
	printf("%u\n", sum16(bytes, 100));
	int32_t s = (int32_t)(0x7fffffffu + 2u);
	printf("%d %d\n", s, (int)(uint32_t)INT64_C(0x1ffffffff));
	return (uint8_t)(a * b);
}
