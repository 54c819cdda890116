#include <stdio.h>
#include <string.h>
int main(void)
{
	int a, b, n; unsigned x; long l; long long q; float f; double d; char w[20], c, set[20]; short h; unsigned char uc; void *p; size_t z;
	printf("%d\n", sscanf("12 -34 ff 0x10", "%d %d %x %li", &a, &b, &x, &l));
	printf("%d %d %x %ld\n", a, b, x, l);
	printf("%d\n", sscanf("3.5 -1e3 word,rest!", "%f %lf %19[^,],%c%n", &f, &d, w, &c, &n));
	printf("%g %g %s %c %d\n", f, d, w, c, n);
	printf("%d\n", sscanf("99999999999 300 70000 42", "%lld %hhu %hd %zu", &q, &uc, &h, &z));
	printf("%lld %d %d %zu\n", q, uc, h, z);
	printf("%d %d %d\n", sscanf("", "%d", &a), sscanf("abc", "%d", &a), sscanf("12abc34", "%d%*[a-z]%d", &a, &b));
	printf("%d %d\n", a, b);
	printf("%d %s\n", sscanf("key = value", " %19[a-z] = %19s", set, w), w);
	printf("%d\n", sscanf("0x1000", "%p", &p));
	FILE *m = fmemopen((char[]){"1 2\n3 4\n5"}, 9, "r");
	int sum = 0;
	while (fscanf(m, "%d", &a) == 1)
		sum += a;
	rewind(m);
	char line[10];
	while (fgets(line, 4, m) != NULL)
		printf("[%zu]", strlen(line));
	fclose(m);
	printf(" %d\n", sum);
	return sum;
}
