#include <stdio.h>
#include <limits.h>

enum state { IDLE, DIALLING = 5, TALKING, BROKEN = -3, REPAIRED, LAST = 1 << 20 };
enum event { LIFT = 'l', DIAL = 'd', ANSWER = 'a', HANG_UP = 'h', KICK = 'k', FIX = 'f' };

static enum state step(enum state s, enum event e)
{
	switch (s) {
	case IDLE:
	case REPAIRED:
		return e == LIFT || e == DIAL ? DIALLING : e == KICK ? BROKEN : s;
	case DIALLING:
		switch (e) {
		case ANSWER: return TALKING;
		case HANG_UP: break;
		case KICK: return BROKEN;
		default: return s;
		}
		return IDLE;
	case TALKING:
		if (e == HANG_UP)
	case LAST:
			return IDLE;
		return e == KICK ? BROKEN : TALKING;
	case BROKEN:
		if (e != FIX)
			break;
		return REPAIRED;
	}
	return s;
}

static const char *range(long long x)
{
	switch (x) {
	case LLONG_MIN: return "least";
	case LLONG_MAX: return "most";
	case 0x100000000LL: return "2^32";
	case -1: return "minus one";
	case 0: return "zero";
	case 'A': case 'B': return "letter";
	default: return "other";
	}
}

static int unsigned_switch(unsigned u)
{
	int score = 0;
	switch (u) {
	default: score += 1;
	case UINT_MAX: score += 10;
	case 7u: score += 100; break;
	case 0x80000000u: score = -1;
	}
	return score;
}

int main(void)
{
	enum state s = IDLE;
	for (const char *p = "ldahkklfdahxl"; *p; p++) {
		enum state old = s;
		s = step(s, (enum event)*p);
		printf("%c: %d -> %d\n", *p, old, s);
	}
	long long values[] = {LLONG_MIN, LLONG_MAX, 1LL << 32, -1, 0, 'B', 4294967295LL};
	for (int i = 0; i < 7; i++)
		printf("%s%c", range(values[i]), i < 6 ? ',' : '\n');
	printf("%d %d %d %d\n", unsigned_switch(7), unsigned_switch(-1), unsigned_switch(0x80000000), unsigned_switch(3));
	return LAST >> 16;
}
