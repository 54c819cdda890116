#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/record.h"
#include "source/store.h"

#define FORMAT "spore-artifact"
enum { VERSION = 1 };

void spore__meta_finish(struct spore__meta *m)
{
	for (size_t i = 0; i < m->input_count; i++)
		free(m->inputs[i].path);
	for (size_t i = 0; i < m->program_count; i++) {
		free(m->programs[i].name);
		free(m->programs[i].path);
	}
	free(m->inputs);
	free(m->programs);
	free(m->id);
	free(m->source);
	free(m->kind);
	free(m->tier);
	free(m->main);
	free(m->builder);
	free(m->tree);
	spore__strs_finish(&m->settings);
	spore__strs_finish(&m->env);
	*m = (struct spore__meta){0};
}

void spore__meta_add_input(struct spore__meta *m, const char *path, const struct spore__hash *hash)
{
	if ((m->input_count & (m->input_count - 1)) == 0) {
		size_t cap = m->input_count == 0 ? 1 : m->input_count * 2;
		m->inputs = spore__xrealloc(m->inputs, cap * sizeof *m->inputs);
	}
	struct spore__made_from *input = &m->inputs[m->input_count++];
	*input = (struct spore__made_from){.path = spore__xstrdup(path), .absent = hash == NULL};
	if (hash != NULL)
		input->hash = *hash;
}

void spore__meta_add_program(struct spore__meta *m, const char *name, const char *path)
{
	m->programs = spore__xrealloc(m->programs, (m->program_count + 1) * sizeof *m->programs);
	m->programs[m->program_count++] = (struct spore__program){spore__xstrdup(name), spore__xstrdup(path)};
}

void spore__meta_write(const struct spore__meta *m, struct spore__buf *out)
{
	spore__record_begin(out, FORMAT, VERSION);
	spore__record_word(out, "id", m->id);
	spore__record_word(out, "source", m->source);
	spore__record_word(out, "kind", m->kind);
	spore__record_word(out, "tier", m->tier);
	spore__record_word(out, "builder", m->builder);
	spore__record_int(out, "created", m->created);
	spore__record_int(out, "size", m->size);
	spore__record_word(out, "tree", m->tree);
	for (size_t i = 0; i < m->program_count; i++)
		spore__record_pair(out, "prog", m->programs[i].name, m->programs[i].path);
	spore__record_word(out, "main", m->main);
	for (size_t i = 0; i < m->env.count; i++)
		spore__record_word(out, "env", m->env.items[i]);
	for (size_t i = 0; i < m->settings.count; i++)
		spore__record_word(out, "set", m->settings.items[i]);
	for (size_t i = 0; i < m->input_count; i++) {
		char hex[SPORE__HASH_HEX + 1];
		if (m->inputs[i].absent) {
			spore__record_word(out, "no", m->inputs[i].path);
			continue;
		}
		spore__hash_hex(&m->inputs[i].hash, hex);
		spore__record_pair(out, "in", hex, m->inputs[i].path);
	}
	spore__record_end(out);
}

static bool add_copy(struct spore__strs *list, char *rest)
{
	if (!spore__unescape(rest))
		return false;
	spore__strs_add(list, rest);
	return true;
}

static bool parse_line(void *arg, const char *key, char *rest)
{
	struct spore__meta *m = arg;
	const struct {
		const char *key;
		char **slot;
	} words[] = {
	    {"id", &m->id},           {"source", &m->source}, {"kind", &m->kind}, {"tier", &m->tier},
	    {"builder", &m->builder}, {"tree", &m->tree},     {"main", &m->main},
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(key, words[i].key) == 0)
			return spore__record_take(rest, words[i].slot);
	char *pair[2];
	struct spore__hash hash;
	if (strcmp(key, "in") == 0) {
		if (!spore__record_words(rest, pair, 2) || !spore__hash_from_hex(pair[0], &hash))
			return false;
		spore__meta_add_input(m, pair[1], &hash);
		return true;
	}
	if (strcmp(key, "no") == 0) {
		if (!spore__unescape(rest))
			return false;
		spore__meta_add_input(m, rest, NULL);
		return true;
	}
	if (strcmp(key, "set") == 0)
		return add_copy(&m->settings, rest);
	if (strcmp(key, "env") == 0)
		return add_copy(&m->env, rest);
	if (strcmp(key, "created") == 0)
		return spore__record_ints(&rest, &m->created, 1);
	if (strcmp(key, "size") == 0)
		return spore__record_ints(&rest, &m->size, 1);
	if (strcmp(key, "prog") != 0 || !spore__record_words(rest, pair, 2))
		return false;
	spore__meta_add_program(m, pair[0], pair[1]);
	return true;
}

int spore__meta_parse(char *text, struct spore__meta *m)
{
	*m = (struct spore__meta){0};
	if (spore__record_parse(text, FORMAT, VERSION, parse_line, m) != 0)
		return -1;
	if (m->id == NULL || m->kind == NULL || m->tier == NULL || m->tree == NULL || strchr(m->id, '/') != NULL) {
		errno = EBADMSG;
		return -1;
	}
	return 0;
}

int spore__meta_read(const struct spore__store *s, const char *id, struct spore__meta *m)
{
	*m = (struct spore__meta){0};
	char *path = spore__store_path(s, "meta", id);
	struct spore__buf text = {0};
	int r = spore__fs_read(path, &text);
	if (r == 0 && text.data == NULL) {
		errno = EBADMSG;
		r = -1;
	} else if (r == 0) {
		r = spore__meta_parse(text.data, m);
	}
	int saved = errno;
	spore__buf_finish(&text);
	free(path);
	errno = saved;
	return r;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct spore__made_from *)a)->path, ((const struct spore__made_from *)b)->path);
}

char *spore__meta_id(struct spore__meta *m, const char *name)
{
	if (m->input_count > 1)
		qsort(m->inputs, m->input_count, sizeof *m->inputs, by_path);
	struct spore__hasher h;
	spore__hasher_init(&h);
	for (size_t i = 0; i < m->settings.count; i++)
		spore__hasher_str(&h, m->settings.items[i]);
	for (size_t i = 0; i < m->input_count; i++) {
		spore__hasher_str(&h, m->inputs[i].path);
		size_t len = m->inputs[i].absent ? 0 : sizeof m->inputs[i].hash.bytes;
		spore__hasher_field(&h, m->inputs[i].hash.bytes, len);
	}
	struct spore__hash hash;
	spore__hasher_finish(&h, &hash);
	char hex[SPORE__HASH_HEX + 1];
	spore__hash_hex(&hash, hex);
	return spore__xasprintf("%s-%s", hex, name);
}
