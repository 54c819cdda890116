#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bridge/codec.h"

extern const struct spore__codec_ops spore__codec_http, spore__codec_json_rpc, spore__codec_json_rpc_http,
    spore__codec_jsonl, spore__codec_lines, spore__codec_lsp, spore__codec_mcp, spore__codec_mcp_http,
    spore__codec_msgpack_rpc, spore__codec_netstring, spore__codec_resp, spore__codec_rpc, spore__codec_u32be,
    spore__codec_u32le, spore__codec_varint, spore__codec_websocket;

const struct spore__codec_ops *const spore__codecs[] = {
    &spore__codec_json_rpc,
    &spore__codec_lsp,
    &spore__codec_msgpack_rpc,
    &spore__codec_rpc,
    &spore__codec_lines,
    &spore__codec_jsonl,
    &spore__codec_u32be,
    &spore__codec_u32le,
    &spore__codec_varint,
    &spore__codec_netstring,
    &spore__codec_http,
    &spore__codec_json_rpc_http,
    &spore__codec_websocket,
    &spore__codec_mcp,
    &spore__codec_mcp_http,
    &spore__codec_resp,
    NULL,
};

const struct spore__codec_limits spore__codec_limits = {
    .message = (size_t)64 << 20,
    .depth = SPORE__MSGPACK_DEPTH,
    .head = 16384,
    .heads = 64,
    .in_flight = 128,
};

enum { OPTIONS = 16, NAME = 32 };

const struct spore__codec_ops *spore__codec_find(const char *name)
{
	for (size_t i = 0; spore__codecs[i] != NULL; i++)
		if (strcmp(spore__codecs[i]->name, name) == 0)
			return spore__codecs[i];
	return NULL;
}

static size_t count_options(const struct spore__codec_ops *ops)
{
	size_t n = 0;
	while (ops->options != NULL && ops->options[n].name != NULL)
		n++;
	assert(n <= OPTIONS);
	return n;
}

// NAME=VALUE of LEN bytes at TEXT, or NAME alone, whose value is "". A value ends at a comma; "\\," is one in it.
static enum spore_err take_option(const struct spore__codec_ops *ops, char **values, char *text, char *why, size_t size)
{
	char *value = strchr(text, '=');
	if (value != NULL)
		*value++ = '\0';
	for (size_t i = 0; i < count_options(ops); i++) {
		if (strcmp(ops->options[i].name, text) != 0)
			continue;
		free(values[i]);
		values[i] = spore__xstrdup(value != NULL ? value : "");
		return SPORE_OK;
	}
	(void)snprintf(why, size, "%s has no option '%s'", ops->name, text);
	return SPORE_EINVALID;
}

static enum spore_err take_options(const struct spore__codec_ops *ops, char **values, const char *spec, char *why,
                                   size_t size)
{
	enum spore_err e = SPORE_OK;
	while (e == SPORE_OK && *spec != '\0') {
		struct spore__buf text = {0};
		for (spec++; *spec != '\0' && *spec != ','; spec++) {
			if (*spec == '\\' && spec[1] == ',')
				spec++;
			spore__buf_char(&text, *spec);
		}
		char *option = spore__buf_take(&text);
		e = take_option(ops, values, option, why, size);
		free(option);
	}
	return e;
}

static void free_options(const char *const *values)
{
	for (size_t i = 0; values != NULL && i < OPTIONS; i++)
		free((void *)(uintptr_t)values[i]);
	free((void *)(uintptr_t)values);
}

enum spore_err spore__codec_create(const char *spec, enum spore__codec_role role,
                                   const struct spore__codec_limits *limits, const struct spore__codec_sink *sink,
                                   void *owner, struct spore__codec_end **e, char *why, size_t why_size)
{
	char name[NAME];
	size_t len = strcspn(spec, ",");
	(void)snprintf(name, sizeof name, "%.*s", (int)(len < NAME ? len : NAME), spec);
	const struct spore__codec_ops *ops = len < NAME ? spore__codec_find(name) : NULL;
	*e = NULL;
	if (ops == NULL) {
		(void)snprintf(why, why_size, "there is no protocol '%.*s'", (int)len, spec);
		return SPORE_ENOTFOUND;
	}
	assert(ops->init != NULL && ops->feed != NULL && ops->encode != NULL && ops->size >= sizeof **e);
	char **values = spore__xcalloc(OPTIONS, sizeof *values);
	enum spore_err err = take_options(ops, values, spec + len, why, why_size);
	if (err != SPORE_OK) {
		free_options((const char *const *)values);
		return err;
	}
	struct spore__codec_end *end = spore__xcalloc(1, ops->size);
	end->ops = ops;
	end->sink = sink;
	end->owner = owner;
	end->role = role;
	end->limits = limits != NULL ? limits : &spore__codec_limits;
	end->options = (const char *const *)values;
	end->framing = ops->framing;
	err = ops->init(end);
	if (err != SPORE_OK) {
		(void)snprintf(why, why_size, "%s: %s", ops->name,
		               end->why[0] != '\0' ? end->why : spore_err_text(err));
		spore__codec_destroy(end);
		return err;
	}
	*e = end;
	return SPORE_OK;
}

void spore__codec_destroy(struct spore__codec_end *e)
{
	if (e == NULL)
		return;
	if (e->ops->finish != NULL)
		e->ops->finish(e);
	free_options(e->options);
	spore__buf_finish(&e->out);
	free(e);
}

const char *spore__codec_option(const struct spore__codec_end *e, const char *name)
{
	for (size_t i = 0; i < count_options(e->ops); i++)
		if (strcmp(e->ops->options[i].name, name) == 0)
			return e->options[i] != NULL ? e->options[i] : e->ops->options[i].fallback;
	return NULL;
}

const char *spore__codec_loss_text(unsigned *losses)
{
	static const struct {
		unsigned bit;
		const char *text;
	} texts[] = {
	    {SPORE__LOSS_INT53, "integers beyond 2^53 lose digits in readers that have only doubles"},
	    {SPORE__LOSS_BYTES, "bytes become a string of base64"},
	    {SPORE__LOSS_FLOAT, "infinities and NaN become null"},
	    {SPORE__LOSS_KEYS, "keys of a map that are no strings become strings"},
	    {SPORE__LOSS_EXT, "extension types become bytes"},
	    {SPORE__LOSS_UTF8, "strings that are no UTF-8 become bytes"},
	    {SPORE__LOSS_ERROR_DATA, "the data of an error"},
	    {SPORE__LOSS_ERROR_CODE, "the code of an error"},
	    {SPORE__LOSS_METHOD, "the name of the method"},
	    {SPORE__LOSS_PROGRESS, "progress of a call"},
	    {SPORE__LOSS_ITEMS, "parts of a result come together, as one array"},
	    {SPORE__LOSS_CANCEL, "the callee does not hear that the caller gave up"},
	    {SPORE__LOSS_DEADLINE, "the callee does not hear deadlines; the bridge keeps them"},
	    {SPORE__LOSS_NOTIFICATION, "notifications to the callee"},
	    {SPORE__LOSS_EVENTS, "notifications to the caller, unless it asks for them ($events, SUBSCRIBE)"},
	    {SPORE__LOSS_BACK_CALLS, "a callee cannot call its caller"},
	    {SPORE__LOSS_TYPES, "numbers, booleans and nil become text"},
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if ((*losses & texts[i].bit) == 0)
			continue;
		*losses &= ~texts[i].bit;
		return texts[i].text;
	}
	return NULL;
}
