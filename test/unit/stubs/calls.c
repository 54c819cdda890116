#include "calls.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "spore/call.h"

static int nothings;

int32_t add(int32_t a, int32_t b)
{
	return a + b;
}

unsigned char add8(unsigned char a, signed char b)
{
	return (unsigned char)(a + b);
}

unsigned short add16(unsigned short a, short b)
{
	return (unsigned short)(a + b);
}

unsigned long long add64(unsigned long long a, long long b)
{
	return a + (unsigned long long)b;
}

float halve(float f)
{
	return f / 2;
}

double power(double base, int exponent)
{
	return pow(base, exponent);
}

bool is_even(uint64_t n)
{
	return n % 2 == 0;
}

char next_char(char c)
{
	return (char)(c + 1);
}

enum colour next_colour(enum colour c)
{
	return c == RED ? GREEN : c == GREEN ? BLUE : RED;
}

void nothing(void)
{
	nothings++;
}

int calls_of_nothing(void)
{
	return nothings;
}

int maybe(const int *x)
{
	return x != NULL ? *x : -1;
}

const char *greet(const char *name)
{
	static char text[64];
	(void)snprintf(text, sizeof text, "hello, %s", name);
	return text;
}

char *shout(const char *text, unsigned times)
{
	char *all = calloc(1, strlen(text) * times + 1);
	for (unsigned i = 0; all != NULL && i < times; i++)
		strcat(all, text);
	return all;
}

size_t length_or_zero(const char *text)
{
	return text != NULL ? strlen(text) : 0;
}

const char *no_text(void)
{
	return NULL;
}

int name_of(int id, char *buf, size_t size)
{
	return snprintf(buf, size, "number %d", id);
}

int split(const char *text, char **first, const char **rest)
{
	static char last[64];
	const char *space = strchr(text, ' ');
	*first = NULL;
	*rest = NULL;
	if (space == NULL)
		return 0;
	*first = strndup(text, (size_t)(space - text));
	(void)snprintf(last, sizeof last, "%s", space + 1);
	*rest = last;
	return 2;
}

double mean(const double *v, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += v[i];
	return n > 0 ? sum / (double)n : 0;
}

long sum_bytes(const void *data, size_t len)
{
	long sum = 0;
	for (size_t i = 0; i < len; i++)
		sum += ((const unsigned char *)data)[i];
	return sum;
}

size_t count_text(const char *text, size_t len, char c)
{
	size_t count = 0;
	for (size_t i = 0; i < len; i++)
		count += text[i] == c;
	return count;
}

size_t reverse(const uint8_t *data, size_t len, uint8_t *out, size_t *out_len)
{
	size_t n = len < *out_len ? len : *out_len;
	for (size_t i = 0; i < n; i++)
		out[i] = data[len - 1 - i];
	*out_len = n;
	return len;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void sort(int *v, size_t n)
{
	if (n > 0)
		qsort(v, n, sizeof *v, compare);
}

void squares(int64_t *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		v[i] = (int64_t)i * i;
}

char *join(const char *const *words, size_t count, const char *between)
{
	char *all = calloc(1, 256);
	for (size_t i = 0; all != NULL && i < count; i++) {
		strcat(all, i > 0 ? between : "");
		strcat(all, words[i] != NULL ? words[i] : "(none)");
	}
	return all;
}

const void *pattern(uint32_t size, size_t *len)
{
	static unsigned char *bytes;
	free(bytes);
	bytes = malloc(size + 1);
	*len = bytes != NULL ? size : 0;
	for (uint32_t i = 0; bytes != NULL && i < size; i++)
		bytes[i] = (unsigned char)(i * 7 + (i >> 8));
	return bytes;
}

uint32_t *primes(uint32_t below, size_t *n)
{
	uint32_t *v = calloc(below + 1, sizeof *v);
	*n = 0;
	for (uint32_t i = 2; v != NULL && i < below; i++) {
		bool prime = true;
		for (size_t k = 0; prime && k < *n; k++)
			prime = i % v[k] != 0;
		if (prime)
			v[(*n)++] = i;
	}
	return v;
}

void corners(double out[4], const float scale[2])
{
	for (int i = 0; i < 4; i++)
		out[i] = (double)scale[i % 2] * (i < 2 ? 1 : -1);
}

int make_bytes(int n, unsigned char **data, size_t *data_len)
{
	*data = malloc((size_t)n + 1);
	*data_len = (size_t)n;
	for (int i = 0; *data != NULL && i < n; i++)
		(*data)[i] = (unsigned char)i;
	return n;
}

bool far_length(size_t n, int seed, const int16_t *v, int *total)
{
	*total = seed;
	for (size_t i = 0; i < n; i++)
		*total += v[i];
	return n > 0;
}

struct point middle(struct point a, const struct point *b)
{
	return (struct point){(a.x + b->x) / 2, (a.y + b->y) / 2};
}

double area(const struct point *corner, size_t corner_count)
{
	double sum = 0;
	for (size_t i = 0; i < corner_count; i++) {
		const struct point *a = &corner[i], *b = &corner[(i + 1) % corner_count];
		sum += a->x * b->y - b->x * a->y;
	}
	return sum / 2;
}

rgb mix(rgb a, rgb b)
{
	return (rgb){(uint8_t)((a.r + b.r) / 2), (uint8_t)((a.g + b.g) / 2), (uint8_t)((a.b + b.b) / 2)};
}

void turn(struct point *p)
{
	*p = (struct point){-p->y, p->x};
}

int divide(int a, int b, int *quotient, int *remainder)
{
	if (b == 0) {
		spore_call_fail(2001, "%d cannot be divided by zero", a);
		return -1;
	}
	*quotient = a / b;
	*remainder = a % b;
	return 0;
}

static void fill(struct person *p, const char *name, int age)
{
	memset(p, 0, sizeof *p);
	(void)snprintf(p->name, sizeof p->name, "%s", name);
	p->age = age;
	p->at = (struct point){age / 2.0, -age};
	p->nick = strdup("nick");
	p->marks_count = (size_t)age % 5;
	p->marks = calloc(p->marks_count + 1, sizeof *p->marks);
	for (size_t i = 0; p->marks != NULL && i < p->marks_count; i++)
		p->marks[i] = (double)i + 0.25;
	p->likes = BLUE;
	p->here = age % 2 == 0;
	p->grid[1] = -7;
}

bool find(const char *name, struct person *found)
{
	fill(found, name, 44);
	return true;
}

struct person *clone(const struct person *p)
{
	struct person *copy = malloc(sizeof *copy);
	if (copy == NULL)
		return NULL;
	*copy = *p;
	copy->nick = p->nick != NULL ? strdup(p->nick) : NULL;
	copy->marks = calloc(p->marks_count + 1, sizeof *copy->marks);
	if (copy->marks != NULL && p->marks_count > 0)
		memcpy(copy->marks, p->marks, p->marks_count * sizeof *copy->marks);
	return copy;
}

int people(int how_many, struct person **all, size_t *all_count)
{
	*all_count = (size_t)how_many;
	*all = calloc((size_t)how_many + 1, sizeof **all);
	for (int i = 0; *all != NULL && i < how_many; i++)
		fill(&(*all)[i], i % 2 == 0 ? "Ada" : "Grace", 30 + i);
	return how_many;
}

size_t note_size(const struct note *n, bool *has_place)
{
	*has_place = n->where != NULL && n->where->x > 0;
	return (n->title != NULL ? strlen(n->title) : 0) +
	       (n->data != NULL ? (size_t)sum_bytes(n->data, n->data_len) : 0);
}

const struct point *lent_point(int which)
{
	static const struct point points[2] = {{1, 2}, {3, 4}};
	return which == 0 || which == 1 ? &points[which] : NULL;
}

void count_to(int n, void (*fn)(int i, void *arg), void *arg)
{
	for (int i = 1; i <= n; i++)
		fn(i, arg);
}

int walk(const struct point *points, size_t n,
         int (*each)(void *arg, size_t i, const struct point *p, const char *label, const uint8_t *data,
                     size_t data_len),
         void *arg)
{
	static const uint8_t bytes[] = {0, 1, 254, 255};
	for (size_t i = 0; i < n; i++)
		if (each(arg, i, &points[i], i == 1 ? NULL : "label", bytes, i < 4 ? i : 4) != 0)
			return (int)i;
	return (int)n;
}

int fails(int code, const char *why)
{
	spore_call_fail(code, "%s", why);
	return 7;
}

int sleeps(int ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	(void)nanosleep(&t, NULL);
	return ms;
}

const void *echo(const void *v, size_t v_len, size_t *out_len)
{
	static char value[256];
	if (v_len > sizeof value) {
		spore_call_fail(SPORE_ETOOBIG, "%zu bytes are too many", v_len);
		return NULL;
	}
	memcpy(value, v, v_len);
	*out_len = v_len;
	return value;
}

int format(const char *text, ...)
{
	return (int)strlen(text);
}
