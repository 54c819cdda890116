// Adds up by section what comes to its port `weights`, each number once, and at the end sends a line for each section to `table`: name, packages,
// MiB, dependencies per package; and one for all that says how many packages were missing and how many came again.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spore/chan.h>

enum { SECTIONS = 200, PACKAGES = 1 << 22 };

struct section {
	char name[40];
	long packages, kib, dependencies;
};

static struct section sections[SECTIONS];
static int section_count;
static unsigned char seen[PACKAGES];
static long seen_count, repeated, expected = -1;

static struct section *find(const char *name)
{
	for (int i = 0; i < section_count; i++)
		if (strcmp(sections[i].name, name) == 0)
			return &sections[i];
	if (section_count == SECTIONS)
		return &sections[SECTIONS - 1];
	strcpy(sections[section_count].name, name);
	return &sections[section_count++];
}

static void take(const char *message)
{
	long number, kib, dependencies;
	char name[40];
	if (sscanf(message, "end\t%ld", &expected) == 1)
		return;
	if (sscanf(message, "%ld\t%39[^\t]\t%ld\t%ld", &number, name, &kib, &dependencies) != 4 || number < 0 ||
	    number >= PACKAGES) {
		spore_log(SPORE_WARN, "not a weight", spore_str("message", message));
		return;
	}
	if (seen[number]) {
		repeated++;
		return;
	}
	seen[number] = 1;
	struct section *s = find(name);
	s->packages++;
	s->kib += kib;
	s->dependencies += dependencies;
	char status[40];
	if (++seen_count % 1000 == 0) {
		snprintf(status, sizeof status, "%ld packages", seen_count);
		spore_status(status);
	}
}

static void put(struct spore_chan *table, const char *text)
{
	enum spore_err e;
	do
		e = spore_chan_send(table, text, strlen(text), SPORE_FOREVER);
	while (e == SPORE_ECLOSED || e == SPORE_ERETURNED);
	if (e != SPORE_OK) {
		spore_log(SPORE_ERROR, "cannot send", spore_str("why", spore_err_text(e)));
		exit(1);
	}
}

int main(void)
{
	struct spore_chan *weights, *table;
	char text[400];
	size_t len;
	if (spore_chan_open("weights", NULL, &weights) != SPORE_OK ||
	    spore_chan_open("table", NULL, &table) != SPORE_OK) {
		fprintf(stderr, "sum: start it with spore: it has no ports otherwise\n");
		return 2;
	}
	spore_ready();
	for (;;) {
		enum spore_err e = spore_chan_recv(weights, text, sizeof text - 1, &len, SPORE_FOREVER);
		if (e == SPORE_EEND && expected >= 0)
			break;
		// A weigh that was killed, or has given way to another one.
		if (e == SPORE_ECLOSED || e == SPORE_ERETURNED || e == SPORE_EEND)
			continue;
		if (e != SPORE_OK) {
			spore_log(SPORE_ERROR, "cannot receive", spore_str("why", spore_err_text(e)));
			return 1;
		}
		text[len] = '\0';
		take(text);
	}
	for (int i = 0; i < section_count; i++) {
		const struct section *s = &sections[i];
		snprintf(text, sizeof text, "%s\t%ld\t%ld\t%.1f", s->name, s->packages, s->kib / 1024,
		         (double)s->dependencies / (double)s->packages);
		put(table, text);
	}
	snprintf(text, sizeof text, "all\t%ld packages, %ld missing, %ld came again", seen_count, expected - seen_count,
	         repeated);
	put(table, text);
	(void)spore_chan_finish(table, SPORE_FOREVER);
	spore_chan_close(table);
	spore_chan_close(weights);
	return 0;
}
