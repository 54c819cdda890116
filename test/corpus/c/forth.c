// A small Forth: numbers, arithmetic, stack words, definitions, if.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long stack[64];
static int top;
static struct {
	char name[16], body[80];
} words[16];
static int word_count;

static void push(long v)
{
	if (top == 64)
		exit(3);
	stack[top++] = v;
}

static long pop(void)
{
	if (top == 0) {
		puts("stack is empty");
		exit(2);
	}
	return stack[--top];
}

static void run(const char *text);

static int builtin(const char *w)
{
	long a, b;
	if (strlen(w) == 1 && strchr("+-*/=<", *w)) {
		b = pop();
		a = pop();
		push(*w == '+'   ? a + b
		     : *w == '-' ? a - b
		     : *w == '*' ? a * b
		     : *w == '/' ? a / b
		     : *w == '=' ? -(a == b)
		                 : -(a < b));
	} else if (!strcmp(w, "dup")) {
		a = pop();
		push(a);
		push(a);
	} else if (!strcmp(w, "swap")) {
		b = pop();
		a = pop();
		push(b);
		push(a);
	} else if (!strcmp(w, "over")) {
		b = pop();
		a = pop();
		push(a);
		push(b);
		push(a);
	} else if (!strcmp(w, "drop")) {
		pop();
	} else if (!strcmp(w, ".")) {
		printf("%ld ", pop());
	} else if (!strcmp(w, "cr")) {
		putchar('\n');
	} else {
		return 0;
	}
	return 1;
}

static void run(const char *text)
{
	char w[80];
	int used;
	while (sscanf(text, "%79s%n", w, &used) == 1) {
		text += used;
		if (!strcmp(w, "if")) {
			if (pop() == 0)
				text = strstr(text, "then") + 4;
			continue;
		}
		if (!strcmp(w, "then"))
			continue;
		if (!strcmp(w, "exit"))
			return;
		if (builtin(w))
			continue;
		int i = word_count - 1;
		while (i >= 0 && strcmp(words[i].name, w))
			i--;
		if (i >= 0) {
			run(words[i].body);
			continue;
		}
		char *end;
		long v = strtol(w, &end, 10);
		if (*end)
			printf("what is %s? ", w);
		else
			push(v);
	}
}

static void define(const char *name, const char *body)
{
	snprintf(words[word_count].name, sizeof words->name, "%s", name);
	snprintf(words[word_count++].body, sizeof words->body, "%s", body);
}

int main(void)
{
	define("square", "dup *");
	define("fact", "dup 2 < if drop 1 exit then dup 1 - fact *");
	define("fib", "dup 2 < if exit then dup 1 - fib swap 2 - fib +");
	run("1 2 3 . . . cr 7 square . cr");
	run("10 fact . 20 fact . cr 20 fib . cr nothing cr -7 2 / . 3 4 over . . . cr");
	printf("depth %d\n", top);
	printf("%s\n", top > 0 ? "left over" : "clean");
	return 0;
}
