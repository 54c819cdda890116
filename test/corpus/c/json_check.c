#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct reader {
	const char *at;
	int depth, values;
};

static bool value(struct reader *r);

static void blanks(struct reader *r)
{
	r->at += strspn(r->at, " \t\r\n");
}

static bool word(struct reader *r, const char *w)
{
	size_t n = strlen(w);
	if (strncmp(r->at, w, n) != 0)
		return false;
	r->at += n;
	return true;
}

static bool string(struct reader *r)
{
	for (r->at++; *r->at != '"'; r->at++) {
		if ((unsigned char)*r->at < 0x20)
			return false;
		if (*r->at == '\\' && strchr("\"\\/bfnrtu", *++r->at) == NULL)
			return false;
	}
	r->at++;
	return true;
}

static bool number(struct reader *r)
{
	const char *start = r->at;
	if (*r->at == '-')
		r->at++;
	while (isdigit((unsigned char)*r->at))
		r->at++;
	if (*r->at == '.')
		do
			r->at++;
		while (isdigit((unsigned char)*r->at));
	return r->at > start && isdigit((unsigned char)r->at[-1]);
}

static bool group(struct reader *r, char close, bool pairs)
{
	r->at++;
	if (++r->depth > 8)
		return false;
	blanks(r);
	if (*r->at == close) {
		r->at++;
		r->depth--;
		return true;
	}
	for (;;) {
		blanks(r);
		if (pairs) {
			if (*r->at != '"' || !string(r))
				return false;
			blanks(r);
			if (*r->at++ != ':')
				return false;
		}
		if (!value(r))
			return false;
		char c = *r->at++;
		if (c == close) {
			r->depth--;
			return true;
		}
		if (c != ',')
			return false;
	}
}

static bool value(struct reader *r)
{
	blanks(r);
	r->values++;
	bool ok;
	switch (*r->at) {
	case '{': ok = group(r, '}', true); break;
	case '[': ok = group(r, ']', false); break;
	case '"': ok = string(r); break;
	case 't': ok = word(r, "true"); break;
	case 'f': ok = word(r, "false"); break;
	case 'n': ok = word(r, "null"); break;
	default: ok = number(r);
	}
	blanks(r);
	return ok;
}

int main(void)
{
	static const char *texts[] = {"{}", "[1,2,3]", "{\"a\":[true,false,null],\"b\":-1.5}", "[1,]", "\"\\x\"",
	                              "[[[[[[[[[]]]]]]]]]", "{\"a\" 1}", " 12 ", "", "nul", "[\"\\u1234\",\"\\n\"]"};
	int good = 0;
	for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct reader r = {texts[i], 0, 0};
		bool ok = value(&r) && *r.at == '\0';
		printf("%-36s %s, %d values\n", texts[i], ok ? "good" : "bad", r.values);
		good += ok;
	}
	return good;
}
