#include <stdio.h>
#include <stdlib.h>
static void bye(void) { puts("never said"); }
int main(void)
{
	atexit(bye);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("about to abort");
	fprintf(stderr, "complaint %d\n", 5);
	if (getenv("NO_SUCH_VARIABLE") == NULL)
		abort();
	return 0;
}
