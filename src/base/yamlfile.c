#include "base/yamlfile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/nearest.h"

static void add(struct spore__yaml *y, yaml_mark_t mark, bool note, const char *fmt, va_list ap)
{
	char text[1024];
	y->errors += !note;
	if (y->count >= SPORE__YAML_FINDINGS)
		return;
	(void)vsnprintf(text, sizeof text, fmt, ap);
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			*p = ' '; // what a file says must not look like a line of ours
	if (y->count == y->cap) {
		y->cap = y->cap < 8 ? 8 : 2 * y->cap;
		y->findings = spore__xrealloc(y->findings, y->cap * sizeof *y->findings);
	}
	y->findings[y->count++] = (struct spore__finding){mark.line + 1, mark.column + 1, note, spore__xstrdup(text)};
}

bool spore__yaml_wrong(struct spore__yaml *y, yaml_mark_t mark, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(y, mark, false, fmt, ap);
	va_end(ap);
	return false;
}

void spore__yaml_note(struct spore__yaml *y, yaml_mark_t mark, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(y, mark, true, fmt, ap);
	va_end(ap);
}

char *spore__yaml_first(const struct spore__yaml *y)
{
	for (size_t i = 0; i < y->count; i++) {
		const struct spore__finding *f = &y->findings[i];
		if (!f->note)
			return spore__xasprintf("%s:%zu:%zu: %s", y->file, f->line, f->column, f->text);
	}
	return NULL;
}

static int by_place(const void *a, const void *b)
{
	const struct spore__finding *x = a, *y = b;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return strcmp(x->text, y->text);
}

void spore__yaml_sort(struct spore__yaml *y)
{
	if (y->count > 1)
		qsort(y->findings, y->count, sizeof *y->findings, by_place);
}

static bool initialize(struct spore__yaml *y, yaml_parser_t *parser, const char *text, size_t len)
{
	if (yaml_parser_initialize(parser) == 0)
		return spore__yaml_wrong(y, (yaml_mark_t){0}, "out of memory");
	yaml_parser_set_input_string(parser, (const unsigned char *)text, len);
	return true;
}

// How a token changes the depth: lists and maps in each other.
static int deeper(yaml_token_type_t type)
{
	switch (type) {
	case YAML_BLOCK_SEQUENCE_START_TOKEN:
	case YAML_BLOCK_MAPPING_START_TOKEN:
	case YAML_FLOW_SEQUENCE_START_TOKEN:
	case YAML_FLOW_MAPPING_START_TOKEN:
		return 1;
	case YAML_BLOCK_END_TOKEN:
	case YAML_FLOW_SEQUENCE_END_TOKEN:
	case YAML_FLOW_MAPPING_END_TOKEN:
		return -1;
	default:
		return 0;
	}
}

// libyaml takes a time that grows with the square of depth and of anchors: what has too many of them is not loaded at all.
static bool is_small(struct spore__yaml *y, const char *text, size_t len)
{
	yaml_parser_t parser;
	size_t anchors = 0;
	int depth = 0;
	yaml_mark_t mark = {0};
	if (!initialize(y, &parser, text, len))
		return false;
	for (bool more = true; more && anchors <= SPORE__YAML_ANCHORS && depth <= SPORE__YAML_DEPTH;) {
		yaml_token_t token;
		if (yaml_parser_scan(&parser, &token) == 0)
			break; // told when it is loaded
		anchors += token.type == YAML_ANCHOR_TOKEN || token.type == YAML_ALIAS_TOKEN;
		depth += deeper(token.type);
		more = token.type != YAML_STREAM_END_TOKEN;
		mark = token.start_mark;
		yaml_token_delete(&token);
	}
	yaml_parser_delete(&parser);
	if (anchors > SPORE__YAML_ANCHORS)
		return spore__yaml_wrong(y, mark, "more than %d anchors and aliases", SPORE__YAML_ANCHORS);
	return depth <= SPORE__YAML_DEPTH ||
	       spore__yaml_wrong(y, mark, "more than %d lists and maps in each other", SPORE__YAML_DEPTH);
}

static bool no_yaml(struct spore__yaml *y, const yaml_parser_t *parser)
{
	const char *problem = parser->problem != NULL ? parser->problem : "not YAML";
	const char *context = parser->context != NULL ? parser->context : "";
	const char *remedy = strstr(context, "alias") != NULL    ? "; text that begins with * is written in quotes"
	                     : strstr(context, "anchor") != NULL ? "; text that begins with & is written in quotes"
	                     : strstr(problem, "start any token") != NULL || strstr(problem, "tab") != NULL
	                         ? "; text that begins with this sign is written in quotes, and lines are indented "
	                           "with spaces, not tabs"
	                         : "";
	return spore__yaml_wrong(y, parser->problem_mark, "%s%s%s%s", problem, context[0] != '\0' ? " " : "", context,
	                         remedy);
}

bool spore__yaml_load(struct spore__yaml *y, const char *file, const char *text, size_t len)
{
	yaml_parser_t parser;
	*y = (struct spore__yaml){.file = file};
	if (len > SPORE__YAML_TEXT)
		return spore__yaml_wrong(y, (yaml_mark_t){0}, "more than %d MiB", SPORE__YAML_TEXT >> 20);
	if (!is_small(y, text, len) || !initialize(y, &parser, text, len))
		return false;
	y->loaded = yaml_parser_load(&parser, &y->document) != 0;
	if (!y->loaded)
		(void)no_yaml(y, &parser);
	yaml_parser_delete(&parser);
	return y->loaded;
}

void spore__yaml_finish(struct spore__yaml *y)
{
	if (y->loaded)
		yaml_document_delete(&y->document);
	for (size_t i = 0; i < y->count; i++)
		free(y->findings[i].text);
	free(y->findings);
	*y = (struct spore__yaml){0};
}

const yaml_node_t *spore__yaml_root(struct spore__yaml *y)
{
	return yaml_document_get_root_node(&y->document);
}

const char *spore__yaml_kind(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE     ? "a single value"
	       : node->type == YAML_SEQUENCE_NODE ? "a list"
	                                          : "a map";
}

const char *spore__yaml_trap(const char *value)
{
	static const char *const words[] = {"y", "n", "yes", "no", "on", "off", "true", "false", NULL};
	for (size_t i = 0; words[i] != NULL; i++)
		if (strcasecmp(words[i], value) == 0)
			return "a truth value";
	if (*value == '\0' || strcmp(value, "~") == 0 || strcasecmp(value, "null") == 0)
		return "nothing at all";
	size_t len = strlen(value);
	const char *point = strchr(value, '.');
	if (point != NULL && strchr(point + 1, '.') != NULL)
		return NULL; // an address, or a version such as 1.2.3
	return strspn(value, "0123456789._+-eE") == len && strpbrk(value, "0123456789") != NULL &&
	               strchr("eE", *value) == NULL && strspn(value, "+-") <= 1
	           ? "a number"
	           : NULL;
}

bool spore__yaml_scalar(struct spore__yaml *y, const yaml_node_t *node, const char *what, const char **out)
{
	if (node->type != YAML_SCALAR_NODE)
		return spore__yaml_wrong(y, node->start_mark, "%s must be text, not %s", what, spore__yaml_kind(node));
	*out = (const char *)node->data.scalar.value;
	return strlen(*out) == node->data.scalar.length ||
	       spore__yaml_wrong(y, node->start_mark, "%s contains a NUL character", what);
}

bool spore__yaml_string(struct spore__yaml *y, const yaml_node_t *node, const char *what, const char **out)
{
	if (!spore__yaml_scalar(y, node, what, out))
		return false;
	const char *seen = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? spore__yaml_trap(*out) : NULL;
	return seen == NULL || spore__yaml_wrong(y, node->start_mark,
	                                         "%s must be text, and YAML takes %s for %s: write \"%s\" in quotes",
	                                         what, **out != '\0' ? *out : "an empty value", seen, *out);
}

static bool may_go_on(struct spore__yaml *y, yaml_mark_t mark)
{
	if (y->visits == SPORE__YAML_VISITS)
		(void)spore__yaml_wrong(y, mark, "with all aliases followed there are more than %d values",
		                        SPORE__YAML_VISITS);
	return y->visits++ < SPORE__YAML_VISITS;
}

struct strings {
	struct spore__yaml *y;
	const char *what;
	struct spore__strs *out;
};

static bool add_string(void *arg, const yaml_node_t *item)
{
	struct strings *s = arg;
	const char *value = NULL;
	if (!spore__yaml_string(s->y, item, s->what, &value))
		return false;
	spore__strs_add(s->out, value);
	return true;
}

bool spore__yaml_strings(struct spore__yaml *y, const yaml_node_t *node, const char *what, struct spore__strs *out)
{
	struct strings s = {y, what, out};
	return spore__yaml_items(y, node, what, add_string, &s);
}

bool spore__yaml_items(struct spore__yaml *y, const yaml_node_t *list, const char *what, spore__yaml_item_fn *fn,
                       void *arg)
{
	bool ok = true;
	if (list->type != YAML_SEQUENCE_NODE)
		return spore__yaml_wrong(y, list->start_mark, "%s must be a list, not %s: write [ ... ]", what,
		                         spore__yaml_kind(list));
	for (yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++) {
		if (!may_go_on(y, list->start_mark))
			return false;
		ok = fn(arg, yaml_document_get_node(&y->document, *i)) && ok;
	}
	return ok;
}

struct named {
	const char *name;
	const yaml_node_t *key, *value;
	size_t order;
	bool twice;
};

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = strcmp(x->name, y->name);
	return c != 0 ? c : x->order < y->order ? -1 : 1;
}

static int by_order(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	return x->order < y->order ? -1 : 1;
}

static void mark_doubles(struct named *pairs, size_t count)
{
	if (count < 2)
		return;
	qsort(pairs, count, sizeof *pairs, by_name);
	for (size_t i = 1; i < count; i++)
		pairs[i].twice = strcmp(pairs[i].name, pairs[i - 1].name) == 0;
	qsort(pairs, count, sizeof *pairs, by_order);
}

bool spore__yaml_pairs(struct spore__yaml *y, const yaml_node_t *map, const char *what, spore__yaml_pair_fn *fn,
                       void *arg)
{
	bool ok = true;
	if (map->type != YAML_MAPPING_NODE)
		return spore__yaml_wrong(y, map->start_mark, "%s must be a map, not %s", what, spore__yaml_kind(map));
	size_t count = 0, all = (size_t)(map->data.mapping.pairs.top - map->data.mapping.pairs.start);
	struct named *pairs = spore__xcalloc(all + 1, sizeof *pairs);
	char *key_of = spore__xasprintf("a key of %s", what);
	for (size_t i = 0; i < all; i++) {
		const yaml_node_pair_t *pair = &map->data.mapping.pairs.start[i];
		struct named *p = &pairs[count];
		p->key = yaml_document_get_node(&y->document, pair->key);
		p->value = yaml_document_get_node(&y->document, pair->value);
		p->order = i;
		if (spore__yaml_string(y, p->key, key_of, &p->name))
			count++;
		else
			ok = false;
	}
	mark_doubles(pairs, count);
	for (size_t i = 0; i < count; i++) {
		if (!may_go_on(y, map->start_mark)) {
			ok = false;
			break;
		}
		if (pairs[i].twice)
			ok = spore__yaml_wrong(y, pairs[i].key->start_mark, "%s has \"%s\" twice", what, pairs[i].name);
		else
			ok = fn(arg, pairs[i].name, pairs[i].key, pairs[i].value) && ok;
	}
	free(key_of);
	free(pairs);
	return ok;
}

bool spore__yaml_unknown(struct spore__yaml *y, yaml_mark_t mark, const char *what, const char *name,
                         const char *const *known)
{
	const char *near = spore__nearest(name, known);
	if (near != NULL)
		return spore__yaml_wrong(y, mark, "%s has no key \"%s\"; did you mean \"%s\"?", what, name, near);
	struct spore__buf all = {0};
	for (size_t i = 0; known[i] != NULL; i++)
		spore__buf_printf(&all, "%s%s", i > 0 ? ", " : "", known[i]);
	(void)spore__yaml_wrong(y, mark, "%s has no key \"%.64s\"; it has %s", what, name, all.data);
	spore__buf_finish(&all);
	return false;
}
