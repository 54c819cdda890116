#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
static int parse(int argc, char **argv)
{
	static const struct option longs[] = {
	    {"verbose", no_argument, NULL, 'v'}, {"name", required_argument, NULL, 'n'}, {"level", optional_argument, NULL, 'l'}, {0, 0, 0, 0}};
	int c, bad = 0;
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "vn:l::", longs, NULL)) != -1) {
		printf(" %c", c);
		if (optarg != NULL)
			printf("=%s", optarg);
		if (c == '?') {
			printf("(%c)", optopt > ' ' ? optopt : '-');
			bad++;
		}
	}
	printf(" |");
	for (int i = optind; i < argc; i++)
		printf(" %s", argv[i]);
	putchar('\n');
	return bad;
}
#define PARSE(...) parse(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *) - 1, (char *[]){__VA_ARGS__})
int main(void)
{
	int bad = 0;
	bad += PARSE("prog", "-v", "-nx", "file", NULL);
	bad += PARSE("prog", "file", "--name=y", "--level", "--level=3", "-l4", "--", "-v", NULL);
	bad += PARSE("prog", "-vvx", "--nam", "z", "--wrong", NULL);
	bad += PARSE("prog", "-n", NULL);
	return bad;
}
