#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>

#include "system/manifest.h"

static const char *variable(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "HOST") == 0 ? "here" : strcmp(name, "PORT") == 0 ? "8080" : NULL;
}

static const struct spore__manifest_world world = {variable, NULL, false};

static void parse(struct spore__manifest *m, const char *text)
{
	if (!spore__manifest_parse(m, "/p/shop/spore.yaml", text, strlen(text), &world)) {
		char *first = spore__yaml_first(&m->yaml);
		fail_msg("%s", first);
	}
}

static void has_texts(char **texts, const char *const *wanted)
{
	size_t i = 0;
	for (; wanted[i] != NULL; i++) {
		assert_non_null(texts);
		assert_non_null(texts[i]);
		assert_string_equal(texts[i], wanted[i]);
	}
	assert_true(i == 0 ? texts == NULL : texts[i] == NULL);
}

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char full[] =
    "spore: 1\n"
    "name: demo\n"
    "tasks:\n"
    "  web:\n"
    "    source: ./web.c\n"
    "    bin: webd\n"
    "    args: [--port, \"8080\", \"${HOST}\"]\n"
    "    env: { MODE: day, URL: \"http://${HOST}:${NONE:-80}\" }\n"
    "    config: { level: \"3\" }\n"
    "    cwd: data\n"
    "    stdin: open\n"
    "    control: true\n"
    "    after: { db: healthy, once: completed }\n"
    "    ready: { tcp: 8080, timeout: 5s }\n"
    "    alive: { exec: test -e ok, every: 1m, timeout: 200ms, failures: 2 }\n"
    "    restart: { policy: on-failure, delay: 1s, max: 10s, limit: 5, reset: 1m }\n"
    "    stop: { stdin: true, signal: INT, grace: 2s }\n"
    "    limits: { memory: 512M, cpu: 1.5, files: 1024, processes: 64, core: 1G, required: true }\n"
    "    nice: 5\n"
    "    affinity: 0,2-3\n"
    "    confine: { network: true, read: [/etc, conf], write: var }\n"
    "    replicas: 3\n"
    "    profiles: [debug, full]\n"
    "    log: { size: 1M, files: 4, overflow: drop }\n"
    "    ports: { http: { kind: bytes, shape: serve, protocol: http, framing: none } }\n"
    "    place: { arch: arm64, node: far }\n"
    "  db:\n"
    "    source: path:sh\n"
    "    tty: true\n"
    "    ready: { exec: [db-ping, -q] }\n"
    "    alive: notify\n"
    "    restart: always\n"
    "    confine: true\n"
    "    control: true\n"
    "  once: { source: /abs/once, ready: { fd: 3 }, stdin: { file: in.txt } }\n"
    "  often: { source: once, every: \"*/5 * * * *\", ready: notify, after: [db] }\n"
    "wires:\n"
    "  - web.words -> often.in\n"
    "  - web.api (lsp) <> db.api (lsp)\n"
    "  - { from: db.out, to: web.in, slow: drop-oldest, tap: false, duplex: false }\n"
    "recipe:\n"
    "  build: [make]\n";

static void reads_every_key(void **state)
{
	(void)state;
	struct spore__manifest m;
	parse(&m, full);
	assert_string_equal(m.name, "demo");
	assert_string_equal(m.dir, "/p/shop");
	assert_int_equal(m.count, 4);
	assert_true(m.recipe.present);
	const struct spore__manifest_task *t = spore__manifest_task(&m, "web");
	const struct spore__spec *s = &t->spec;
	assert_string_equal(t->source, "/p/shop/web.c");
	assert_string_equal(t->bin, "webd");
	has_texts(t->args.items, TEXTS("--port", "8080", "here"));
	has_texts(t->env.items, TEXTS("MODE=day", "URL=http://here:80"));
	has_texts(s->config, TEXTS("level=3"));
	assert_string_equal(s->cwd, "/p/shop/data");
	assert_int_equal(s->stdin_from, SPORE__STDIN_OPEN);
	assert_true(s->control);
	has_texts(s->after, TEXTS("db healthy", "once completed"));
	assert_int_equal(s->ready, SPORE__READY_TCP);
	assert_string_equal(s->ready_address, "127.0.0.1:8080");
	assert_int_equal(s->ready_timeout_ms, 5000);
	assert_int_equal(s->alive, SPORE__ALIVE_EXEC);
	has_texts(s->alive_exec, TEXTS("/bin/sh", "-c", "test -e ok"));
	assert_int_equal(s->alive_every_ms, 60000);
	assert_int_equal(s->alive_timeout_ms, 200);
	assert_int_equal(s->alive_failures, 2);
	assert_int_equal(s->restart, SPORE__RESTART_ON_FAILURE);
	assert_int_equal(s->restart_delay_ms, 1000);
	assert_int_equal(s->restart_max_ms, 10000);
	assert_int_equal(s->restart_limit, 5);
	assert_int_equal(s->restart_reset_ms, 60000);
	assert_true(s->stop_stdin);
	assert_int_equal(s->stop_signal, SIGINT);
	assert_int_equal(s->stop_grace_ms, 2000);
	assert_int_equal(s->limit_memory, 512 << 20);
	assert_int_equal(s->limit_cpu_milli, 1500);
	assert_int_equal(s->limit_files, 1024);
	assert_int_equal(s->limit_processes, 64);
	assert_int_equal(s->limit_core, 1 << 30);
	assert_true(s->limits_required);
	assert_int_equal(s->nice, 5);
	assert_string_equal(s->affinity, "0,2-3");
	assert_true(s->confine && s->confine_network);
	has_texts(s->confine_read, TEXTS("/etc", "/p/shop/conf"));
	has_texts(s->confine_write, TEXTS("/p/shop/var"));
	assert_int_equal(t->replicas, 3);
	has_texts(s->profiles, TEXTS("debug", "full"));
	assert_int_equal(s->log_bytes, 1 << 20);
	assert_int_equal(s->log_files, 4);
	assert_int_equal(s->overflow, SPORE__OVERFLOW_DROP);
	assert_int_equal(t->port_count, 1);
	assert_string_equal(t->ports[0].shape, "serve");
	spore__manifest_finish(&m);
}

static void reads_the_short_forms(void **state)
{
	(void)state;
	struct spore__manifest m;
	parse(&m, full);
	const struct spore__manifest_task *db = spore__manifest_task(&m, "db");
	assert_string_equal(db->source, "path:sh");
	assert_true(db->spec.tty && db->spec.confine);
	assert_false(db->spec.confine_network);
	has_texts(db->spec.ready_exec, TEXTS("db-ping", "-q"));
	assert_int_equal(db->spec.alive, SPORE__ALIVE_NOTIFY);
	assert_int_equal(db->spec.restart, SPORE__RESTART_ALWAYS);
	const struct spore__manifest_task *once = spore__manifest_task(&m, "once");
	assert_string_equal(once->source, "/abs/once");
	assert_int_equal(once->spec.ready, SPORE__READY_NOTIFY);
	assert_int_equal(once->spec.ready_fd, 3);
	assert_int_equal(once->spec.stdin_from, SPORE__STDIN_FILE);
	assert_string_equal(once->spec.stdin_file, "/p/shop/in.txt");
	assert_string_equal(once->spec.cwd, "/p/shop");
	const struct spore__manifest_task *often = spore__manifest_task(&m, "often");
	assert_string_equal(often->spec.every, "*/5 * * * *");
	assert_int_equal(often->spec.ready, SPORE__READY_NOTIFY);
	has_texts(often->spec.after, TEXTS("db ready"));
	spore__manifest_finish(&m);
}

static void reads_wires(void **state)
{
	(void)state;
	struct spore__manifest m;
	parse(&m, full);
	assert_int_equal(m.wire_count, 3);
	assert_string_equal(m.wires[0].from.task, "web");
	assert_string_equal(m.wires[0].to.port, "in");
	assert_false(m.wires[0].duplex);
	assert_true(m.wires[1].duplex);
	assert_string_equal(m.wires[1].from.protocol, "lsp");
	assert_string_equal(m.wires[1].to.protocol, "lsp");
	assert_string_equal(m.wires[2].slow, "drop-oldest");
	assert_string_equal(m.wires[2].from.port, "out");
	assert_int_equal(m.yaml.errors, 0);
	assert_int_equal(m.yaml.errors, 0);
	spore__manifest_finish(&m);
}

#define LONG_TEXT "0123456789012345678901234567890123456789012345678901234567890123456789"
#define TASK "spore: 1\ntasks:\n  web:\n    source: x\n"

static void makes_listeners(void **state)
{
	(void)state;
	struct spore__manifest m;
	parse(&m, TASK "    profiles: [debug]\n"
	               "  listen-80: { source: x }\n"
	               "wires:\n"
	               "  - listen :80 (http,token=abc) -> web.x\n"
	               "  - listen unix:run/a.sock (msgpack-rpc) <> web.y\n"
	               "  - { from: \"listen 0.0.0.0:81 (resp)\", to: web.z, open: true }\n"
	               "  - listen [::1]:82 (http) <> web.stdio (lsp)\n");
	assert_int_equal(m.count, 6);
	const struct spore__manifest_task *t = spore__manifest_task(&m, "listen-80-2");
	assert_non_null(t);
	has_texts(t->args.items, TEXTS("listen", "127.0.0.1:80", "http"));
	has_texts(t->env.items, TEXTS("SPORE_LISTEN_AS=http,token=abc"));
	has_texts(t->spec.secrets, TEXTS("SPORE_LISTEN_AS"));
	has_texts(t->spec.profiles, TEXTS("debug"));
	assert_true(t->spec.control);
	assert_int_equal(t->spec.restart, SPORE__RESTART_ALWAYS);
	assert_int_equal(t->spec.ready, SPORE__READY_NOTIFY);
	assert_string_equal(m.wires[0].from.task, "listen-80-2");
	assert_string_equal(m.wires[0].from.port, "http");
	assert_string_equal(m.wires[0].from.protocol, "rpc");
	assert_true(m.wires[0].duplex);
	assert_string_equal(m.wires[0].bridge, "http > rpc");
	assert_non_null(strstr(m.wires[0].losses, "web.x to listen 127.0.0.1:80: "));
	assert_string_equal(m.wires[1].from.listen, "unix:/p/shop/run/a.sock");
	assert_string_equal(m.wires[1].from.task, "listen-a-sock");
	assert_string_equal(m.wires[2].from.task, "listen-81");
	assert_string_equal(m.wires[3].bridge, "http > lsp");
	assert_string_equal(m.wires[3].to.protocol, "lsp");
	spore__manifest_finish(&m);
}

static void has_defaults(void **state)
{
	(void)state;
	struct spore__manifest m;
	struct spore__spec standard;
	parse(&m, "spore: 1\ntasks: { web: { source: . } }\n");
	assert_string_equal(m.name, "shop");
	assert_string_equal(m.tasks[0].source, "/p/shop");
	assert_int_equal(m.tasks[0].replicas, 0);
	spore__spec_init(&standard);
	free(m.tasks[0].spec.cwd);
	m.tasks[0].spec.cwd = NULL;
	struct spore__msgpack_writer a = {0}, b = {0};
	spore__spec_encode(&standard, &a, false);
	spore__spec_encode(&m.tasks[0].spec, &b, false);
	assert_int_equal(a.len, b.len);
	spore__msgpack_writer_finish(&a);
	spore__msgpack_writer_finish(&b);
	spore__manifest_finish(&m);
}

static void anchors_can_be_used(void **state)
{
	(void)state;
	struct spore__manifest m;
	parse(&m, "spore: 1\ntasks:\n"
	          "  a: { source: x, env: &e { A: \"1\" }, limits: &l { memory: 1G } }\n"
	          "  b: { source: x, env: *e, limits: *l }\n");
	assert_int_equal(m.tasks[1].spec.limit_memory, 1 << 30);
	assert_string_equal(m.tasks[1].env.items[0], "A=1");
	spore__manifest_finish(&m);
}

static const struct {
	const char *text, *place, *words;
} wrong[] = {
    {"", "1:1", "begin with spore: 1"},
    {"- a\n", "1:1", "a spore.yaml is a map, not a list"},
    {"tasks: {}\n", "1:1", "spore.yaml needs the key \"spore\""},
    {"spore: 2\n", "1:8", "only version 1 is known"},
    {"spore: 1\ntaks: {}\n", "2:1", "spore.yaml has no key \"taks\"; did you mean \"tasks\"?"},
    {"spore: 1\nname: a.b\n", "2:7", "name must be a name of letters"},
    {"spore: 1\nname: no\n", "2:7", "YAML takes no for a truth value: write \"no\" in quotes"},
    {"spore: 1\ntasks: [web]\n", "2:8", "tasks must be a map, not a list"},
    {"spore: 1\ntasks:\n  we.b: { source: x }\n", "3:3", "\"we.b\" cannot be the name of a task"},
    {"spore: 1\ntasks:\n  web: ./web\n", "3:8", "web must be a map, not a single value"},
    {"spore: 1\ntasks:\n  web: {}\n", "3:8", "web needs the key \"source\""},
    {"spore: 1\ntasks:\n  on: { source: x }\n", "3:3", "write \"on\" in quotes"},
    {"spore: 1\ntasks:\n  a: { source: x }\n  a: { source: y }\n", "4:3", "tasks has \"a\" twice"},
    {"spore: 1\ntasks:\n  web: { sorce: x }\n", "3:10", "web has no key \"sorce\"; did you mean \"source\"?"},
    {TASK "    colour: red\n", "5:5", "web has no key \"colour\"; it has source, bin, args"},
    {TASK "    args: --fast\n", "5:11", "args must be a list, not a single value: write [ ... ]"},
    {TASK "    args: [8080]\n", "5:12", "args must be text, and YAML takes 8080 for a number"},
    {TASK "    args: [\"${NONE}\"]\n", "5:12", "args: the variable NONE is not set: set it, or write ${NONE:-WORDS}"},
    {TASK "    env: [A]\n", "5:10", "env must be a map, not a list"},
    {TASK "    env: { V: 1.10 }\n", "5:15", "V must be text, and YAML takes 1.10 for a number"},
    {TASK "    env: { V: }\n", "5:15", "YAML takes an empty value for nothing at all"},
    {TASK "    env: { \"A=B\": c }\n", "5:12", "cannot be the name of a variable"},
    {TASK "    env: { SPORE_FD: c }\n", "5:12", "SPORE_FD is set by spore itself"},
    {TASK "    secrets: { K: { file: a, env: B } }\n", "5:19", "the secret K needs one of file and env"},
    {TASK "    secrets: { K: {} }\n", "5:19", "the secret K needs one of file and env"},
    {TASK "    secrets: { K: { env: NONE } }\n", "5:19", "the secret K: the variable NONE is not set"},
    {TASK "    secrets: { \"a b\": { env: HOST } }\n", "5:16", "cannot be the name of a variable"},
    {TASK "    secrets: { K: { fil: a } }\n", "5:21", "K has no key \"fil\"; did you mean \"file\"?"},
    {TASK "    tty: on\n", "5:10", "tty must be true or false, not \"on\""},
    {TASK "    tty: true\n    stdin: open\n", "3:3", "web: its stdin is its terminal"},
    {TASK "    stdin: none!\n", "5:12", "stdin must be none, open or a map, not \"none!\""},
    {TASK "    stdin: {}\n", "5:12", "stdin needs one of file"},
    {TASK "    ready: soon\n", "5:12", "ready must be started, notify or a map, not \"soon\""},
    {TASK "    ready: { timeout: 5s }\n", "5:12", "ready needs one of notify, tcp, exec, log, fd"},
    {TASK "    ready: { tcp: 1, exec: x }\n", "5:22", "ready has both tcp and exec: one of them"},
    {TASK "    ready: { tcp: 80000 }\n", "5:19", "tcp must be a port such as 8080, or HOST:PORT, not \"80000\""},
    {TASK "    ready: { log: \"(\" }\n", "5:19", "log is not a regular expression"},
    {TASK "    ready: { exec: [] }\n", "5:20", "exec has a command without words"},
    {TASK "    ready: { fd: 256 }\n", "5:18", "fd must be a whole number from 0 to 255, not \"256\""},
    {TASK "    ready: { tcp: 1, timeout: 5 }\n", "5:31",
     "timeout must be a duration, such as 200ms, 5s or 1h, not \"5\""},
    {TASK "    alive: { every: 5s }\n", "5:12", "alive needs one of notify, tcp, exec"},
    {TASK "    alive: { tcp: 1, every: 1ms }\n", "5:29", "every: 1ms is too little"},
    {TASK "    restart: sometimes\n", "5:14", "restart must be never, on-failure, always or a map"},
    {TASK "    restart: { policy: maybe }\n", "5:24", "policy must be never, on-failure or always, not \"maybe\""},
    {TASK "    stop: { signal: FOO }\n", "5:21", "signal must be a signal, such as TERM, INT or 10, not \"FOO\""},
    {TASK "    stop: { grace: 2d }\n", "5:20", "grace: 2d is too much"},
    {TASK "    stop: now\n", "5:11", "stop must be a map, not a single value"},
    {TASK "    limits: { memory: 512MB }\n", "5:23", "memory must be a size, such as 65536, 64K, 512M or 2G"},
    {TASK "    limits: { cpu: 0 }\n", "5:20", "cpu must be a number of processors"},
    {TASK "    limits: { memori: 1G }\n", "5:15", "limits has no key \"memori\"; did you mean \"memory\"?"},
    {TASK "    nice: 20\n", "5:11", "nice must be a whole number from -20 to 19, not \"20\""},
    {TASK "    nice: [1]\n", "5:11", "nice must be a whole number from -20 to 19, not a list"},
    {TASK "    affinity: all\n", "5:15", "affinity must be numbers of processors"},
    {TASK "    confine: maybe\n", "5:14", "confine must be true, false or a map, not \"maybe\""},
    {TASK "    every: 10ms\n", "5:12", "every must be a duration of 1s or more"},
    {TASK "    every: */5 * * * *\n", "5:13", "text that begins with * is written in quotes"},
    {TASK "    every: 1m\n    restart: always\n", "5:5", "web: every and restart: always do not go together"},
    {TASK "    replicas: 0\n", "5:15", "replicas must be a whole number from 1 to 1000, not \"0\""},
    {TASK "    profiles: [a b]\n", "5:15", "profiles: \"a b\" is no name"},
    {TASK "    log: { size: 1K }\n", "5:18", "size: 1K is too little"},
    {TASK "    log: { overflow: wait }\n", "5:22", "overflow must be block or drop, not \"wait\""},
    {TASK "    ports: { stdin: { shape: serve } }\n", "5:14", "every task has a port stdin already"},
    {TASK "    ports: { stderr: { framing: lines } }\n", "5:14", "stderr is logged"},
    {TASK "    ports: { a: { as: fifo-in, framing: line } }\n", "5:14",
     "a: framing must be lines, u32le, u32be or netstring, not \"line\""},
    {TASK "    ports: { a: { as: pipe } }\n", "5:23", "as must be fifo-in, fifo-out, socket or listener, not \"pipe\""},
    {TASK "    ports: { a: { as: socket, shape: serve } }\n", "5:14",
     "a: a socket has one channel: leave out shape: serve"},
    {TASK "    ports: { b: { kind: bytes, shape: publish } }\n", "5:14",
     "b: what is published has messages: leave out kind: bytes, or shape: publish"},
    {TASK "    confine: true\n    ports: { a: { as: socket } }\n", "3:3",
     "a confined task has no sockets of this machine"},
    {TASK "    ports: { a: { as: fifo-in }, b: { as: fifo-out } }\nwires:\n  - web.a -> web.b\n", "7:5",
     "web.a is read by its program (fifo-in), so it stands on the right"},
    {TASK "    ports: { a: { as: fifo-in }, b: { as: fifo-out } }\nwires:\n  - web.b <> web.stdio\n", "7:5",
     "web.b is a FIFO, which goes one way"},
    {TASK "    ports: { a: { kind: bits } }\n", "5:25", "kind must be bytes or messages, not \"bits\""},
    {TASK "    place: { arch: \"a b\" }\n", "5:20", "arch must be a name"},
    {TASK "    after: { db: ready }\n", "5:14", "after: there is no task \"db\""},
    {TASK "    after: [weh]\n", "5:13", "after: there is no task \"weh\"; did you mean \"web\"?"},
    {TASK "    after: { web: ready }\n", "5:14", "after: web cannot come after itself"},
    {TASK "    after: { web: soon }\n", "5:19", "after must be started, ready, healthy or completed, not \"soon\""},
    {TASK "    after: web\n", "5:12", "after must be a map of tasks to started"},
    {TASK "  b: { source: x, after: { web: healthy } }\n", "5:28", "after: web has no alive:"},
    {"spore: 1\ntasks:\n  a: { source: x, after: [b] }\n  b: { source: x, after: [c] }\n  c: { source: x, after: [a] "
     "}\n",
     "5:27", "after: these wait for each other: a after b after c after a"},
    {"spore: 1\ntasks:\n  a: { source: x, restart: always }\n  b: { source: x, after: { a: completed } }\n", "4:28",
     "after: a never completes"},
    {TASK "wires:\n  - web -> web.stdin\n", "6:5", "\"web\" is no port: write TASK.PORT, such as web.stdout"},
    {TASK "wires:\n  - web.out\n", "6:5", "\"web.out\" is no wire"},
    {TASK "wires:\n  - web.out -> db.in\n", "6:5", "wires: there is no task \"db\""},
    {TASK "wires:\n  - web.out -> web.stdout\n", "6:5", "wires: web.stdout cannot read"},
    {TASK "wires:\n  - web.out (a b) -> web.in\n", "6:5", "\"a b\" is no name of a protocol"},
    {TASK "  db: { source: ./db, after: { web: started } }\nwires:\n  - db.stdout -> web.stdin\n", "7:5",
     "wires: db.stdout and web.stdin start together, and db comes after web: leave out that 'after'"},
    {TASK "wires:\n  - web.stdio -> web.stdin\n", "6:5", "wires: web.stdio goes both ways: write <>"},
    {TASK "wires:\n  - web.x -> web.y\n  - web.x <> web.y\n", "7:5", "web.x and web.y are wired already, in line 6"},
    {TASK "wires:\n  - web.x (a) -> web.y (b)\n", "6:5", "web.x speaks a, and web.y speaks b"},
    {TASK "  db: { source: ./db }\nwires:\n  - web.stdio <> db.stdio\n  - db.x -> web.stdin\n", "8:5",
     "wires: stdio is stdin and stdout: web.stdin and web.stdio cannot both be wired; the other is in line 7"},
    {TASK "  db: { source: ./db }\nwires:\n  - db.stdout -> web.x\n  - web.stdio <> db.stdio\n", "8:5",
     "wires: stdio is stdin and stdout: db.stdio and db.stdout cannot both be wired; the other is in line 7"},
    {TASK "  db: { source: ./db }\nwires:\n  - { from: web.stdout, to: db.stdin, slow: block }\n", "7:5",
     "web.stdout to db.stdin: slow is for publish -> subscribe, and web.stdout has the shape connect; leave it out"},
    {TASK "    ports: { x: { shape: serve } }\nwires:\n  - { from: web.y, to: web.x, slow: drop-oldest }\n", "7:5",
     "web.y to web.x: slow is for publish -> subscribe, and web.x has the shape serve; leave it out"},
    {TASK "    replicas: 2\n  db: { source: ./db }\nwires:\n  - web.stdout -> db.stdin\n", "8:5",
     "wires: there are 2 of web.stdout and 1 of db.stdin, and each has one channel only, so what is left over would "
     "wait "
     "for ever; give both tasks as many replicas, which are joined by number"},
    {TASK "    ports: { x: { shape: connect } }\n"
          "  db: { source: ./db, replicas: 3, ports: { in: { shape: connect } } }\nwires:\n  - web.x <> db.in\n",
     "8:5", "there are 1 of web.x and 3 of db.in"},
    {TASK "    ports: { x: { shape: publish } }\n    replicas: 2\n"
          "  db: { source: ./db, ports: { in: { shape: subscribe } } }\nwires:\n  - web.x -> db.in\n",
     "9:5", "there are 2 of web.x and 1 of db.in, and who subscribes hears one publisher only"},
    {TASK "wires:\n  - { from: web.x, to: web.z, slow: block, redeliver: true }\n", "6:5",
     "web.x to web.z: slow is for publish -> subscribe, and redeliver for what connects and serves; leave one of them "
     "out"},
    {TASK "wires:\n  - { from: web.x, to: web.out, tap: true }\n", "6:5",
     "wires: web.x to web.out: tap is for a stdin or stdout; leave it out, since"},
    {TASK "  db: { source: ./db }\nwires:\n  - { from: web.stdout, to: db.in, redeliver: true }\n", "7:5",
     "web.stdout to db.in: redeliver is for two programs with libspore, and web.stdout is a plain end; leave it out"},
    {TASK "    ports: { x: { shape: publish } }\nwires:\n  - { from: web.x, to: web.z, redeliver: true }\n", "7:5",
     "redeliver is for what connects and serves, and web.x has the shape publish; leave it out"},
    {TASK "wires:\n  - { from: web.x (lsp), to: web.z (json-rpc), redeliver: true }\n", "6:5",
     "redeliver is for two programs that speak the same, and a bridge is between these; leave it out"},
    {TASK "    ports: { x: { shape: publish }, z: { kind: messages } }\nwires:\n  - web.x -> web.z\n", "7:5",
     "web.x has the shape publish, web.z has connect: publish goes to subscribe, connect to connect or serve; ports: "
     "web.z says no shape, which is connect"},
    {"spore: 1\ntasks:\n  a: { source: \"path:cat\", ports: { values: { as: fifo-in }, x: {} } }\n"
     "  b: { source: \"path:cat\" }\nwires:\n  - b.stdout -> a.vaules\n",
     "6:5",
     "b.stdout and a.vaules: the program of a does not link libspore, and so has no port vaules; did you mean "
     "a.values?"},
    {"spore: 1\ntasks:\n  a: { source: \"path:cat\", ports: { x: {} } }\n"
     "  b: { source: \"path:cat\" }\nwires:\n  - b.stdout -> a.x\n",
     "6:5", "has no port x; say what it has it as (as: fifo-in, fifo-out, socket or listener)"},
    {"spore: 1\ntasks:\n  a: { source: \"path:cat\" }\n  b: { source: \"path:cat\", control: true }\n"
     "wires:\n  - b.out -> a.stdin\n  - a.out -> b.in\n",
     "7:5",
     "a.out and b.in: the program of a does not link libspore, and so has no port out; it has stdin, stdout, stdio"},
    {TASK "wires:\n  - web.x -> web.x\n", "6:5", "web.x cannot be wired to itself"},
    {TASK "    ports: { x: { shape: serve }, z: { shape: serve } }\nwires:\n  - web.x -> web.z\n", "7:5",
     "web.x and web.z both serve"},
    {TASK "    ports: { x: { shape: publish }, z: { shape: publish } }\nwires:\n  - web.x -> web.z\n", "7:5",
     "web.x and web.z both publish: one of them has to subscribe"},
    {TASK "    ports: { x: { shape: subscribe }, z: { shape: subscribe } }\nwires:\n  - web.x -> web.z\n", "7:5",
     "web.x and web.z both subscribe: one of them has to publish"},
    {TASK "    ports: { x: { shape: connect } }\nwires:\n  - web.x -> web.y\n  - web.z -> web.x\n", "8:5",
     "web.x has one channel only (its shape is connect), and is wired already, in line 7"},
    {TASK "wires:\n  - { from: web.out }\n", "6:5", "a wire needs the key \"to\""},
    {TASK "wires: web.out -> web.in\n", "5:8", "wires must be a list, not a single value"},
    {TASK "wires:\n  - listen 127.0.0.1:80 <> web.x\n", "6:5", "listen 127.0.0.1:80: say what is spoken there"},
    {TASK "wires:\n  - listen 80 (http) <> web.x\n", "6:5", "an address is HOST:PORT, :PORT or unix:PATH"},
    {TASK "wires:\n  - listen :80000 (http) <> web.x\n", "6:5", "an address is HOST:PORT, :PORT or unix:PATH"},
    {TASK "wires:\n  - listen unix:a b (http) <> web.x\n", "6:5", "an address is HOST:PORT, :PORT or unix:PATH"},
    {TASK "wires:\n  - web.x <> listen :80 (http)\n", "6:5", "a listener is at the left of a wire"},
    {TASK "wires:\n  - listen 0.0.0.0:80 (json-rpc) <> web.x\n", "6:5", "json-rpc cannot ask for a token"},
    {TASK "wires:\n  - listen 127.example.com:80 (http) <> web.x\n", "6:5", "ask for a token"},
    {TASK "wires:\n  - listen unix:/" LONG_TEXT LONG_TEXT " (http) <> web.x\n", "6:5", "name a shorter one"},
    {TASK "wires:\n  - listen :80 (htp) <> web.x\n", "6:5",
     "wires: listen 127.0.0.1:80: no bridge knows htp; did you mean http?"},
    {TASK "wires:\n  - listen :80 (http) <> web.x\n  - listen 127.0.0.1:80 (resp) <> web.x\n", "7:5",
     "wires: the wire in line 6 listens at 127.0.0.1:80 already"},
    {TASK "wires:\n  - listen 0.0.0.0:80 (http) <> web.x\n", "6:5",
     "wires: whoever reaches 0.0.0.0:80 could call: ask for a token, as in (http,token=...), or say open: true"},
    {TASK "wires:\n  - listen [::]:80 (http,token=) <> web.x\n", "6:5", "wires: whoever reaches [::]:80 could call"},
    {TASK "wires:\n  - { from: web.x, to: web.y, open: true }\n", "6:5", "open: it is for a wire that listens"},
    {TASK "wires:\n  - listen :80 (jsonl) <> web.x (rpc)\n", "6:5", "say which method each message calls"},
    {TASK "wires:\n  - { from: \"listen :80 (resp)\", to: web.x, lossless: true }\n", "6:5", "is to be lossless"},
    {TASK "recipe:\n  buidl: [make]\n", "6:3", "recipe has no key \"buidl\"; did you mean \"build\"?"},
};

static void names_the_place_and_the_remedy(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct spore__manifest m;
		char place[64];
		assert_false(
		    spore__manifest_parse(&m, "/p/shop/spore.yaml", wrong[i].text, strlen(wrong[i].text), &world));
		char *first = spore__yaml_first(&m.yaml);
		assert_non_null(first);
		snprintf(place, sizeof place, "/p/shop/spore.yaml:%s: ", wrong[i].place);
		if (strncmp(first, place, strlen(place)) != 0 || strstr(first, wrong[i].words) == NULL)
			fail_msg("%s\n%s\n(wanted at %s: %s)", wrong[i].text, first, wrong[i].place, wrong[i].words);
		free(first);
		spore__manifest_finish(&m);
	}
}

// Of these each has whom it needs.
static void joins_replicas(void **state)
{
	(void)state;
	static const char *const good[] = {
	    "web.stdout -> db.stdin",
	    "web.x -> one.in",
	    "one.out -> web.news",
	    "db.x -> web.later",
	};
	static const char text[] =
	    TASK "    replicas: 2\n    ports: { x: { shape: connect }, news: { shape: subscribe } }\n"
	         "  db: { source: ./db, replicas: 2, ports: { x: { shape: connect } } }\n"
	         "  one: { source: ./one, ports: { in: { shape: serve }, out: { shape: publish } } }\nwires:\n";
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct spore__manifest m;
		char all[sizeof text + 100];
		snprintf(all, sizeof all, "%s  - %s\n", text, good[i]);
		parse(&m, all);
		spore__manifest_finish(&m);
	}
}

static void notes_ports_that_are_not_named(void **state)
{
	(void)state;
	static const char text[] = TASK "    ports: { values: {}, stdio: { framing: lines } }\n"
	                                "  db: { source: ./db, ports: { stdio: { framing: lines } } }\nwires:\n"
	                                "  - web.vaules <> db.any\n";
	struct spore__manifest m;
	parse(&m, text);
	assert_int_equal(m.yaml.count, 1);
	assert_true(m.yaml.findings[0].note);
	assert_string_equal(
	    m.yaml.findings[0].text,
	    "wires: web.vaules is not among the 'ports:' of its task (values), and waits for ever when its "
	    "program does not open it; did you mean values?");
	spore__manifest_finish(&m);
}

static void finds_all_errors_at_once(void **state)
{
	(void)state;
	static const char text[] = "spore: 1\n"
	                           "tasks:\n"
	                           "  a: { source: x, args: [on, 1], nice: 99 }\n"
	                           "  b: { sorce: x, stop: { grace: 5, signal: FOO } }\n"
	                           "wire: []\n";
	static const size_t places[][2] = {{3, 26}, {3, 30}, {3, 40}, {4, 8}, {4, 33}, {4, 44}, {5, 1}};
	struct spore__manifest m;
	assert_false(spore__manifest_parse(&m, "/s/spore.yaml", text, sizeof text - 1, &world));
	assert_int_equal(m.yaml.count, sizeof places / sizeof *places);
	for (size_t i = 0; i < m.yaml.count; i++) {
		assert_int_equal(m.yaml.findings[i].line, places[i][0]);
		assert_int_equal(m.yaml.findings[i].column, places[i][1]);
	}
	spore__manifest_finish(&m);
}

static void needs_a_name_that_can_be_one(void **state)
{
	(void)state;
	static const char text[] = "spore: 1\ntasks: { a: { source: x } }\n";
	struct spore__manifest m;
	assert_false(spore__manifest_parse(&m, "/p/my.shop/spore.yaml", text, sizeof text - 1, &world));
	char *first = spore__yaml_first(&m.yaml);
	assert_non_null(strstr(first, "\"my.shop\" cannot be a system's: write name: NAME"));
	free(first);
	spore__manifest_finish(&m);
}

static void chooses_profiles(void **state)
{
	(void)state;
	struct spore__manifest m;
	struct spore__strs profiles = {0};
	const char *unknown, *nearest;
	parse(&m, full);
	assert_true(spore__manifest_choose(&m, &profiles, &unknown, &nearest));
	assert_false(spore__manifest_task(&m, "web")->spec.enabled);
	assert_true(spore__manifest_task(&m, "db")->spec.enabled);
	spore__strs_add(&profiles, "full");
	assert_true(spore__manifest_choose(&m, &profiles, &unknown, &nearest));
	assert_true(spore__manifest_task(&m, "web")->spec.enabled);
	spore__strs_add(&profiles, "debgu");
	assert_false(spore__manifest_choose(&m, &profiles, &unknown, &nearest));
	assert_string_equal(unknown, "debgu");
	assert_string_equal(nearest, "debug");
	spore__strs_finish(&profiles);
	spore__manifest_finish(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_every_key),
	    cmocka_unit_test(reads_the_short_forms),
	    cmocka_unit_test(reads_wires),
	    cmocka_unit_test(makes_listeners),
	    cmocka_unit_test(has_defaults),
	    cmocka_unit_test(anchors_can_be_used),
	    cmocka_unit_test(names_the_place_and_the_remedy),
	    cmocka_unit_test(joins_replicas),
	    cmocka_unit_test(notes_ports_that_are_not_named),
	    cmocka_unit_test(finds_all_errors_at_once),
	    cmocka_unit_test(needs_a_name_that_can_be_one),
	    cmocka_unit_test(chooses_profiles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
