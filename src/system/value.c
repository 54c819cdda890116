#include "system/value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "node/schedule.h"
#include "task/address.h"

// Digits at *TEXT, which moves behind them; at most MAX.
static bool digits(const char **text, int64_t max, int64_t *out)
{
	const char *p = *text;
	int64_t n = 0;
	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++) {
		if (n > (max - (*p - '0')) / 10)
			return false;
		n = 10 * n + (*p - '0');
	}
	*text = p;
	*out = n;
	return n <= max;
}

bool spore__value_int(const char *text, int64_t *out)
{
	bool negative = *text == '-';
	const char *p = text + negative;
	if (*p == '0' && (negative || p[1] != '\0'))
		return false;
	if (!digits(&p, INT64_MAX, out) || *p != '\0')
		return false;
	if (negative)
		*out = -*out;
	return true;
}

static const struct {
	const char *name;
	int64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"ms", 1}, {"m", 60000}, {"s", 1000}};

bool spore__value_duration(const char *text, int64_t *ms)
{
	const char *p = text;
	int64_t sum = 0, n;
	do {
		size_t u = 0, count = sizeof units / sizeof *units;
		if (!digits(&p, INT64_MAX / 100000000, &n))
			return false;
		while (u < count && strncmp(p, units[u].name, strlen(units[u].name)) != 0)
			u++;
		if (u == count || n * units[u].ms > INT64_MAX - sum)
			return false;
		sum += n * units[u].ms;
		p += strlen(units[u].name);
	} while (*p != '\0');
	*ms = sum;
	return true;
}

bool spore__value_size(const char *text, int64_t *bytes)
{
	static const char letters[] = "KMGT";
	const char *p = text;
	if (!digits(&p, INT64_MAX >> 40, bytes))
		return false;
	if (*p == '\0')
		return true;
	const char *letter = strchr(letters, *p);
	if (letter == NULL || p[1] != '\0')
		return false;
	*bytes <<= 10 * (letter - letters + 1);
	return true;
}

bool spore__value_cpu(const char *text, int64_t *milli)
{
	const char *p = text;
	if (!digits(&p, 1000000, milli))
		return false;
	*milli *= 1000;
	if (*p == '\0')
		return *milli > 0;
	if (*p++ != '.' || *p == '\0' || strlen(p) > 3)
		return false;
	for (int64_t place = 100; *p != '\0'; p++, place /= 10) {
		if (!isdigit((unsigned char)*p))
			return false;
		*milli += place * (*p - '0');
	}
	return *milli > 0;
}

static const struct {
	const char *name;
	int number;
} signals[] = {
    {"HUP", SIGHUP},     {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"ABRT", SIGABRT}, {"KILL", SIGKILL}, {"USR1", SIGUSR1},
    {"USR2", SIGUSR2},   {"ALRM", SIGALRM}, {"TERM", SIGTERM}, {"CONT", SIGCONT}, {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},
#ifdef SIGWINCH
    {"WINCH", SIGWINCH},
#endif
};

bool spore__value_signal(const char *text, int64_t *signal)
{
	const char *name = strncmp(text, "SIG", 3) == 0 ? text + 3 : text;
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		if (strcmp(signals[i].name, name) == 0) {
			*signal = signals[i].number;
			return true;
		}
	return spore__value_int(text, signal) && *signal >= 1 && *signal <= 64;
}

bool spore__value_address(const char *text, char **out)
{
	const char *colon = strrchr(text, ':');
	const char *port = colon != NULL ? colon + 1 : text;
	int64_t n;
	if (!spore__value_int(port, &n) || n < 1 || n > 65535)
		return false;
	if (colon == NULL) {
		*out = spore__xasprintf("127.0.0.1:%s", port);
		return true;
	}
	struct spore__address addresses[SPORE__ADDRESSES];
	if (colon == text || spore__address_parse(text, addresses) == 0)
		return false;
	*out = spore__xstrdup(text);
	return true;
}

bool spore__value_pattern(const char *text, char *why, size_t size)
{
	regex_t compiled;
	int rc = regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB);
	if (rc == 0)
		regfree(&compiled);
	else
		(void)regerror(rc, &compiled, why, size);
	return rc == 0;
}

bool spore__value_cpus(const char *text)
{
	const char *p = text;
	for (;;) {
		int64_t first, last;
		if (!digits(&p, 4095, &first))
			return false;
		last = first;
		if (*p == '-') {
			p++;
			if (!digits(&p, 4095, &last) || last < first)
				return false;
		}
		if (*p == '\0')
			return true;
		if (*p++ != ',')
			return false;
	}
}

bool spore__value_every(const char *text)
{
	struct spore__schedule schedule;
	char why[256];
	return spore__schedule_parse(text, &schedule, why, sizeof why);
}

char *spore__value_show_duration(int64_t ms)
{
	static const size_t order[] = {0, 1, 3, 4, 2}; // d h m s ms
	for (size_t i = 0; ms > 0 && i < sizeof order / sizeof *order; i++)
		if (ms % units[order[i]].ms == 0)
			return spore__xasprintf("%" PRId64 "%s", ms / units[order[i]].ms, units[order[i]].name);
	return spore__xstrdup("0s");
}

char *spore__value_show_size(int64_t bytes)
{
	static const char letters[] = "KMGT";
	size_t l = 0;
	while (bytes != 0 && l < sizeof letters - 1 && bytes % 1024 == 0) {
		bytes /= 1024;
		l++;
	}
	return l == 0 ? spore__xasprintf("%" PRId64, bytes) : spore__xasprintf("%" PRId64 "%c", bytes, letters[l - 1]);
}

char *spore__value_show_signal(int64_t signal)
{
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		if (signals[i].number == signal)
			return spore__xstrdup(signals[i].name);
	return spore__xasprintf("%" PRId64, signal);
}
