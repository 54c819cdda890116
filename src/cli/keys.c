#include "cli/keys.h"

#include <string.h>

static bool parse_key(const char *text, size_t len, unsigned char *key)
{
	static const char control[] = "ctrl-";
	if (len == 1) {
		*key = (unsigned char)text[0];
		return *key > ' ' && *key < 0x7f;
	}
	if (len != sizeof control || strncmp(text, control, sizeof control - 1) != 0)
		return false;
	unsigned char c = (unsigned char)text[len - 1];
	if (c >= 'a' && c <= 'z')
		c = (unsigned char)(c - 'a' + 'A');
	*key = c & 0x1f;
	return c >= '@' && c <= '_';
}

bool spore__keys_parse(struct spore__keys *k, const char *text)
{
	*k = (struct spore__keys){0};
	if (strcmp(text, "none") == 0)
		return true;
	for (const char *at = text;;) {
		size_t len = strcspn(at, ",");
		if (k->count == SPORE__KEYS_MAX || !parse_key(at, len, &k->keys[k->count]))
			return false;
		k->count++;
		if (at[len] == '\0')
			return true;
		at += len + 1;
	}
}

// How many of the first keys are the end of what was matched so far and then KEY.
static size_t step(const struct spore__keys *k, unsigned char key)
{
	unsigned char typed[SPORE__KEYS_MAX + 1];
	size_t len = k->matched;
	memcpy(typed, k->keys, len);
	typed[len++] = key;
	for (size_t n = len < k->count ? len : k->count; n > 0; n--)
		if (memcmp(typed + len - n, k->keys, n) == 0)
			return n;
	return 0;
}

bool spore__keys_filter(struct spore__keys *k, const unsigned char *in, size_t len, unsigned char *out, size_t *out_len)
{
	*out_len = 0;
	for (size_t i = 0; i < len; i++) {
		size_t before = k->matched;
		k->matched = step(k, in[i]);
		// What was held back and is no beginning of them any more.
		for (size_t j = 0; j < before + 1 - k->matched; j++)
			out[(*out_len)++] = j < before ? k->keys[j] : in[i];
		if (k->count > 0 && k->matched == k->count) {
			k->matched = 0;
			return true;
		}
	}
	return false;
}
