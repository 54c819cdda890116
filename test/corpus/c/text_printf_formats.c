#include <inttypes.h>
#include <stdio.h>
#include <stddef.h>
#include <wchar.h>
int main(void)
{
	int n1, n2;
	printf("[%5d|%-5d|%05d|%+d|% d|%x|%X|%#x|%o|%#o|%c|%%]\n", 42, 42, 42, 42, 42, 255, 255, 255, 8, 8, 'A');
	printf("[%.3d|%8.3d|%-8.3d|%.0d|%d]%n\n", 7, 7, 7, 0, -0, &n1);
	printf("[%s|%10s|%-10s|%.2s|%10.2s|%s]\n", "text", "text", "text", "text", "text", "");
	printf("[%hhd|%hd|%ld|%lld|%hhu|%hu|%lu|%llu]\n", 300, 70000, -1l, -1ll, 300, 70000, -1l, -1ll);
	printf("[%zu|%td|%jd|%" PRId8 "|%" PRIu64 "|%" PRIx16 "]\n", (size_t)-1, (ptrdiff_t)-5, (intmax_t)-6, (int8_t)-7, UINT64_MAX, (uint16_t)0xbeef);
	printf("[%2$s %1$d %2$s]\n", 5, "pos");
	printf("[%ls|%lc|%5.1ls]\n", L"wide", (wint_t)L'w', L"ab");
	printf("[%p|%p]%n\n", (void *)0, (void *)0x1234, &n2);
	char small[8];
	int want = snprintf(small, sizeof small, "%s-%d", "longer", 12345);
	printf("%d %s %d %d\n", want, small, n1, n2);
	return snprintf(NULL, 0, "%1000d", 1) == 1000 ? 0 : 1;
}
