// Tables with widths from arguments, columns by longest word, bars, and what the C locale says.
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct row {
	const char *name;
	double price;
	int count;
};

static int widest(const struct row *r, int n)
{
	int w = 0;
	for (int i = 0; i < n; i++) {
		int len = (int)strlen(r[i].name);
		w = len > w ? len : w;
	}
	return w;
}

int main(void)
{
	static const struct row rows[] = {{"nail", 0.05, 1200}, {"hammer", 12.5, 3}, {"screwdriver", 7.999, 14}, {"", -1, 0}};
	int n = (int)(sizeof rows / sizeof *rows), w = widest(rows, n);
	double total = 0;
	for (int i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		total += r->price * r->count;
		printf("|%-*s|%*.*f|%+*d|%.*s|\n", w, r->name, 10, i, r->price, 6, r->count, r->count > 20 ? 20 : r->count, "********************");
	}
	printf("%.*s\n%*s: %.2f\n", w + 21, "------------------------------------------------", w, "total", total);
	printf("locale: %s\n", setlocale(LC_ALL, "C"));
	const struct lconv *l = localeconv();
	printf("point '%s' thousands '%s' currency '%s'\n", l->decimal_point, l->thousands_sep, l->currency_symbol);
	static const time_t times[] = {0, 951782400, 1709209845, 4102444799, -1};
	for (int i = 0; i < 5; i++) {
		char text[80];
		struct tm tm;
		gmtime_r(&times[i], &tm);
		strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %a %A %b %j %U %W %y %p %I %%", &tm);
		puts(text);
		strftime(text, sizeof text, "%c|%x|%X|%D|%F|%T|%e|%G-W%V-%u", &tm);
		puts(text);
	}
	for (int i = 0; i < 3; i++)
		printf("%-*d|%0*d|%*s|%-*.*s|\n", i + 3, i, i + 3, i, -(i + 4), "ab", i + 4, i, "xyz");
	return 0;
}
