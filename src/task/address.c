#include "task/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool parse_port(const char *text, in_port_t *port)
{
	if (text[0] < '1' || text[0] > '9' || strlen(text) > 5 || strspn(text, "0123456789") != strlen(text))
		return false;
	long n = strtol(text, NULL, 10);
	*port = htons((uint16_t)n);
	return n <= UINT16_MAX;
}

static bool add_v4(const char *host, in_port_t port, struct spore__address *out)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = port};
	if (inet_pton(AF_INET, host, &in.sin_addr) != 1)
		return false;
	memset(out, 0, sizeof *out);
	memcpy(&out->of, &in, sizeof in);
	out->len = sizeof in;
	return true;
}

static bool add_v6(const char *host, in_port_t port, struct spore__address *out)
{
	struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = port};
	if (inet_pton(AF_INET6, host, &in.sin6_addr) != 1)
		return false;
	memset(out, 0, sizeof *out);
	memcpy(&out->of, &in, sizeof in);
	out->len = sizeof in;
	return true;
}

size_t spore__address_parse(const char *text, struct spore__address out[SPORE__ADDRESSES])
{
	char host[64];
	in_port_t port;
	const char *colon = strrchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : 0;
	if (colon == NULL || len >= sizeof host || !parse_port(colon + 1, &port))
		return 0;
	memcpy(host, text, len);
	host[len] = '\0';
	if (len == 0 || strcmp(host, "localhost") == 0) {
		(void)add_v4("127.0.0.1", port, &out[0]);
		(void)add_v6("::1", port, &out[1]);
		return 2;
	}
	if (host[0] != '[')
		return add_v4(host, port, &out[0]) ? 1 : 0;
	if (host[len - 1] != ']')
		return 0;
	host[len - 1] = '\0';
	return add_v6(host + 1, port, &out[0]) ? 1 : 0;
}
