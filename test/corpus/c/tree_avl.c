#include <stdio.h>
#include <stdlib.h>

struct tree {
	int key, height;
	struct tree *kid[2];
};

static int height(const struct tree *t) { return t ? t->height : 0; }
static int balance(const struct tree *t) { return height(t->kid[0]) - height(t->kid[1]); }

static void update(struct tree *t)
{
	int l = height(t->kid[0]), r = height(t->kid[1]);
	t->height = (l > r ? l : r) + 1;
}

static struct tree *rotate(struct tree *t, int dir)
{
	struct tree *top = t->kid[!dir];
	t->kid[!dir] = top->kid[dir];
	top->kid[dir] = t;
	update(t);
	update(top);
	return top;
}

static struct tree *fix(struct tree *t)
{
	update(t);
	int b = balance(t);
	if (b > 1 || b < -1) {
		int side = b < 0;
		int inner = balance(t->kid[side]);
		if (side == 0 ? inner < 0 : inner > 0)
			t->kid[side] = rotate(t->kid[side], side);
		t = rotate(t, !side);
	}
	return t;
}

static struct tree *insert(struct tree *t, int key)
{
	if (!t) {
		t = calloc(1, sizeof *t);
		t->key = key;
		t->height = 1;
		return t;
	}
	if (key != t->key) {
		int side = key > t->key;
		t->kid[side] = insert(t->kid[side], key);
	}
	return fix(t);
}

static struct tree *erase(struct tree *t, int key)
{
	if (!t)
		return NULL;
	if (key == t->key) {
		if (!t->kid[0] || !t->kid[1]) {
			struct tree *kid = t->kid[0] ? t->kid[0] : t->kid[1];
			free(t);
			return kid;
		}
		struct tree *next = t->kid[1];
		while (next->kid[0])
			next = next->kid[0];
		t->key = next->key;
		t->kid[1] = erase(t->kid[1], next->key);
	} else {
		int side = key > t->key;
		t->kid[side] = erase(t->kid[side], key);
	}
	return fix(t);
}

static void show(const struct tree *t)
{
	if (!t)
		return;
	putchar('(');
	show(t->kid[0]);
	printf("%d", t->key);
	show(t->kid[1]);
	putchar(')');
}

static int check(const struct tree *t)
{
	return !t || (balance(t) >= -1 && balance(t) <= 1 && check(t->kid[0]) && check(t->kid[1]));
}

int main(void)
{
	struct tree *t = NULL;
	for (int i = 0; i < 31; i++)
		t = insert(t, i * 37 % 64);
	show(t);
	printf("\nheight %d, balanced %d\n", height(t), check(t));
	for (int i = 0; i < 64; i += 3)
		t = erase(t, i);
	show(t);
	printf("\nheight %d, balanced %d\n", height(t), check(t));
	while (t)
		t = erase(t, t->key);
	return 0;
}
