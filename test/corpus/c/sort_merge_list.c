#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct node {
  struct node *next;
  char word[16];
  int line;
} node;

static node *push(node *head, const char *word, int line) {
  node *n = malloc(sizeof *n);
  if (!n) abort();
  strncpy(n->word, word, sizeof n->word - 1);
  n->word[sizeof n->word - 1] = '\0';
  n->line = line;
  n->next = head;
  return n;
}

static node *merge(node *a, node *b) {
  node head, *tail = &head;
  while (a && b) {
    node **least = strcmp(a->word, b->word) <= 0 ? &a : &b;
    tail->next = *least;
    tail = tail->next;
    *least = (*least)->next;
  }
  tail->next = a ? a : b;
  return head.next;
}

static node *sort(node *list) {
  if (!list || !list->next) return list;
  node *slow = list, *fast = list->next;
  while (fast && fast->next) {
    slow = slow->next;
    fast = fast->next->next;
  }
  node *half = slow->next;
  slow->next = NULL;
  return merge(sort(list), sort(half));
}

int main(void) {
  static const char text[] =
      "it was the best of times it was the worst of times it was the age of wisdom "
      "it was the age of foolishness it was the epoch of belief";
  char copy[sizeof text];
  memcpy(copy, text, sizeof text);
  node *list = NULL;
  int line = 0;
  for (char *w = strtok(copy, " "); w; w = strtok(NULL, " ")) list = push(list, w, ++line);
  list = sort(list);
  for (node *n = list; n;) {
    node *same = n;
    int count = 0;
    printf("%-12s", n->word);
    while (same && strcmp(same->word, n->word) == 0) {
      printf(" %d", same->line);
      count++;
      same = same->next;
    }
    printf("  (%d)\n", count);
    while (n != same) {
      node *next = n->next;
      free(n);
      n = next;
    }
  }
  return line == 28 ? 0 : line;
}
