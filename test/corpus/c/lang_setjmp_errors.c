#include <setjmp.h>
#include <stdio.h>
#include <string.h>

static jmp_buf *handler;
static char message[64];

#define TRY(block, on_error) do { \
		jmp_buf here, *outer = handler; \
		handler = &here; \
		if (setjmp(here) == 0) { block; handler = outer; } \
		else { handler = outer; on_error; } \
	} while (0)

static void throw(const char *why, int code)
{
	snprintf(message, sizeof message, "%s", why);
	if (handler)
		longjmp(*handler, code);
}

static int divide(int a, int b)
{
	if (b == 0)
		throw("division by zero", 1);
	return a / b;
}

static int depth(int n)
{
	if (n == 0)
		throw("too deep", 2);
	return depth(n - 1) + n;
}

int main(void)
{
	volatile int reached = 0;
	for (volatile int i = 3; i >= 0; i--)
		TRY(printf("12 / %d = %d\n", i, divide(12, i)); reached++, printf("caught %s\n", message));
	TRY({
		TRY(depth(50), printf("inner caught %s\n", message); throw("again", 3));
		puts("not reached");
	}, printf("outer caught %s\n", message));
	sigjmp_buf env;
	volatile int rounds = 0;
	int r = sigsetjmp(env, 1);
	printf("round %d gives %d\n", rounds, r);
	if (++rounds < 4)
		siglongjmp(env, rounds * 10);
	return reached;
}
