// a packed enumeration takes as few bytes as it needs
#include <stdio.h>

enum __attribute__((packed)) small { ONE, TWO };

int main(void)
{
	printf("%zu\n", sizeof(enum small));
	return 0;
}
