// the preprocessor calculates with intmax_t
#include <stdio.h>

int main(void)
{
#if 2147483647 + 1 > 0
	puts("wide");
#endif
	return 0;
}
