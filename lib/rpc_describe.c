#include <stdlib.h>

#include "rpc_inside.h"

static uint32_t count_fields(const struct spore_rpc_field *fields)
{
	uint32_t count = 0;
	while (fields != NULL && fields[count].name != NULL)
		count++;
	return count;
}

static void put_fields(struct spore__msgpack_writer *w, const char *key, const struct spore_rpc_field *fields)
{
	uint32_t count = count_fields(fields);
	spore__msgpack_str(w, key);
	spore__msgpack_array(w, count);
	for (uint32_t i = 0; i < count; i++) {
		spore__msgpack_map(w, 4);
		spore__msgpack_str(w, "name");
		spore__msgpack_str(w, fields[i].name);
		spore__msgpack_str(w, "type");
		spore__msgpack_str(w, fields[i].type != NULL ? fields[i].type : "any");
		spore__msgpack_str(w, "help");
		spore__msgpack_str(w, fields[i].help != NULL ? fields[i].help : "");
		spore__msgpack_str(w, "optional");
		spore__msgpack_bool(w, fields[i].optional);
	}
}

static const char *text_of(const struct spore_rpc_fault *f)
{
	if (f->help != NULL)
		return f->help;
	return f->code > 0 && f->code <= SPORE_EREMOTE ? spore_err_text((enum spore_err)f->code) : "";
}

static void put_errors(struct spore__msgpack_writer *w, const struct spore_rpc_fault *errors)
{
	uint32_t count = 0;
	while (errors != NULL && errors[count].code != 0)
		count++;
	spore__msgpack_str(w, "errors");
	spore__msgpack_array(w, count);
	for (uint32_t i = 0; i < count; i++) {
		spore__msgpack_array(w, 2);
		spore__msgpack_int(w, errors[i].code);
		spore__msgpack_str(w, text_of(&errors[i]));
	}
}

static void put_method(struct spore__msgpack_writer *w, const struct spore_rpc_method *m)
{
	spore__msgpack_map(w, m->items != NULL ? 6 : 5);
	spore__msgpack_str(w, "name");
	spore__msgpack_str(w, m->name);
	spore__msgpack_str(w, "help");
	spore__msgpack_str(w, m->help != NULL ? m->help : "");
	put_fields(w, "params", m->params);
	put_fields(w, "result", m->result);
	put_errors(w, m->errors);
	if (m->items != NULL)
		put_fields(w, "items", m->items);
}

void spore__rpc_describe_self(const struct spore_rpc *r, struct spore__msgpack_writer *w)
{
	const struct spore_rpc_options *o = &r->options;
	const char *task = getenv("SPORE_TASK");
	uint32_t count = 0;
	while (o->methods != NULL && o->methods[count].name != NULL)
		count++;
	spore__msgpack_map(w, 4);
	spore__msgpack_str(w, "program");
	spore__msgpack_str(w, o->program != NULL ? o->program : task != NULL ? task : "");
	spore__msgpack_str(w, "version");
	spore__msgpack_str(w, o->version != NULL ? o->version : "");
	spore__msgpack_str(w, "major");
	spore__msgpack_int(w, SPORE__RPC_MAJOR);
	spore__msgpack_str(w, "methods");
	spore__msgpack_array(w, count);
	for (uint32_t i = 0; i < count; i++)
		put_method(w, &o->methods[i]);
}
