// Transparent calls, the side of who calls: status, deadline, and the conversations behind the ports.
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stub.h"

enum { LARGE = 1024 }; // bytes from which on the channel's own memory is worth while

// ---- threads

// Not thread-local variables: tcc, which links the first start of programs, does not know them.
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool have_key;
// Of threads that there was no memory for.
static struct spore__stub_thread nobody = {
    .status = SPORE_ENOMEM, .code = SPORE_ENOMEM, .text = "out of memory", .deadline_ms = SPORE_INHERIT};

static void leave(void *thread)
{
	struct spore__stub_thread *t = thread;
	spore__stub_memory_free(&t->memory, false);
	free(t);
}

// The thread that ends the program runs no destructors of keys.
static void end(void)
{
	struct spore__stub_thread *t = have_key ? pthread_getspecific(key) : NULL;
	if (t != NULL && pthread_setspecific(key, NULL) == 0)
		leave(t);
}

static void make_key(void)
{
	have_key = pthread_key_create(&key, leave) == 0;
	if (have_key)
		(void)atexit(end);
}

struct spore__stub_thread *spore__stub_thread(void)
{
	(void)pthread_once(&once, make_key);
	struct spore__stub_thread *t = have_key ? pthread_getspecific(key) : NULL;
	if (t != NULL)
		return t;
	t = have_key ? calloc(1, sizeof *t) : NULL;
	if (t == NULL)
		return &nobody;
	t->deadline_ms = SPORE_INHERIT;
	if (pthread_setspecific(key, t) == 0)
		return t;
	free(t);
	return &nobody;
}

static void set_status(struct spore__stub_thread *t, enum spore_err e, int64_t code, const char *text, size_t len)
{
	if (len >= sizeof t->text)
		len = sizeof t->text - 1;
	t->status = e;
	t->code = code;
	memcpy(t->text, text, len);
	t->text[len] = '\0';
}

enum spore_err spore_call_status(void)
{
	return spore__stub_thread()->status;
}

const char *spore_call_message(void)
{
	return spore__stub_thread()->text;
}

int64_t spore_call_code(void)
{
	return spore__stub_thread()->code;
}

void spore_call_clear(void)
{
	set_status(spore__stub_thread(), SPORE_OK, 0, "", 0);
}

void spore_call_deadline(int timeout_ms)
{
	spore__stub_thread()->deadline_ms = timeout_ms < 0 ? SPORE_INHERIT : timeout_ms;
}

void spore_call_fail(int64_t code, const char *format, ...)
{
	struct spore__stub_thread *t = spore__stub_thread();
	char text[sizeof t->text];
	va_list ap;
	va_start(ap, format);
	int len = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (len < 0)
		text[0] = '\0';
	if (code == 0)
		code = SPORE_EINVALID;
	if (t->serving != NULL) {
		t->serving->code = code;
		memcpy(t->serving->text, text, sizeof text);
	} else {
		bool own =
		    code < 0 || spore_err_text((enum spore_err)code) == spore_err_text((enum spore_err)INT32_MAX);
		set_status(t, own ? SPORE_EREMOTE : (enum spore_err)code, code, text, strlen(text));
	}
}

// ---- ports

struct port {
	struct port *next;
	struct spore_rpc *rpc;
	bool attached; // it is somebody else's
	char name[];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct port *ports;
static unsigned generation; // of what is known of ports

static struct port *find_port(const char *name)
{
	struct port *p = ports;
	while (p != NULL && strcmp(p->name, name) != 0)
		p = p->next;
	return p;
}

static struct port *add_port(const char *name, struct spore_rpc *rpc)
{
	size_t len = strlen(name) + 1;
	struct port *p = calloc(1, sizeof *p + len);
	if (p == NULL)
		return NULL;
	memcpy(p->name, name, len);
	p->rpc = rpc;
	p->next = ports;
	ports = p;
	return p;
}

enum spore_err spore__stub_attach(const char *name, struct spore_rpc *rpc)
{
	(void)pthread_mutex_lock(&mutex);
	struct port *p = find_port(name);
	if (p == NULL)
		p = add_port(name, rpc);
	if (p != NULL) {
		p->rpc = rpc;
		p->attached = true;
	}
	(void)__atomic_add_fetch(&generation, 1, __ATOMIC_RELEASE);
	(void)pthread_mutex_unlock(&mutex);
	return p != NULL ? SPORE_OK : SPORE_ENOMEM;
}

// The conversation of a port is opened by its first call and stays.
static enum spore_err open_port(struct spore_stub_port *to, struct spore_rpc **rpc)
{
	enum spore_err e = SPORE_OK;
	(void)pthread_mutex_lock(&mutex);
	struct port *p = find_port(to->name);
	*rpc = p != NULL ? p->rpc : NULL;
	if (p != NULL && p->attached) {
		e = *rpc != NULL ? SPORE_OK : SPORE_ENOTFOUND;
	} else if (p == NULL) {
		e = spore_rpc_open(to->name, NULL, rpc);
		if (e == SPORE_OK && add_port(to->name, *rpc) == NULL) {
			spore_rpc_close(*rpc);
			e = SPORE_ENOMEM;
		}
		if (e == SPORE_OK)
			__atomic_store_n(&to->rpc, *rpc, __ATOMIC_RELEASE);
	} else {
		__atomic_store_n(&to->rpc, *rpc, __ATOMIC_RELEASE);
	}
	(void)pthread_mutex_unlock(&mutex);
	return e;
}

// ---- a call

struct spore_writer *spore_stub_begin(struct spore_stub_call *c, struct spore_stub_port *p, const char *method,
                                      unsigned count, size_t size)
{
	struct spore__stub_thread *t = spore__stub_thread();
	struct spore_rpc *rpc = __atomic_load_n(&p->rpc, __ATOMIC_ACQUIRE);
	struct spore_writer *w = NULL;
	c->ask = NULL;
	c->get.r = (struct spore_reader){NULL, NULL};
	c->get.memory = &t->memory;
	c->get.err = SPORE_OK;
	c->get.server = false;
	c->get.why[0] = '\0';
	c->item = NULL;
	c->enough = false;
	c->memory = NULL;
	c->timeout_ms = t->deadline_ms;
	if (t->memory != NULL)
		spore__stub_memory_free(&t->memory, false);
	if (t->serving != NULL && c->timeout_ms >= 0) {
		int left = spore_rpc_remaining(t->serving->call);
		if (left >= 0 && left < c->timeout_ms)
			c->timeout_ms = left;
	}
	c->err = rpc != NULL ? SPORE_OK : open_port(p, &rpc);
	if (c->err != SPORE_OK) {
		spore_stub_get_fail(&c->get, c->err, "the port %s: %s", p->name,
		                    c->err == SPORE_ENOTFOUND
		                        ? "this program was not started by spore, so nothing can be wired to it"
		                        : spore_err_text(c->err));
		return NULL;
	}
	c->err = spore_rpc_ask(rpc, method, size >= LARGE ? size : 0, &c->ask, &w);
	if (c->err != SPORE_OK) {
		c->ask = NULL;
		return NULL;
	}
	spore_write_array(w, count);
	return w;
}

// On whichever thread reads: this one waits meanwhile.
static void take_item(struct spore_rpc_ask *a, struct spore_reader value, void *arg)
{
	struct spore_stub_call *c = arg;
	if (c->enough)
		return;
	struct spore_stub_get g = {.r = value, .memory = &c->memory};
	c->enough = c->item(&g, c->data) != 0 || g.err != SPORE_OK;
	spore__stub_memory_free(&c->memory, false);
	if (g.err != SPORE_OK && c->err == SPORE_OK) {
		c->err = g.err;
		(void)snprintf(c->get.why, sizeof c->get.why, "%s", g.why);
	}
	if (c->enough)
		spore_rpc_cancel(a);
}

void spore_stub_items(struct spore_stub_call *c, int (*fn)(struct spore_stub_get *g, void *data), void *data)
{
	c->item = fn;
	c->data = data;
	if (c->ask != NULL)
		spore_rpc_on_item(c->ask, take_item, c);
}

bool spore_stub_wait(struct spore_stub_call *c)
{
	enum spore_err e;
	if (c->ask == NULL)
		return false;
	do // a signal is no reason to give up, a request to stop is
		e = spore_rpc_wait(c->ask, c->timeout_ms, &c->get.r);
	while (e == SPORE_ECANCELLED && !spore_rpc_why(c->ask)->peer && !spore_stop_requested());
	if (c->err == SPORE_OK)
		c->err = e == SPORE_EEND || e == SPORE_ERETURNED ? SPORE_ECLOSED : e;
	return c->err == SPORE_OK;
}

bool spore_stub_end(struct spore_stub_call *c)
{
	struct spore__stub_thread *t = spore__stub_thread();
	bool ok = c->err == SPORE_OK && c->get.err == SPORE_OK;
	if (ok) {
		t->status = SPORE_OK;
		t->code = 0;
		t->text[0] = '\0';
		if (t->memory != NULL)
			spore__stub_memory_keep(&t->memory);
	} else if (c->get.why[0] != '\0') {
		enum spore_err e = c->err != SPORE_OK ? c->err : c->get.err;
		set_status(t, e, e, c->get.why, strlen(c->get.why));
	} else if (c->ask != NULL) {
		const struct spore_rpc_error *why = spore_rpc_why(c->ask);
		set_status(t, c->err, why->peer ? why->code : (int64_t)c->err, why->text, why->text_len);
	} else {
		const char *text = spore_err_text(c->err);
		set_status(t, c->err, c->err, text, strlen(text));
	}
	if (!ok)
		spore__stub_memory_free(&t->memory, true);
	spore_rpc_end(c->ask);
	return ok;
}
