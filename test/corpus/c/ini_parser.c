// Sections, keys and values, with blanks, comments and complaints.
#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct entry {
	char section[16], key[16], value[32];
};

static char *trim(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	char *end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s;
}

static int parse(char *text, struct entry *out, int room)
{
	char section[16] = "-";
	int n = 0, line = 0;
	for (char *row = strtok(text, "\n"); row != NULL; row = strtok(NULL, "\n")) {
		line++;
		row = trim(row);
		if (*row == '\0' || *row == ';' || *row == '#')
			continue;
		size_t len = strlen(row);
		if (*row == '[' && row[len - 1] == ']') {
			snprintf(section, sizeof section, "%.*s", (int)len - 2, row + 1);
			continue;
		}
		char *equals = strchr(row, '=');
		if (equals == NULL) {
			printf("line %d: no '=' in \"%s\"\n", line, row);
			continue;
		}
		*equals = '\0';
		if (n == room)
			break;
		snprintf(out[n].section, sizeof out[n].section, "%.15s", section);
		snprintf(out[n].key, sizeof out[n].key, "%.15s", trim(row));
		snprintf(out[n].value, sizeof out[n].value, "%.31s", trim(equals + 1));
		n++;
	}
	return n;
}

int main(void)
{
	char text[] = "top = 1\n[window]\n  width=640 \n height =\t480\n; note\nbroken\n[ keys ]\nquit = Ctrl + Q\n# "
	              "end\nempty=\n";
	struct entry all[10];
	int n = parse(text, all, 10);
	for (int i = 0; i < n; i++)
		printf("%d: [%s] %s = '%s'\n", i, all[i].section, all[i].key, all[i].value);
	return n == 5 ? 0 : 1;
}
