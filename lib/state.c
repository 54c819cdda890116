#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "spore/spore.h"

static atomic_bool said_ready, said_stopping;

static void put_ready(struct spore__msgpack_writer *w, const void *arg)
{
	(void)arg;
	spore__control_put_ready(w);
}

static void put_status(struct spore__msgpack_writer *w, const void *arg)
{
	spore__control_put_status(w, arg);
}

static void put_stopping(struct spore__msgpack_writer *w, const void *arg)
{
	(void)arg;
	spore__control_put_stopping(w);
}

void spore_ready(void)
{
	if (atomic_exchange(&said_ready, true))
		return;
	spore__connection_say(put_ready, NULL, NULL);
	spore__connection_notify("READY=1");
}

void spore_status(const char *text)
{
	char datagram[1024];
	text = text != NULL ? text : "";
	spore__connection_say(put_status, text, NULL);
	int len = snprintf(datagram, sizeof datagram, "STATUS=%s", text);
	if (len >= (int)sizeof datagram) {
		const char *cut = text + sizeof datagram - sizeof "STATUS="; // not within a character
		while (cut > text && ((unsigned char)*cut & 0xc0) == 0x80)
			cut--;
		datagram[sizeof "STATUS=" - 1 + (size_t)(cut - text)] = '\0';
	}
	for (char *c = datagram; *c != '\0'; c++) {
		if (*c == '\n')
			*c = ' '; // a new line begins another assignment
	}
	spore__connection_notify(datagram);
}

void spore_stopping(void)
{
	if (atomic_exchange(&said_stopping, true))
		return;
	spore__connection_say(put_stopping, NULL, NULL);
	spore__connection_notify("STOPPING=1");
}

const char *spore_config(const char *key, const char *fallback)
{
	char variable[256] = "SPORE_CONFIG_";
	if (key == NULL)
		return fallback;
	const char *value = spore__connection_config(key);
	size_t len = strlen(variable);
	if (value != NULL || strlen(key) >= sizeof variable - len)
		return value != NULL ? value : fallback;
	for (const char *c = key; *c != '\0'; c++) {
		bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
		variable[len++] = letter ? (char)toupper((unsigned char)*c) : '_';
	}
	variable[len] = '\0';
	value = getenv(variable);
	return value != NULL ? value : fallback;
}
