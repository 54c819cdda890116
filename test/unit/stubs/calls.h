// Every kind of prototype that transparent calls carry. test_calls.c calls each function both directly and over a channel.
#ifndef CALLS_H
#define CALLS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum colour { RED, GREEN = 5, BLUE = -3 };
struct point {
	double x, y;
};
typedef struct {
	uint8_t r, g, b;
} rgb;
struct person {
	char name[16]; // how they are called
	int32_t age;
	struct point at;
	char *nick;
	double *marks;
	size_t marks_count;
	enum colour likes;
	bool here;
	short grid[3];
};
struct note {
	const char *title;
	const void *data;
	size_t data_len;
	const struct point *where;
};

// ---- numbers
// The sum of two numbers.
int32_t add(int32_t a, int32_t b);
unsigned char add8(unsigned char a, signed char b);
unsigned short add16(unsigned short a, short b);
unsigned long long add64(unsigned long long a, long long b);
float halve(float f);
double power(double base, int exponent);
bool is_even(uint64_t n);
char next_char(char c);
enum colour next_colour(enum colour c);
void nothing(void);
int calls_of_nothing(void);
int maybe(const int *x /* spore: null */);

// ---- texts
const char *greet(const char *name);
char *shout(const char *text, unsigned times);
size_t length_or_zero(const char *text /* spore: null */);
const char *no_text(void);
int name_of(int id, char *buf, size_t size);
int split(const char *text, char **first, const char **rest);

// ---- buffers
double mean(const double *v, size_t n);
long sum_bytes(const void *data, size_t len);
size_t count_text(const char *text /* spore: text */, size_t len, char c);
size_t reverse(const uint8_t *data, size_t len, uint8_t *out, size_t *out_len);
void sort(int *v /* spore: inout */, size_t n);
void squares(int64_t *v /* spore: out */, unsigned n);
char *join(const char *const *words, size_t count, const char *between);
const void *pattern(uint32_t size, size_t *len);
uint32_t *primes(uint32_t below, size_t *n);
void corners(double out[4], const float scale[2]);
int make_bytes(int n, unsigned char **data, size_t *data_len);
bool far_length(size_t n, int seed, const int16_t *v /* spore: len=n */, int *total);

// ---- structures
struct point middle(struct point a, const struct point *b);
double area(const struct point *corner, size_t corner_count);
rgb mix(rgb a, rgb b);
void turn(struct point *p /* spore: inout */);
int divide(int a, int b, int *quotient, int *remainder);
bool find(const char *name, struct person *found);
struct person *clone(const struct person *p);
int people(int how_many, struct person **all, size_t *all_count);
size_t note_size(const struct note *n, bool *has_place);
const struct point *lent_point(int which);

// ---- streams
void count_to(int n, void (*fn)(int i, void *arg), void *arg);
int walk(const struct point *points, size_t n,
         int (*each)(void *arg, size_t i, const struct point *p, const char *label, const uint8_t *data,
                     size_t data_len),
         void *arg);

// ---- errors
int fails(int code, const char *why);
int sleeps(int ms);

// ---- whatever it is
/* Gives back what it gets.
 * spore: method=value.echo value len=out_len */
const void *echo(const void *v /* spore: value */, size_t v_len, size_t *out_len);

/* spore: skip */
int format(const char *format, ...);

#endif
