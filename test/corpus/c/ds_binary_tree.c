// A search tree: insert, delete, walk in three orders, by levels, height, mirror.
#include <stdio.h>
#include <stdlib.h>

struct node {
	int key;
	struct node *left, *right;
};

static struct node *insert(struct node *n, int key)
{
	if (n == NULL) {
		n = calloc(1, sizeof *n);
		n->key = key;
	} else if (key < n->key) {
		n->left = insert(n->left, key);
	} else if (key > n->key) {
		n->right = insert(n->right, key);
	}
	return n;
}

static struct node *take_out(struct node *n, int key)
{
	struct node **at = &n;
	while (*at != NULL && (*at)->key != key)
		at = key < (*at)->key ? &(*at)->left : &(*at)->right;
	struct node *gone = *at;
	if (gone == NULL)
		return n;
	if (gone->left != NULL && gone->right != NULL) {
		struct node **least = &gone->right;
		while ((*least)->left != NULL)
			least = &(*least)->left;
		gone->key = (*least)->key;
		gone = *least;
		*least = gone->right;
	} else {
		*at = gone->left != NULL ? gone->left : gone->right;
	}
	free(gone);
	return n;
}

static void walk(const struct node *n, int order)
{
	if (n == NULL)
		return;
	if (order == 0)
		printf("%d ", n->key);
	walk(n->left, order);
	if (order == 1)
		printf("%d ", n->key);
	walk(n->right, order);
	if (order == 2)
		printf("%d ", n->key);
}

static int height(const struct node *n)
{
	if (n == NULL)
		return 0;
	int l = height(n->left), r = height(n->right);
	return 1 + (l > r ? l : r);
}

static void mirror(struct node *n)
{
	if (n == NULL)
		return;
	struct node *t = n->left;
	n->left = n->right;
	n->right = t;
	mirror(n->left);
	mirror(n->right);
}

static void levels(struct node *root)
{
	struct node *queue[64];
	size_t head = 0, tail = 0;
	queue[tail++] = root;
	while (head < tail) {
		size_t end = tail;
		for (; head < end; head++) {
			printf("%d ", queue[head]->key);
			if (queue[head]->left)
				queue[tail++] = queue[head]->left;
			if (queue[head]->right)
				queue[tail++] = queue[head]->right;
		}
		printf("| ");
	}
	putchar('\n');
}

int main(void)
{
	static const int keys[] = {50, 30, 70, 20, 40, 60, 80, 35, 45, 65, 50, 10, 90};
	struct node *root = NULL;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		root = insert(root, keys[i]);
	for (int order = 0; order < 3; order++, putchar('\n'))
		walk(root, order);
	levels(root);
	static const int out[] = {30, 50, 90, 1000, 70, 10};
	for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
		root = take_out(root, out[i]);
		printf("without %d, height %d: ", out[i], height(root));
		walk(root, 1);
		putchar('\n');
	}
	mirror(root);
	walk(root, 1);
	putchar('\n');
	while (root != NULL)
		root = take_out(root, root->key);
	return 0;
}
