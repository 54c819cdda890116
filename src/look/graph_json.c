#include "look/flow.h"
#include "look/graph.h"

static void put_task(struct spore__json *j, const struct spore__graph_task *t)
{
	spore__json_open(j, NULL, '{');
	spore__json_str(j, "name", t->name);
	spore__json_str(j, "source", t->source);
	spore__json_str(j, "state", t->state);
	spore__json_str(j, "why", t->why);
	spore__json_int(j, "replicas", t->replicas > 0 ? t->replicas : 1);
	spore__json_open(j, "after", '{');
	for (size_t i = 0; i < t->after_count; i++)
		spore__json_str(j, t->after[i].task, t->after[i].condition);
	spore__json_close(j, '}');
	spore__json_open(j, "profiles", '[');
	for (size_t i = 0; i < t->profiles.count; i++)
		spore__json_str(j, NULL, t->profiles.items[i]);
	spore__json_close(j, ']');
	spore__json_open(j, "ports", '[');
	for (size_t i = 0; i < t->port_count; i++) {
		const struct spore__graph_port *p = &t->ports[i];
		spore__json_open(j, NULL, '{');
		spore__json_str(j, "name", p->name);
		spore__json_str(j, "kind", p->kind);
		spore__json_str(j, "shape", p->shape);
		spore__json_str(j, "protocol", p->protocol);
		spore__json_bool(j, "open", p->open);
		spore__json_int(j, "channels", p->channels);
		spore__json_close(j, '}');
	}
	spore__json_close(j, ']');
	spore__json_close(j, '}');
}

static void put_end(struct spore__json *j, const char *key, const struct spore__graph_end *e)
{
	spore__json_open(j, key, '{');
	spore__json_str(j, "task", e->task);
	spore__json_str(j, "port", e->port);
	if (e->protocol != NULL)
		spore__json_str(j, "protocol", e->protocol);
	spore__json_close(j, '}');
}

void spore__graph_json(const struct spore__graph *g, struct spore__buf *out)
{
	struct spore__json j = {.out = out};
	spore__json_open(&j, NULL, '{');
	spore__json_str(&j, "system", g->system);
	spore__json_str(&j, "manifest", g->manifest);
	spore__json_bool(&j, "running", g->running);
	spore__json_open(&j, "tasks", '[');
	for (size_t i = 0; i < g->count; i++)
		put_task(&j, &g->tasks[i]);
	spore__json_close(&j, ']');
	spore__json_open(&j, "wires", '[');
	for (size_t i = 0; i < g->wire_count; i++) {
		const struct spore__graph_wire *w = &g->wires[i];
		spore__json_open(&j, NULL, '{');
		put_end(&j, "from", &w->ends[0]);
		put_end(&j, "to", &w->ends[1]);
		spore__json_bool(&j, "duplex", w->duplex);
		spore__json_str(&j, "state", w->state);
		spore__json_str(&j, "transport", w->transport);
		spore__json_int(&j, "channels", w->channels);
		spore__json_str(&j, "slow", w->slow != NULL ? w->slow : "");
		spore__json_bool(&j, "redeliver", w->redeliver);
		spore__json_bool(&j, "tap", w->tap);
		spore__json_str(&j, "fault", w->fault);
		spore__json_str(&j, "why", w->why);
		spore__json_str(&j, "broken", w->broken);
		if (w->flow != NULL)
			spore__flow_json(&j, w->flow);
		spore__json_close(&j, '}');
	}
	spore__json_close(&j, ']');
	spore__json_close(&j, '}');
	spore__buf_char(out, '\n');
}
