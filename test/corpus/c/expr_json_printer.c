// A JSON parser that builds a tree, and prints it again with indents and sorted keys.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum type { NUL, TRUTH, NUMBER, TEXT, LIST, OBJECT };

struct value {
	enum type type;
	char *key;
	union {
		double number;
		char *text;
		struct value *first;
	} u;
	struct value *next;
};

static const char *p;

static void skip(void)
{
	while (isspace((unsigned char)*p))
		p++;
}

static char *take_text(void)
{
	char *s = malloc(strlen(p)), *o = s;
	for (p++; *p != '"' && *p; p++) {
		if (*p == '\\') {
			p++;
			*o++ = *p == 'n' ? '\n' : *p == 't' ? '\t' : *p;
		} else {
			*o++ = *p;
		}
	}
	p++;
	*o = '\0';
	return s;
}

static struct value *parse(void)
{
	struct value *v = calloc(1, sizeof *v);
	skip();
	if (*p == '"') {
		v->type = TEXT;
		v->u.text = take_text();
	} else if (*p == '[' || *p == '{') {
		char close = *p == '[' ? ']' : '}';
		struct value **at = &v->u.first;
		v->type = *p == '[' ? LIST : OBJECT;
		p++;
		for (skip(); *p != close; skip()) {
			char *key = NULL;
			if (close == '}') {
				key = take_text();
				skip();
				p++;
			}
			struct value *child = parse();
			child->key = key;
			if (key != NULL)
				for (at = &v->u.first; *at != NULL && strcmp((*at)->key, key) < 0; at = &(*at)->next)
					;
			child->next = *at;
			*at = child;
			at = &child->next;
			skip();
			if (*p == ',')
				p++;
		}
		p++;
	} else if (strncmp(p, "true", 4) == 0 || strncmp(p, "false", 5) == 0) {
		v->type = TRUTH;
		v->u.number = *p == 't';
		p += *p == 't' ? 4 : 5;
	} else if (strncmp(p, "null", 4) == 0) {
		p += 4;
	} else {
		char *end;
		v->type = NUMBER;
		v->u.number = strtod(p, &end);
		p = end;
	}
	return v;
}

static void print(const struct value *v, int depth)
{
	printf("%*s", depth * 2, "");
	if (v->key)
		printf("%s: ", v->key);
	switch (v->type) {
	case NUL:
		puts("null");
		break;
	case TRUTH:
		puts(v->u.number ? "true" : "false");
		break;
	case NUMBER:
		printf("%.15g\n", v->u.number);
		break;
	case TEXT:
		printf("\"%s\" (%zu)\n", v->u.text, strlen(v->u.text));
		break;
	case LIST:
	case OBJECT:
		puts(v->type == LIST ? "list" : "object");
		for (const struct value *c = v->u.first; c != NULL; c = c->next)
			print(c, depth + 1);
	}
}

static void destroy(struct value *v)
{
	if (v->type == TEXT)
		free(v->u.text);
	if (v->type >= LIST)
		for (struct value *c = v->u.first, *next; c != NULL; c = next) {
			next = c->next;
			destroy(c);
		}
	free(v->key);
	free(v);
}

int main(void)
{
	p = "{\"name\": \"spoon\", \"size\": [1, 2.5, -3e2, []], \"more\": {\"z\": null, \"a\": true, \"m\": false},\n"
	    " \"said\": \"a \\\"b\\\"\\tc\", \"empty\": {}, \"big\": 12345678901234567890}";
	struct value *v = parse();
	print(v, 0);
	destroy(v);
	return 0;
}
