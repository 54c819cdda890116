// Numbers the lines that come to its port `records`, and sends them on to `packages`; behind the last one `end` and how many there were.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spore/chan.h>

// What was not sent because the peer was killed or changed is sent again.
static bool send_text(struct spore_chan *c, const char *text, size_t len)
{
	enum spore_err e;
	do
		e = spore_chan_send(c, text, len, SPORE_FOREVER);
	while (e == SPORE_ECLOSED || e == SPORE_ERETURNED);
	if (e != SPORE_OK)
		spore_log(SPORE_ERROR, "cannot send", spore_str("why", spore_err_text(e)));
	return e == SPORE_OK;
}

int main(void)
{
	struct spore_chan *records, *packages;
	static char text[64 * 1024];
	const void *line;
	size_t len;
	long count = 0;
	enum spore_err e;
	if (spore_chan_open("records", NULL, &records) != SPORE_OK ||
	    spore_chan_open("packages", NULL, &packages) != SPORE_OK) {
		fprintf(stderr, "number: start it with spore: it has no ports otherwise\n");
		return 2;
	}
	spore_ready();
	while ((e = spore_chan_read(records, &line, &len, SPORE_FOREVER)) == SPORE_OK || e == SPORE_ERETURNED) {
		if (e == SPORE_ERETURNED)
			continue;
		int n = snprintf(text, sizeof text, "%ld\t%.*s", ++count, (int)len, (const char *)line);
		spore_chan_release(records);
		if (n >= (int)sizeof text)
			n = sizeof text - 1; // a very long list of dependencies
		if (!send_text(packages, text, (size_t)n))
			return 1;
	}
	if (e != SPORE_EEND)
		return 1;
	int n = snprintf(text, sizeof text, "end\t%ld", count);
	if (!send_text(packages, text, (size_t)n) || spore_chan_finish(packages, SPORE_FOREVER) != SPORE_OK)
		return 1;
	spore_chan_close(packages);
	spore_chan_close(records);
	return 0;
}
