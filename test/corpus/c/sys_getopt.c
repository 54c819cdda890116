#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static int parse(int argc, char **argv)
{
	static const struct option longs[] = {
	    {"verbose", no_argument, NULL, 'v'}, {"output", required_argument, NULL, 'o'},
	    {"colour", optional_argument, NULL, 'c'}, {"size", required_argument, NULL, 1000}, {NULL, 0, NULL, 0}};
	int c, index, verbose = 0;
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "vo:c::n:", longs, &index)) != -1) {
		switch (c) {
		case 'v': verbose++; break;
		case 'o': printf("output=%s ", optarg); break;
		case 'c': printf("colour=%s ", optarg ? optarg : "(default)"); break;
		case 'n': printf("n=%ld ", strtol(optarg, NULL, 0)); break;
		case 1000: printf("size=%s(%s) ", optarg, longs[index].name); break;
		case '?': printf("bad(%c) ", optopt > 32 && optopt < 127 ? optopt : '-'); break;
		}
	}
	printf("verbose=%d rest:", verbose);
	while (optind < argc)
		printf(" %s", argv[optind++]);
	putchar('\n');
	return verbose;
}

#define RUN(...) do { char *v[] = {"prog", __VA_ARGS__, NULL}; sum += parse((int)(sizeof v / sizeof *v) - 1, v); } while (0)

int main(void)
{
	int sum = 0;
	RUN("-v", "-o", "file", "a", "b");
	RUN("a", "-vv", "b", "--verbose");
	RUN("-ofile", "-c", "-cred", "--colour=blue", "x");
	RUN("--size=5", "--size", "6", "--", "-v", "--output");
	RUN("-x", "--nosuch", "-o");
	RUN("-n0x1f", "-n", "077", "--verb", "--out=z");
	return sum;
}
