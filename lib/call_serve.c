// Transparent calls, the side of the functions.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stub.h"

enum { PORTS_MAX = 16 };

static struct spore_stub_service *services; // made before main, by one thread
// Functions run one at a time, whatever the port.
static pthread_mutex_t running;
static bool shared; // there are several ports, hence threads

void spore_stub_serve(struct spore_stub_service *s)
{
	s->next = services;
	services = s;
}

bool spore_call_cancelled(void)
{
	const struct spore_stub_served *s = spore__stub_thread()->serving;
	return s != NULL && (s->stopped || spore_rpc_cancelled(s->call));
}

int spore_call_remaining(void)
{
	const struct spore_stub_served *s = spore__stub_thread()->serving;
	int left = s != NULL ? spore_rpc_remaining(s->call) : -1;
	return left < 0 ? SPORE_FOREVER : left;
}

// ---- one call

bool spore_stub_run(struct spore_stub_served *s)
{
	if (s->get.err == SPORE_OK)
		return true;
	s->code = s->get.err == SPORE_EMALFORMED ? SPORE_EINVALID : s->get.err;
	memcpy(s->text, s->get.why, sizeof s->get.why);
	return false;
}

struct spore_writer *spore_stub_result(struct spore_stub_served *s, size_t size)
{
	return s->code == 0 ? spore_rpc_result(s->call, size >= 1024 ? size + 1024 : 0) : NULL;
}

struct spore_writer *spore_stub_item(struct spore_stub_served *s, size_t size)
{
	return s->stopped || s->code != 0 ? NULL : spore_rpc_item(s->call, size);
}

int spore_stub_item_end(struct spore_stub_served *s)
{
	if (s->stopped || s->code != 0)
		return 1;
	enum spore_err e = spore_rpc_send(s->call, SPORE_FOREVER);
	while (e == SPORE_EAGAIN || e == SPORE_ETIMEOUT)
		e = spore_rpc_send(s->call, SPORE_FOREVER);
	s->stopped = e != SPORE_OK || spore_rpc_cancelled(s->call);
	return s->stopped ? 1 : 0;
}

static const struct spore_stub_method *find_method(const char *name)
{
	for (const struct spore_stub_service *s = services; s != NULL; s = s->next)
		for (const struct spore_stub_method *m = s->methods; m->name != NULL; m++)
			if (strcmp(m->name, name) == 0)
				return m;
	return NULL;
}

static void handle(struct spore_rpc_call *call, void *data)
{
	(void)data;
	const struct spore_stub_method *m = find_method(spore_rpc_method(call));
	if (m == NULL) {
		spore_rpc_fail(call, SPORE_ENOTFOUND, "%s: no such function", spore_rpc_method(call));
		return;
	}
	struct spore__stub_thread *t = spore__stub_thread();
	struct spore_stub_served s = {
	    .call = call, .outer = t->serving, .get = {.r = spore_rpc_params(call), .server = true}};
	int deadline_ms = t->deadline_ms;
	s.get.memory = &s.memory;
	t->serving = &s;
	t->deadline_ms = SPORE_INHERIT;
	if (shared)
		(void)pthread_mutex_lock(&running);
	m->serve(&s);
	if (shared)
		(void)pthread_mutex_unlock(&running);
	t->serving = s.outer;
	t->deadline_ms = deadline_ms;
	if (s.code != 0)
		spore_rpc_fail(call, s.code, "%s", s.text);
	else
		spore_rpc_done(call);
	spore__stub_memory_free(&s.memory, false);
}

// ---- ports

struct spore_rpc_method *spore__stub_methods(const char *port)
{
	size_t count = 0, at = 0;
	for (const struct spore_stub_service *s = services; s != NULL; s = s->next)
		for (const struct spore_stub_method *m = s->methods; m->name != NULL; m++)
			count += strcmp(s->port, port) == 0;
	struct spore_rpc_method *methods = count > 0 ? calloc(count + 1, sizeof *methods) : NULL;
	if (methods == NULL)
		return NULL;
	for (const struct spore_stub_service *s = services; s != NULL; s = s->next)
		for (const struct spore_stub_method *m = s->methods; strcmp(s->port, port) == 0 && m->name != NULL;
		     m++) {
			methods[at] = m->rpc;
			methods[at++].handle = handle;
		}
	return methods;
}

struct served {
	const char *port;
	struct spore_rpc_method *methods;
	enum spore_err err;
	pthread_t thread;
	bool running;
};

static void *serve(void *arg)
{
	struct served *p = arg;
	p->err = spore_rpc_serve(p->port, &(struct spore_rpc_options){.methods = p->methods});
	return NULL;
}

static size_t find_ports(struct served *ports)
{
	size_t count = 0;
	for (const struct spore_stub_service *s = services; s != NULL; s = s->next) {
		size_t i = 0;
		while (i < count && strcmp(ports[i].port, s->port) != 0)
			i++;
		if (i == count && count < PORTS_MAX)
			ports[count++].port = s->port;
	}
	return count;
}

static void share(void)
{
	pthread_mutexattr_t a;
	(void)pthread_mutexattr_init(&a);
	(void)pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE); // a function that calls may be called meanwhile
	(void)pthread_mutex_init(&running, &a);
	(void)pthread_mutexattr_destroy(&a);
	shared = true;
}

enum spore_err spore_call_serve(void)
{
	struct served ports[PORTS_MAX] = {0};
	size_t count = find_ports(ports);
	enum spore_err e = count > 0 ? SPORE_OK : SPORE_EINVALID;
	if (count > 1)
		share();
	for (size_t i = 0; i < count && e == SPORE_OK; i++) {
		ports[i].methods = spore__stub_methods(ports[i].port);
		if (ports[i].methods == NULL)
			e = SPORE_ENOMEM;
	}
	for (size_t i = 1; i < count && e == SPORE_OK; i++)
		ports[i].running = pthread_create(&ports[i].thread, NULL, serve, &ports[i]) == 0;
	if (e == SPORE_OK) {
		(void)serve(&ports[0]);
		e = ports[0].err;
	}
	for (size_t i = 0; i < count; i++) {
		if (ports[i].running)
			(void)pthread_join(ports[i].thread, NULL);
		if (e == SPORE_OK)
			e = ports[i].err;
		free(ports[i].methods);
	}
	return e;
}

int spore_stub_main(void)
{
	enum spore_err e = spore_call_serve();
	if (e == SPORE_OK)
		return 0;
	spore_log(SPORE_ERROR,
	          e == SPORE_ENOTFOUND ? "it serves calls, and was not started by spore: try spore start"
	                               : "it cannot serve calls",
	          spore_str("why", spore_err_text(e)));
	return 1;
}
