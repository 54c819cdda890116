#include <stdio.h>
#include <string.h>

enum state { START, SIGN, WHOLE, POINT, PART, EXP, EXPSIGN, EXPDIGITS, BAD, STATES };
enum kind { K_SIGN, K_DIGIT, K_POINT, K_E, K_OTHER, KINDS };

static const unsigned char go[STATES][KINDS] = {
    {SIGN, WHOLE, POINT, BAD, BAD},    {BAD, WHOLE, POINT, BAD, BAD},
    {BAD, WHOLE, PART, EXP, BAD},      {BAD, PART, BAD, BAD, BAD},
    {BAD, PART, BAD, EXP, BAD},        {EXPSIGN, EXPDIGITS, BAD, BAD, BAD},
    {BAD, EXPDIGITS, BAD, BAD, BAD},   {BAD, EXPDIGITS, BAD, BAD, BAD},
    {BAD, BAD, BAD, BAD, BAD},
};

static enum kind classify(char c)
{
	return c == '+' || c == '-' ? K_SIGN : c >= '0' && c <= '9' ? K_DIGIT : c == '.' ? K_POINT : c == 'e' || c == 'E' ? K_E : K_OTHER;
}

int main(void)
{
	static const char *const tests[] = {"12", "-3.5", ".5", "5.", "1e9", "-1.25E-3", "+", "1e", "--1", "1.2.3", "0x1", ""};
	unsigned accepted = 0;
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
		enum state s = START;
		char trail[20] = "";
		for (const char *p = tests[i]; *p; p++) {
			s = go[s][classify(*p)];
			char one[2] = {(char)('0' + s), 0};
			strcat(trail, one);
		}
		int ok = s == WHOLE || s == PART || s == EXPDIGITS;
		printf("%-9s %-9s %s\n", tests[i], trail, ok ? "number" : "no");
		accepted |= (unsigned)ok << i;
	}
	printf("%x\n", accepted);
	return 0;
}
