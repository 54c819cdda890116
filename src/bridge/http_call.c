#include "bridge/http_call.h"

#include <stdio.h>
#include <string.h>

#include "bridge/text.h"
#include "json.h"

static bool type_is(struct spore__span type, const char *name)
{
	size_t len = 0;
	while (len < type.len && type.bytes[len] != ';' && type.bytes[len] != ' ')
		len++;
	return spore__text_is(type.bytes, len, name);
}

// curl -d calls its bodies forms; the last two are of JSON-RPC over HTTP.
static const struct {
	const char *name;
	enum spore__http_type type;
} types[] = {
    {"application/json", SPORE__HTTP_JSON},
    {"application/x-www-form-urlencoded", SPORE__HTTP_JSON},
    {"text/plain", SPORE__HTTP_JSON},
    {"text/json", SPORE__HTTP_JSON},
    {"application/msgpack", SPORE__HTTP_MSGPACK},
    {"application/x-msgpack", SPORE__HTTP_MSGPACK},
    {"application/vnd.msgpack", SPORE__HTTP_MSGPACK},
    {"application/json-rpc", SPORE__HTTP_JSON},
    {"application/jsonrequest", SPORE__HTTP_JSON},
};

enum spore__http_type spore__http_type(struct spore__span type)
{
	if (type.len == 0)
		return SPORE__HTTP_JSON;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (type_is(type, types[i].name))
			return types[i].type;
	for (size_t i = 0; i + 5 <= type.len; i++) // application/problem+json
		if (memcmp(type.bytes + i, "+json", 5) == 0)
			return SPORE__HTTP_JSON;
	return SPORE__HTTP_OTHER;
}

bool spore__http_wants_msgpack(const struct spore__http_head *h)
{
	if (spore__http_find(h, "accept", NULL).bytes == NULL || spore__http_has(h, "accept", "*/*"))
		return spore__http_type(spore__http_find(h, "content-type", NULL)) == SPORE__HTTP_MSGPACK;
	return spore__http_has(h, "accept", "application/msgpack") ||
	       spore__http_has(h, "accept", "application/x-msgpack") ||
	       spore__http_has(h, "accept", "application/vnd.msgpack");
}

int64_t spore__http_wait(const struct spore__http_head *h)
{
	enum { DAY = 86400 };
	static const char wait[] = "wait=";
	struct spore__span prefer = spore__http_find(h, "prefer", NULL);
	for (size_t i = 0; i + sizeof wait - 1 < prefer.len; i++) {
		if (!spore__text_is(prefer.bytes + i, sizeof wait - 1, wait))
			continue;
		const char *digits = (const char *)prefer.bytes + i + sizeof wait - 1;
		size_t len = 0;
		uint64_t seconds;
		while (i + sizeof wait - 1 + len < prefer.len && digits[len] >= '0' && digits[len] <= '9')
			len++;
		return spore__text_number(digits, len, DAY, &seconds) ? (int64_t)seconds * 1000 : -1;
	}
	return -1;
}

bool spore__http_json(struct spore__msgpack_writer *w, struct spore__span text, char *why, size_t size)
{
	struct spore__json_error error = {0};
	enum spore_err e = spore__json_to_msgpack(text.bytes, text.len, w, &error);
	if (e == SPORE_ENOMEM)
		(void)snprintf(why, size, "out of memory");
	else if (e != SPORE_OK)
		(void)snprintf(why, size, "JSON, byte %zu: %s", error.offset, error.why);
	return e == SPORE_OK;
}

// ---- a query

struct part {
	struct spore__span name, value; // name.bytes NULL: it has none
};

// False: there is no more.
static bool next(struct spore__span *query, struct part *p)
{
	while (query->len > 0) {
		const unsigned char *and = memchr(query->bytes, '&', query->len);
		struct spore__span one = {query->bytes, and == NULL ? query->len : (size_t)(and-query->bytes)};
		size_t step = one.len + (and != NULL);
		query->bytes += step;
		query->len -= step;
		if (one.len == 0)
			continue;
		const unsigned char *equals = memchr(one.bytes, '=', one.len);
		*p = (struct part){{0}, one};
		if (equals != NULL) {
			size_t name = (size_t)(equals - one.bytes);
			*p = (struct part){{one.bytes, name}, {equals + 1, one.len - name - 1}};
			if (spore__span_is(p->name, "access_token"))
				continue;
		}
		return true;
	}
	return false;
}

static bool put(struct spore__msgpack_writer *w, struct spore__span raw, bool json)
{
	struct spore__buf plain = {0};
	struct spore__json_error error;
	bool good = spore__http_unescape(&plain, raw, true) &&
	            (plain.len == 0 || spore__json_is_utf8(plain.data, plain.len, NULL));
	size_t before = w->len;
	if (good && !(json && plain.len > 0 && spore__json_to_msgpack(plain.data, plain.len, w, &error) == SPORE_OK)) {
		w->len = before;
		spore__msgpack_strn(w, plain.len == 0 ? "" : plain.data, (uint32_t)plain.len);
	}
	spore__buf_finish(&plain);
	return good;
}

bool spore__http_query(struct spore__msgpack_writer *w, struct spore__span query, char *why, size_t size)
{
	enum { MOST = 256 };
	struct part p;
	uint32_t named = 0, all = 0;
	for (struct spore__span q = query; next(&q, &p); all++)
		named += p.name.bytes != NULL;
	if (all > MOST || (named != 0 && named != all)) {
		(void)snprintf(why, size,
		               all > MOST ? "more than 256 parameters in the address"
		                          : "parameters with and without a name");
		return false;
	}
	if (named > 0)
		spore__msgpack_map(w, all);
	else
		spore__msgpack_array(w, all);
	size_t names[MOST];
	uint32_t count = 0;
	for (struct spore__span q = query; next(&q, &p);) {
		size_t at = w->len;
		bool good = named == 0 || put(w, p.name, false);
		for (uint32_t i = 0; good && named > 0 && i < count; i++) {
			struct spore__msgpack_reader r = spore__msgpack_reader(w->data + names[i], w->len - names[i]);
			struct spore__msgpack_reader first = r;
			(void)spore__msgpack_skip(&r);
			size_t len = (size_t)(r.at - first.at);
			good = !(len == w->len - at && memcmp(w->data + names[i], w->data + at, len) == 0);
		}
		names[count++] = at;
		if (!good || !put(w, p.value, true)) {
			(void)snprintf(
			    why, size,
			    good ? "a parameter of the address is not UTF-8 with %%XX"
			         : "a parameter of the address is there twice, or its name is not UTF-8 with %%XX");
			return false;
		}
	}
	return true;
}

// ---- an error

static const struct {
	unsigned status;
	int64_t code;
} codes[] = {
    {400, SPORE_EINVALID}, {401, SPORE_EDENIED},    {403, SPORE_EDENIED},      {404, -32601},
    {405, -32601},         {408, SPORE_ETIMEOUT},   {409, SPORE_EEXISTS},      {413, SPORE_ETOOBIG},
    {429, SPORE_EBUSY},    {499, SPORE_ECANCELLED}, {501, SPORE_EUNSUPPORTED}, {502, SPORE_ECLOSED},
    {503, SPORE_EBUSY},    {504, SPORE_ETIMEOUT},
};

void spore__http_error_of(struct spore__model *m, unsigned status, bool good)
{
	struct spore__msgpack_reader body = spore__msgpack_reader(m->value.bytes, m->value.len), at;
	const char *text;
	uint32_t len;
	struct spore__span whole = m->value;
	m->kind = SPORE__MODEL_ERROR;
	m->code = -32000;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (codes[i].status == status)
			m->code = codes[i].code;
	m->text = spore__span_str(spore__http_reason(status));
	m->value = (struct spore__span){0};
	if (!good)
		return;
	int64_t code;
	if (spore__msgpack_find(&body, "code", &at) && spore__msgpack_read_int(&at, &code) == SPORE__MSGPACK_OK &&
	    code != 0) {
		m->code = code;
		if (spore__msgpack_find(&body, "message", &at) &&
		    spore__msgpack_read_str(&at, &text, &len) == SPORE__MSGPACK_OK)
			m->text = (struct spore__span){(const unsigned char *)text, len};
		if (spore__msgpack_find(&body, "data", &at)) {
			const unsigned char *from = at.at;
			if (spore__msgpack_skip(&at) == SPORE__MSGPACK_OK)
				m->value = (struct spore__span){from, (size_t)(at.at - from)};
		}
		return;
	}
	m->value = whole;
}
