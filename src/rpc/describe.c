#include "rpc/service.h"

static void put_fields(struct spore__msgpack_writer *w, const struct spore__rpc_field *fields)
{
	uint32_t count = 0;
	while (fields != NULL && fields[count].name != NULL)
		count++;
	spore__msgpack_array(w, count);
	for (uint32_t i = 0; i < count; i++) {
		spore__msgpack_map(w, 4);
		spore__msgpack_str(w, "name");
		spore__msgpack_str(w, fields[i].name);
		spore__msgpack_str(w, "type");
		spore__msgpack_str(w, fields[i].type);
		spore__msgpack_str(w, "help");
		spore__msgpack_str(w, fields[i].help);
		spore__msgpack_str(w, "optional");
		spore__msgpack_bool(w, fields[i].optional);
	}
}

static void put_errors(struct spore__msgpack_writer *w, const enum spore_err *errors)
{
	uint32_t count = 0;
	while (errors != NULL && errors[count] != SPORE_OK)
		count++;
	spore__msgpack_array(w, count);
	for (uint32_t i = 0; i < count; i++) {
		spore__msgpack_array(w, 2);
		spore__msgpack_int(w, errors[i]);
		spore__msgpack_str(w, spore_err_text(errors[i]));
	}
}

void spore__rpc_describe(const struct spore__rpc_service *s, struct spore__msgpack_writer *w)
{
	uint32_t count = 0;
	while (s->methods[count].name != NULL)
		count++;
	spore__msgpack_map(w, 4);
	spore__msgpack_str(w, "program");
	spore__msgpack_str(w, s->program);
	spore__msgpack_str(w, "version");
	spore__msgpack_str(w, s->version);
	spore__msgpack_str(w, "major");
	spore__msgpack_int(w, SPORE__RPC_MAJOR);
	spore__msgpack_str(w, "methods");
	spore__msgpack_array(w, count);
	for (uint32_t i = 0; i < count; i++) {
		const struct spore__rpc_method *m = &s->methods[i];
		spore__msgpack_map(w, 5);
		spore__msgpack_str(w, "name");
		spore__msgpack_str(w, m->name);
		spore__msgpack_str(w, "help");
		spore__msgpack_str(w, m->help);
		spore__msgpack_str(w, "params");
		put_fields(w, m->params);
		spore__msgpack_str(w, "result");
		put_fields(w, m->result);
		spore__msgpack_str(w, "errors");
		put_errors(w, m->errors);
	}
}
