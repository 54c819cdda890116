// Huffman codes: built, written as bits, read again.
#include <stdio.h>
#include <string.h>

struct node {
	int weight, left, right;
	unsigned char letter;
};

static struct node node[512];
static char code[256][32];
static unsigned char bits[256];

static void assign(int at, char *path, int depth)
{
	if (node[at].left < 0) {
		memcpy(code[node[at].letter], path, (size_t)depth);
		code[node[at].letter][depth] = '\0';
		return;
	}
	path[depth] = '0';
	assign(node[at].left, path, depth + 1);
	path[depth] = '1';
	assign(node[at].right, path, depth + 1);
}

int main(void)
{
	static const char text[] = "she sells sea shells by the sea shore; the shells she sells are surely seashells";
	int count[256] = {0}, n = 0, alive[512], living = 0;
	for (const char *p = text; *p; p++)
		count[(unsigned char)*p]++;
	for (int i = 0; i < 256; i++)
		if (count[i]) {
			node[n] =
			    (struct node){.weight = count[i], .left = -1, .right = -1, .letter = (unsigned char)i};
			alive[living++] = n++;
		}
	while (living > 1) {
		int pick[2];
		for (int k = 0; k < 2; k++) {
			int least = 0;
			for (int i = 1; i < living; i++)
				if (node[alive[i]].weight < node[alive[least]].weight)
					least = i;
			pick[k] = alive[least];
			alive[least] = alive[--living];
		}
		node[n] = (struct node){
		    .weight = node[pick[0]].weight + node[pick[1]].weight, .left = pick[0], .right = pick[1]};
		alive[living++] = n++;
	}
	int root = alive[0];
	char path[32];
	assign(root, path, 0);
	size_t used = 0;
	for (const char *p = text; *p; p++)
		for (const char *c = code[(unsigned char)*p]; *c; c++, used++)
			bits[used / 8] |= (unsigned char)((*c == '1') << used % 8);
	for (int i = 0; i < 256; i++)
		if (count[i])
			printf("'%c' %2d %s\n", i, count[i], code[i]);
	printf("%zu letters, %zu bits, first bytes %02x %02x %02x\n", strlen(text), used, bits[0], bits[1], bits[2]);
	int at = root;
	for (size_t i = 0; i < used; i++) {
		at = bits[i / 8] >> i % 8 & 1 ? node[at].right : node[at].left;
		if (node[at].left < 0) {
			putchar(node[at].letter);
			at = root;
		}
	}
	putchar('\n');
	return 0;
}
