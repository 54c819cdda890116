#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Trie Trie;
struct Trie {
    Trie *child[26];
    unsigned count;
    unsigned below;
};

static Trie nodes[400];
static int used = 1;

static void add(const char *w)
{
    Trie *t = &nodes[0];
    t->below++;
    for (; *w; ++w) {
        int c = tolower((unsigned char)*w) - 'a';
        if (!t->child[c])
            t->child[c] = &nodes[used++];
        t = t->child[c];
        t->below++;
    }
    t->count++;
}

static void list(const Trie *t, char *prefix, size_t len, int *left)
{
    if (*left == 0)
        return;
    if (t->count) {
        printf("   %.*s x%u\n", (int)len, prefix, t->count);
        --*left;
    }
    for (int c = 0; c < 26; ++c)
        if (t->child[c]) {
            prefix[len] = (char)('a' + c);
            list(t->child[c], prefix, len + 1, left);
        }
}

static void complete(const char *prefix)
{
    const Trie *t = nodes;
    char buffer[64];
    size_t len = strlen(prefix);
    memcpy(buffer, prefix, len);
    for (const char *p = prefix; *p && t; ++p)
        t = t->child[*p - 'a'];
    if (!t) {
        printf("%s: nothing\n", prefix);
        return;
    }
    int left = 4;
    printf("%s: %u\n", prefix, t->below);
    list(t, buffer, len, &left);
}

int main(void)
{
    const char *words[] = {"Car", "card", "care", "careful", "carefully", "cart", "cat", "catalogue", "dog",
                           "Dot", "dote", "doting", "car", "card", "cat", "zebra", "carton", "cartoon"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); ++i)
        add(words[i]);
    complete("car");
    complete("do");
    complete("cartoo");
    complete("x");
    complete("");
    printf("%d nodes of %zu bytes\n", used, sizeof(Trie));
    return 0;
}
