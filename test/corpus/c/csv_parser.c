// Comma-separated values with quotes, doubled quotes and empty fields.
#include <stdio.h>
#include <string.h>

static int next_field(const char **p, char *out, size_t room)
{
	size_t n = 0;
	int quoted = **p == '"';
	if (quoted)
		(*p)++;
	while (**p) {
		if (quoted && **p == '"') {
			if ((*p)[1] != '"') {
				(*p)++;
				break;
			}
			(*p)++;
		} else if (!quoted && (**p == ',' || **p == '\n')) {
			break;
		}
		if (n + 1 < room)
			out[n++] = **p;
		(*p)++;
	}
	out[n] = '\0';
	if (**p == ',') {
		(*p)++;
		return 1;
	}
	return 0;
}

int main(void)
{
	static const char *const rows[] = {
	    "name,amount,note\n",   "ann,12,\"says \"\"hi\"\"\"\n",  ",,\n",
	    "\"a,b\",\"c\nd\",e\n", "last one without an end,1.5,x",
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *p = rows[i];
		char field[64];
		int more, column = 0;
		do {
			more = next_field(&p, field, sizeof field);
			printf("row %zu column %d (%2zu): <%s>\n", i, column++, strlen(field), field);
		} while (more);
	}
	return 0;
}
