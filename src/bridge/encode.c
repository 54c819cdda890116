// What an end is told, also one whose protocol knows no calls.
#include "bridge/middle.h"

struct spore__span spore__middle_text(const char *text)
{
	return (struct spore__span){(const unsigned char *)text, strlen(text)};
}

static bool is_array(struct spore__span v, uint32_t *count, struct spore__span *first)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(v.bytes, v.len);
	if (spore__msgpack_read_array(&r, count) != SPORE__MSGPACK_OK)
		return false;
	*first = *count == 1 ? spore__codec_value(&r) : (struct spore__span){0};
	return true;
}

// {"error": {"code", "message", "data"}}
static struct spore__span error_value(struct spore__bridge *b, const struct spore__model *m)
{
	struct spore__msgpack_writer *w = &b->scratch;
	w->len = 0;
	spore__msgpack_map(w, 1);
	spore__msgpack_str(w, "error");
	spore__msgpack_map(w, m->value.len > 0 ? 3 : 2);
	spore__msgpack_str(w, "code");
	spore__msgpack_int(w, m->code);
	spore__msgpack_str(w, "message");
	spore__msgpack_strn(w, (const char *)m->text.bytes, (uint32_t)m->text.len);
	if (m->value.len > 0) {
		spore__msgpack_str(w, "data");
		spore__msgpack_raw(w, m->value.bytes, m->value.len);
	}
	return (struct spore__span){w->data, w->len};
}

// A protocol without calls: the parameters of a request and the result of an answer are all that goes over.
static enum spore_err encode_value(struct spore__bridge_end *to, const struct spore__model *m)
{
	struct spore__model value = {.kind = SPORE__MODEL_VALUE, .value = m->value, .remaining_ms = -1};
	struct spore__span first;
	uint32_t count;
	switch (m->kind) {
	case SPORE__MODEL_NOTIFICATION: // whether it is answered nobody could tell
		if (!to->bridge->filter && to->side == SPORE__BRIDGE_RIGHT)
			return SPORE_EUNSUPPORTED;
		__attribute__((fallthrough));
	case SPORE__MODEL_REQUEST:
		if (is_array(m->value, &count, &first) && count == 1)
			value.value = first;
		break;
	case SPORE__MODEL_ERROR:
		value.value = error_value(to->bridge, m);
		break;
	case SPORE__MODEL_RESPONSE:
	case SPORE__MODEL_VALUE:
		break;
	case SPORE__MODEL_CANCEL:
	case SPORE__MODEL_PROGRESS:
	case SPORE__MODEL_ITEM:
	case SPORE__MODEL_KINDS:
		return SPORE_EUNSUPPORTED;
	}
	return to->codec->ops->encode(to->codec, &value);
}

enum spore_err spore__middle_encode(struct spore__bridge_end *to, const struct spore__model *m)
{
	to->codec->why[0] = '\0';
	return to->codec->ops->calls ? to->codec->ops->encode(to->codec, m) : encode_value(to, m);
}

const char *spore__middle_why(const struct spore__bridge_end *to, enum spore_err err)
{
	return to->codec->why[0] != '\0' ? to->codec->why : spore_err_text(err);
}
