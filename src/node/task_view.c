#include "node/hold.h"
#include "node/waits.h"

struct view {
	struct spore__msgpack_writer *w;
	uint32_t count; // of members; written last, into the head
};

static void put_str(struct view *v, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	spore__msgpack_str(v->w, key);
	spore__msgpack_str(v->w, value);
	v->count++;
}

static void put_int(struct view *v, const char *key, int64_t value)
{
	if (value == 0)
		return;
	spore__msgpack_str(v->w, key);
	spore__msgpack_int(v->w, value);
	v->count++;
}

void spore__task_view(const struct spore__task *task, struct spore__msgpack_writer *w)
{
	struct view v = {.w = w};
	char name[SPORE__FULL_NAME], why[3 * SPORE__PORT_NAME];
	size_t head = w->len;
	spore__msgpack_map(w, 0);
	spore__task_full_name(task, name);
	put_str(&v, "name", name);
	put_str(&v, "system", task->system->name);
	put_str(&v, "task", task->name);
	put_int(&v, "replica", task->replica);
	bool swapping = task->swap != SPORE__SWAP_NONE &&
	                (task->state == SPORE__TASK_STARTING || task->state == SPORE__TASK_RUNNING);
	put_str(&v, "state", swapping ? "swapping" : spore__task_state_word(task->state));
	if (task->wanted) {
		spore__msgpack_str(w, "wanted");
		spore__msgpack_bool(w, true);
		v.count++;
	}
	put_str(&v, "why", task->why != NULL || !spore__plain_why(task, why, sizeof why) ? task->why : why);
	put_int(&v, "generation", task->hold != NULL ? task->hold->name.generation : task->generation);
	put_str(&v, "source", task->source);
	put_str(&v, "every", task->every);
	put_int(&v, "next_at", task->wanted ? task->next_at : 0);
	put_int(&v, "skipped", (int64_t)task->skipped);
	if (task->said != NULL && task->said_len > 0) {
		spore__msgpack_str(w, "hold");
		spore__msgpack_raw(w, task->said, task->said_len);
		v.count++;
	}
	if (w->err == 0)
		w->data[head] = (unsigned char)(0x80 | v.count); // a fixmap
}
