#include <stdio.h>
#include <string.h>
#include <wchar.h>

static const char escapes[] = "\a\b\f\n\r\t\v\\\'\"\?\0\1\12\123\x1\x7f\xff\e";
static const char joined[] = "one " "two\
 three" /* comment */ " four";
static char exact[4] = "abcd", roomy[10] = "abc", list[] = {'x', 'y', '\0', 'z'};
static const wchar_t wide[] = L"w\xe4\x1F600" L"x";
static const char *const table[][2] = {{"a", "first"}, {"b", "second" " half"}, {"", NULL}};

int main(void)
{
    for (size_t i = 0; i < sizeof escapes; i++)
        printf("%d ", escapes[i]);
    printf("\n%s %zu\n", joined, sizeof joined);
    printf("%.4s %zu, %s %zu %d, %s %zu\n", exact, sizeof exact, roomy, sizeof roomy, roomy[9], list, sizeof list);
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        printf("%lx ", (unsigned long)wide[i]);
    printf("\n%zu %d %d %d\n", wcslen(wide), 'a', '\'', L'\x3b1');
    for (int i = 0; table[i][1]; i++)
        printf("%s=%s\n", table[i][0], table[i][1]);
    printf("%c%c %zu %zu\n", "hello"[1], 4["hello"], sizeof "hello", strlen("a\0b"));
    char local[] = "changed", *p = local;
    *p++ = 'C';
    *p = 'H';
    printf("%s %zu\n", local, sizeof local);
    const char *utf8 = "gr\xc3\xbc\xc3\x9f \xe2\x82\xac";
    for (; *utf8; utf8++)
        printf("%02x", (unsigned char)*utf8);
    puts("");
    puts("??< trigraphs stay ??>, /* so do comments */ // in strings");
    return sizeof(escapes);
}
