// Wires of a manifest: A.PORT [(PROTOCOL)] -> B.PORT [(PROTOCOL)], <> where both write; or a map.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "system/manifest_private.h"

static void finish_end(struct spore__manifest_end *e)
{
	free(e->task);
	free(e->port);
	free(e->protocol);
	free(e->listen);
	free(e->speaks);
}

void spore__wire_finish(struct spore__manifest_wire *w)
{
	finish_end(&w->from);
	finish_end(&w->to);
	free(w->losses);
}

static void trim(char *text)
{
	size_t len = strlen(text), front = strspn(text, " \t");
	while (len > front && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	memmove(text, text + front, len - front);
	text[len - front] = '\0';
}

// TASK.PORT [(PROTOCOL)], or listen ADDRESS (PROTOCOL); changes TEXT.
static bool take_end(struct spore__taking *t, yaml_mark_t mark, char *text, struct spore__manifest_end *out)
{
	trim(text);
	char *bracket = strchr(text, '(');
	size_t len = strlen(text);
	if (bracket != NULL) {
		if (text[len - 1] != ')')
			return spore__yaml_wrong(t->y, mark, "\"%.80s\": the protocol after a port is written (NAME)",
			                         text);
		text[len - 1] = '\0';
		*bracket = '\0';
		trim(text);
		char why[SPORE__PLAN_TEXT];
		out->protocol = spore__xstrdup(bracket + 1);
		if (!spore__plan_check(spore__codec_facts, out->protocol, why, sizeof why))
			return spore__yaml_wrong(t->y, mark, "%s", why);
	}
	if (strncmp(text, "listen ", 7) == 0) {
		trim(text + 7);
		return spore__take_listener(t, mark, text + 7, out);
	}
	char *dot = strchr(text, '.');
	if (dot == NULL)
		return spore__yaml_wrong(t->y, mark, "\"%.80s\" is no port: write TASK.PORT, such as %.40s.stdout",
		                         text, spore__name_is_valid(text) ? text : "web");
	*dot = '\0';
	out->task = spore__xstrdup(text);
	out->port = spore__xstrdup(dot + 1);
	if (!spore__name_is_valid(out->task) || !spore__name_is_valid(out->port))
		return spore__yaml_wrong(t->y, mark, "\"%.80s.%.80s\" is no port: write TASK.PORT", out->task,
		                         out->port);
	return true;
}

static bool take_line(struct spore__taking *t, const yaml_node_t *node, struct spore__manifest_wire *wire)
{
	char *text = spore__take_text(t, node, "a wire", false);
	if (text == NULL)
		return false;
	char *arrow = strstr(text, "->"), *both = strstr(text, "<>");
	char *middle = arrow != NULL && (both == NULL || arrow < both) ? arrow : both;
	bool ok;
	if (middle == NULL) {
		ok = spore__yaml_wrong(
		    t->y, node->start_mark,
		    "\"%.80s\" is no wire: write A.PORT -> B.PORT, or A.PORT <> B.PORT where both write", text);
	} else {
		wire->duplex = middle == both;
		*middle = '\0';
		ok = take_end(t, node->start_mark, text, &wire->from);
		ok = take_end(t, node->start_mark, middle + 2, &wire->to) && ok;
	}
	free(text);
	return ok;
}

static bool take_wire_key(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	struct spore__manifest_wire *wire = t->object;
	if (key->type == SPORE__SCHEMA_WORD)
		return (wire->slow = spore__take_word(t, key, node)) != NULL;
	if (key->type == SPORE__SCHEMA_BOOL)
		return spore__take_bool(t, key, node,
		                        strcmp(key->name, "duplex") == 0      ? &wire->duplex
		                        : strcmp(key->name, "redeliver") == 0 ? &wire->redeliver
		                        : strcmp(key->name, "lossless") == 0  ? &wire->lossless
		                        : strcmp(key->name, "open") == 0      ? &wire->open
		                                                              : &wire->tap);
	char *text = spore__take_text(t, node, key->name, false);
	bool ok = text != NULL &&
	          take_end(t, node->start_mark, text, strcmp(key->name, "from") == 0 ? &wire->from : &wire->to);
	free(text);
	return ok;
}

struct wires {
	struct spore__taking *t;
	const struct spore__schema_key *key;
};

static bool add_wire(void *arg, const yaml_node_t *node)
{
	struct wires *w = arg;
	struct spore__manifest *m = w->t->m;
	struct spore__manifest_wire wire = {.mark = node->start_mark};
	bool ok;
	if (node->type == YAML_MAPPING_NODE) {
		struct spore__taking inner = *w->t;
		inner.object = &wire;
		inner.other = take_wire_key;
		ok = spore__take_keys(&inner, node, "a wire", NULL, w->key->keys);
	} else {
		ok = take_line(w->t, node, &wire);
	}
	if (ok && wire.to.listen != NULL)
		ok = spore__yaml_wrong(w->t->y, node->start_mark,
		                       "a listener is at the left of a wire: listen %s <> ...", wire.to.listen);
	if (ok && wire.open && wire.from.listen == NULL)
		ok = spore__yaml_wrong(w->t->y, node->start_mark, "open: it is for a wire that listens");
	if (!ok) {
		spore__wire_finish(&wire);
		return false;
	}
	m->wires = spore__xrealloc(m->wires, (m->wire_count + 1) * sizeof *m->wires);
	m->wires[m->wire_count++] = wire;
	return true;
}

bool spore__take_wires(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	struct wires w = {t, key};
	t->m->wires_mark = node->start_mark;
	return spore__yaml_items(t->y, node, key->name, add_wire, &w);
}
