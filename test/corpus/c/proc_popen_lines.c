#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
int main(void)
{
	FILE *in = popen("printf 'b 2\\na 1\\nc 3\\n' | sort", "r");
	char line[80];
	int n = 0;
	if (in == NULL)
		return 1;
	while (fgets(line, sizeof line, in) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		printf("%d: '%s'\n", ++n, line);
	}
	printf("status %d\n", pclose(in));
	fflush(stdout);
	FILE *out = popen("tr a-z A-Z", "w");
	fprintf(out, "some words %d\n", 42);
	printf("%d\n", WEXITSTATUS(pclose(out)));
	return n;
}
