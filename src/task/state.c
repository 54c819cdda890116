#include "task/state.h"

#include <string.h>

static const char *const phases[] = {"starting", "running", "stopping", "waiting", "ended", NULL};
static const char *const ends[] = {"none", "exited", "signalled", "no-start", "not-ready", "not-alive", "lost", NULL};

_Static_assert(sizeof phases / sizeof phases[0] == SPORE__PHASE_ENDED + 2, "each phase has a word");
_Static_assert(sizeof ends / sizeof ends[0] == SPORE__END_LOST + 2, "each end has a word");
// Enums are kept in members of enum types, which the compilers here make as wide as an int.
_Static_assert(sizeof(enum spore__phase) == sizeof(int) && sizeof(enum spore__end) == sizeof(int), "words are ints");

enum type { WORD, BOOL, INT, TEXT };

struct field {
	const char *key;
	enum type type;
	size_t offset, size;
	const char *const *words;
};

#define FIELD(member, type, words)                                                                                     \
	{                                                                                                              \
#member, type, offsetof(struct spore__hold_state, member),                                             \
		    sizeof((struct spore__hold_state *)0)->member, words                                               \
	}

static const struct field fields[] = {
    FIELD(phase, WORD, phases),   FIELD(wanted, BOOL, NULL),     FIELD(healthy, BOOL, NULL),
    FIELD(failed, BOOL, NULL),    FIELD(hold, INT, NULL),        FIELD(run, INT, NULL),
    FIELD(pid, INT, NULL),        FIELD(started_at, INT, NULL),  FIELD(ready_at, INT, NULL),
    FIELD(ended_at, INT, NULL),   FIELD(next_at, INT, NULL),     FIELD(restarts, INT, NULL),
    FIELD(end, WORD, ends),       FIELD(code, INT, NULL),        FIELD(signal, INT, NULL),
    FIELD(core, BOOL, NULL),      FIELD(user_us, INT, NULL),     FIELD(system_us, INT, NULL),
    FIELD(memory_kib, INT, NULL), FIELD(lost, INT, NULL),        FIELD(status, TEXT, NULL),
    FIELD(why, TEXT, NULL),       FIELD(survivors, TEXT, NULL),  FIELD(tree, TEXT, NULL),
    FIELD(limits, TEXT, NULL),    FIELD(limits_why, TEXT, NULL), FIELD(cgroup, TEXT, NULL),
    FIELD(peak_kib, INT, NULL),
};

enum { FIELDS = sizeof fields / sizeof fields[0] };

static int64_t number(const void *at, enum type type)
{
	return type == WORD ? *(const int *)at : type == BOOL ? *(const bool *)at : *(const int64_t *)at;
}

static bool is_empty(const void *at, const struct field *f)
{
	return f->type == TEXT ? *(const char *)at == '\0' : number(at, f->type) == 0;
}

// The length of TEXT, cut off at LIMIT on a character.
static uint32_t cut(const char *text, size_t len, size_t limit)
{
	if (len <= limit)
		return (uint32_t)len;
	while (limit > 0 && ((unsigned char)text[limit] & 0xc0) == 0x80)
		limit--;
	return (uint32_t)limit;
}

void spore__state_encode(const struct spore__hold_state *s, struct spore__msgpack_writer *w)
{
	uint32_t count = 0;
	for (size_t i = 0; i < FIELDS; i++)
		count += !is_empty((const char *)s + fields[i].offset, &fields[i]);
	spore__msgpack_map(w, count);
	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *f = &fields[i];
		const void *at = (const char *)s + f->offset;
		if (is_empty(at, f))
			continue;
		spore__msgpack_str(w, f->key);
		if (f->type == TEXT)
			spore__msgpack_str(w, at);
		else if (f->type == WORD)
			spore__msgpack_str(w, f->words[number(at, WORD)]);
		else if (f->type == BOOL)
			spore__msgpack_bool(w, true);
		else
			spore__msgpack_int(w, number(at, INT));
	}
}

static bool take(struct spore__msgpack_reader *r, const struct field *f, void *at)
{
	struct spore__msgpack_value v;
	if (spore__msgpack_read(r, &v) != SPORE__MSGPACK_OK)
		return false;
	if (f->type == BOOL && v.type == SPORE__MSGPACK_BOOL) {
		*(bool *)at = v.boolean;
		return true;
	}
	if (f->type == INT && v.type == SPORE__MSGPACK_INT) {
		*(int64_t *)at = v.i;
		return true;
	}
	if (f->type == TEXT && v.type == SPORE__MSGPACK_STR) {
		const char *text = (const char *)v.s.bytes;
		uint32_t len = cut(text, v.s.len, f->size - 1);
		memcpy(at, text, len);
		((char *)at)[len] = '\0';
		return true;
	}
	for (int i = 0; f->type == WORD && f->words[i] != NULL; i++)
		if (spore__msgpack_is(&v, f->words[i])) {
			*(int *)at = i;
			return true;
		}
	return false;
}

// Looked for from the field *AT, behind the one before: they come in this order, and then the first fits.
static const struct field *field_of(const struct spore__msgpack_value *key, size_t *at)
{
	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *f = &fields[(*at + i) % FIELDS];
		if (!spore__msgpack_is(key, f->key))
			continue;
		*at = (size_t)(f - fields) + 1;
		return f;
	}
	return NULL;
}

enum spore_err spore__state_read(struct spore__msgpack_reader *r, struct spore__hold_state *s)
{
	uint32_t count;
	size_t at = 0;
	memset(s, 0, sizeof *s);
	bool ok = spore__msgpack_read_map(r, &count) == SPORE__MSGPACK_OK;
	for (uint32_t i = 0; ok && i < count; i++) {
		struct spore__msgpack_value key;
		ok = spore__msgpack_read(r, &key) == SPORE__MSGPACK_OK && key.type == SPORE__MSGPACK_STR;
		if (!ok)
			break;
		const struct field *f = field_of(&key, &at);
		ok = f != NULL ? take(r, f, (char *)s + f->offset) : spore__msgpack_skip(r) == SPORE__MSGPACK_OK;
	}
	if (!ok)
		memset(s, 0, sizeof *s);
	return ok ? SPORE_OK : SPORE_EMALFORMED;
}

enum spore_err spore__state_decode(struct spore__msgpack_reader r, struct spore__hold_state *s)
{
	return spore__state_read(&r, s);
}

const char *spore__phase_word(enum spore__phase phase)
{
	return phases[phase];
}

const char *spore__end_word(enum spore__end end)
{
	return ends[end];
}
