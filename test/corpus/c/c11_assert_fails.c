#include <assert.h>
#include <stdio.h>
static int half(int x)
{
	assert(x % 2 == 0 && "an even number");
	return x / 2;
}
int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	for (int i = 8;; i = half(i))
		printf("%d\n", i);
}
