#include "node/declared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/hold.h"
#include "node/wires.h"

bool spore__declared_copy(const spore__texts ports, spore__texts *out)
{
	size_t count = 0;
	*out = NULL;
	while (ports != NULL && ports[count] != NULL)
		count++;
	if (count == 0)
		return true;
	*out = calloc(count + 1, sizeof **out);
	for (size_t i = 0; *out != NULL && i < count; i++)
		if (((*out)[i] = strdup(ports[i])) == NULL) {
			spore__declared_free(*out);
			*out = NULL;
		}
	return *out != NULL;
}

void spore__declared_free(spore__texts ports)
{
	for (char **p = ports; p != NULL && *p != NULL; p++)
		free(*p);
	free(ports);
}

// But for the options of a protocol.
static bool is_same_word(const char *a, const char *b)
{
	size_t len = strcspn(a, ",");
	return strcspn(b, ",") == len && memcmp(a, b, len) == 0;
}

bool spore__port_contradicts(const struct spore__port *p, char *why, size_t size)
{
	const struct spore__task *task = p->hold->task;
	struct spore__declared d;
	char name[SPORE__PORT_NAME + SPORE__HOLD_WORD];
	if (task == NULL || task->hold != p->hold || p->plain || spore__port_is_standard(p->name) ||
	    !spore__declared_find(task->ports, p->name, &d))
		return false;
	const char *const words[][3] = {
	    {"kind", d.kind, p->kind}, {"shape", d.shape, p->shape}, {"protocol", d.protocol, p->protocol}};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		const char *says = words[i][1], *is = words[i][2];
		if (says[0] == '\0' || is[0] == '\0' || is_same_word(says, is))
			continue;
		spore__hold_port_name(p->hold, p->name, name, sizeof name);
		(void)snprintf(
		    why, size,
		    "%s is declared with the %s %s, and its program opened it with %s: change 'ports' or the program",
		    name, words[i][0], says, is);
		return true;
	}
	return false;
}

void spore__declared_changed(struct spore__tasks *t, const struct spore__task *task)
{
	for (struct spore__port *p = task->hold != NULL ? task->hold->ports : NULL; p != NULL; p = p->next_of_hold)
		if (p->plug != NULL)
			spore__plug_is_dirty(&t->wires, p->plug);
}
