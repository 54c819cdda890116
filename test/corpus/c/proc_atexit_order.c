#include <stdio.h>
#include <stdlib.h>
static int n;
static void one(void) { printf("one %d\n", ++n); }
static void two(void) { printf("two %d\n", ++n); }
static void three(void) { printf("three %d\n", ++n); atexit(one); }
static int check(int v) { if (v > 2) exit(40 + v); return v; }
int main(void)
{
	atexit(one);
	atexit(two);
	atexit(three);
	atexit(two);
	for (int i = 0;; i++)
		printf("check %d\n", check(i));
}
