// What one would use instead: ZeroMQ, nng and iceoryx, each where it is installed. All of them begin with the process that uses them, since none
// survives a fork.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "channels.h"
#ifdef HAVE_ZMQ
#include <zmq.h>
#endif
#ifdef HAVE_NNG
#include <nng/nng.h>
#include <nng/protocol/pair1/pair.h>
#endif
#ifdef HAVE_ICEORYX
#include <iceoryx_binding_c/api.h>
#include <iceoryx_binding_c/publisher.h>
#include <iceoryx_binding_c/runtime.h>
#include <iceoryx_binding_c/subscriber.h>
#include <iceoryx_binding_c/wait_set.h>
#endif

struct end {
	void *context, *socket; // ZeroMQ
	int number;             // nng's socket
#ifdef HAVE_ICEORYX
	iox_pub_storage_t pub_memory;
	iox_sub_storage_t sub_memory;
	iox_ws_storage_t set_memory;
	iox_pub_t pub;
	iox_sub_t sub;
	iox_ws_t set; // NULL: it polls
#endif
};

static unsigned made_so_far;

#if defined(HAVE_ZMQ) || defined(HAVE_NNG)
// A path in the temporary folder; both libraries make and remove the socket.
static void *make_address(size_t size)
{
	char *address = malloc(128);
	const char *folder = getenv("TMPDIR");
	snprintf(address, 128, "ipc://%.80s/spore-bench-%d-%u", folder != NULL ? folder : "/tmp", (int)getpid(),
	         ++made_so_far);
	return address;
}

static void finish_address(void *made)
{
	(void)unlink((char *)made + strlen("ipc://"));
	free(made);
}
#endif

#if !defined(HAVE_ZMQ) || !defined(HAVE_NNG) || !defined(HAVE_ICEORYX)
static void *make_none(size_t size)
{
	return NULL;
}
#endif

#if defined(HAVE_NNG) || defined(HAVE_ICEORYX)
static void sleep_a_little(void)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}
#endif

// ---- ZeroMQ

#ifdef HAVE_ZMQ
static struct end *open_zmq(void *made, int role, size_t size)
{
	struct end *e = calloc(1, sizeof *e);
	int most = size > 4096 ? 16 : 1000, linger = -1;
	e->context = zmq_ctx_new();
	e->socket = zmq_socket(e->context, ZMQ_PAIR);
	if (e->socket == NULL || zmq_setsockopt(e->socket, ZMQ_SNDHWM, &most, sizeof most) != 0 ||
	    zmq_setsockopt(e->socket, ZMQ_RCVHWM, &most, sizeof most) != 0 ||
	    zmq_setsockopt(e->socket, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
	    (role == 0 ? zmq_bind(e->socket, made) : zmq_connect(e->socket, made)) != 0)
		fail("ZeroMQ");
	return e;
}

static void send_zmq(struct end *e, const void *data, size_t len, bool more)
{
	if (zmq_send(e->socket, data, len, 0) != (int)len)
		fail("zmq_send");
}

static void receive_zmq(struct end *e, void *buffer, size_t size)
{
	if (zmq_recv(e->socket, buffer, size, 0) < 0)
		fail("zmq_recv");
}

static void close_zmq(struct end *e)
{
	zmq_close(e->socket);
	zmq_ctx_term(e->context);
	free(e);
}
const struct candidate zeromq = {.name = "ZeroMQ PAIR, ipc",
                                 .make = make_address,
                                 .open = open_zmq,
                                 .send = send_zmq,
                                 .receive = receive_zmq,
                                 .close = close_zmq,
                                 .finish = finish_address};
#else
const struct candidate zeromq = {.name = "ZeroMQ PAIR, ipc", .make = make_none, .package = "libzmq3-dev"};
#endif

// ---- nng

#ifdef HAVE_NNG
static struct end *open_nng(void *made, int role, size_t size)
{
	struct end *e = calloc(1, sizeof *e);
	nng_socket s;
	if (nng_pair1_open(&s) != 0 || nng_socket_set_size(s, NNG_OPT_RECVMAXSZ, 0) != 0)
		fail("nng");
	for (int tries = 0;; tries++) { // the other process may not listen yet
		int n = role == 0 ? nng_listen(s, made, NULL, 0) : nng_dial(s, made, NULL, 0);
		if (n == 0)
			break;
		if (role == 0 || tries == 1000)
			fail(nng_strerror(n));
		sleep_a_little();
	}
	e->number = (int)s.id;
	return e;
}

static nng_socket of(const struct end *e)
{
	return (nng_socket){.id = (uint32_t)e->number};
}

static void send_nng(struct end *e, const void *data, size_t len, bool more)
{
	if (nng_send(of(e), (void *)(uintptr_t)data, len, 0) != 0)
		fail("nng_send");
}

static void receive_nng(struct end *e, void *buffer, size_t size)
{
	if (nng_recv(of(e), buffer, &size, 0) != 0)
		fail("nng_recv");
}

static void close_nng(struct end *e)
{
	for (int i = 0; i < 20; i++) // closing throws away what has not left
		sleep_a_little();
	nng_close(of(e));
	free(e);
}
const struct candidate nng = {.name = "nng pair, ipc",
                              .make = make_address,
                              .open = open_nng,
                              .send = send_nng,
                              .receive = receive_nng,
                              .close = close_nng,
                              .finish = finish_address};
#else
const struct candidate nng = {.name = "nng pair, ipc", .make = make_none, .package = "libnng-dev"};
#endif

// ---- iceoryx

#ifdef HAVE_ICEORYX
static pid_t roudi; // 0: not started; -1: cannot be
static pid_t owner; // who started it
static char config[] = "/tmp/spore-bench-roudi.XXXXXX";

static void stop_roudi(void)
{
	if (getpid() != owner)
		return;
	if (roudi > 0) {
		kill(roudi, SIGTERM);
		(void)waitpid(roudi, NULL, 0);
	}
	(void)unlink(config);
}

static void write_config(void)
{
	static const struct {
		unsigned size, count;
	} pools[] = {{128, 20000}, {2048, 2000}, {70000, 600}, {(4 << 20) + 1024, 24}};
	int fd = mkstemp(config);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (f == NULL)
		fail(config);
	fputs("[general]\nversion = 1\n[[segment]]\n", f);
	for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++)
		fprintf(f, "[[segment.mempool]]\nsize = %u\ncount = %u\n", (pools[i].size + 31) / 32 * 32,
		        pools[i].count);
	fclose(f);
}

// Its daemon, which every process of iceoryx needs; true when it says that it is ready.
static bool start_roudi(void)
{
	int out[2];
	char said[4096];
	size_t len = 0;
	owner = getpid();
	write_config();
	if (pipe(out) != 0)
		fail("pipe");
	roudi = fork();
	if (roudi < 0)
		fail("fork");
	if (roudi == 0) {
		dup2(out[1], 1);
		dup2(out[1], 2);
		close(out[0]);
		close(out[1]);
		execlp("iox-roudi", "iox-roudi", "-c", config, "-m", "off", "-l", "error", (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	bool ready = false;
	for (ssize_t n; !ready && len < sizeof said - 1 && (n = read(out[0], said + len, sizeof said - 1 - len)) > 0;) {
		len += (size_t)n;
		said[len] = '\0';
		ready = strstr(said, "ready") != NULL;
	}
	// The reading end stays open, so that it is not killed by what it says later.
	if (!ready) {
		close(out[0]);
		kill(roudi, SIGKILL);
		(void)waitpid(roudi, NULL, 0);
		roudi = -1;
	}
	atexit(stop_roudi);
	return ready;
}

static void *make_iceoryx(size_t size)
{
	if (roudi == 0)
		(void)start_roudi();
	if (roudi < 0)
		return NULL;
	char *name = malloc(64);
	snprintf(name, 64, "bench-%d-%u", (int)getpid(), ++made_so_far);
	return name;
}

static struct end *open_iceoryx(const char *made, int role, size_t size, bool waits)
{
	static const char *const ways[] = {"there", "back"};
	struct end *e = calloc(1, sizeof *e);
	char name[80];
	snprintf(name, sizeof name, "%s-%d", made, role);
	// It tells of each segment that it maps.
	if (freopen("/dev/null", "w", stderr) == NULL)
		exit(1);
	iox_runtime_init(name);
	iox_pub_options_t pub;
	iox_pub_options_init(&pub);
	pub.subscriberTooSlowPolicy = ConsumerTooSlowPolicy_WAIT_FOR_CONSUMER;
	iox_sub_options_t sub;
	iox_sub_options_init(&sub);
	sub.queueCapacity = size > 100000 ? 4 : 256;
	sub.queueFullPolicy = QueueFullPolicy_BLOCK_PRODUCER;
	e->pub = iox_pub_init(&e->pub_memory, "spore", made, ways[role], &pub);
	e->sub = iox_sub_init(&e->sub_memory, "spore", made, ways[1 - role], &sub);
	if (waits) {
		e->set = iox_ws_init(&e->set_memory);
		if (iox_ws_attach_subscriber_event(e->set, e->sub, SubscriberEvent_DATA_RECEIVED, 1, NULL) !=
		    WaitSetResult_SUCCESS)
			fail("iceoryx: attach");
	}
	while (!iox_pub_has_subscribers(e->pub) || iox_sub_get_subscription_state(e->sub) != SubscribeState_SUBSCRIBED)
		sleep_a_little();
	return e;
}

static struct end *open_polling(void *made, int role, size_t size)
{
	return open_iceoryx(made, role, size, false);
}

static struct end *open_waiting(void *made, int role, size_t size)
{
	return open_iceoryx(made, role, size, true);
}

static void send_iceoryx(struct end *e, const void *data, size_t len, bool more)
{
	void *chunk;
	while (iox_pub_loan_chunk(e->pub, &chunk, (uint32_t)len) != AllocationResult_SUCCESS)
		relax();
	memcpy(chunk, data, len);
	iox_pub_publish_chunk(e->pub, chunk);
}

static const void *take_iceoryx(struct end *e)
{
	const void *chunk;
	iox_notification_info_t info[4];
	uint64_t missed;
	while (iox_sub_take_chunk(e->sub, &chunk) != ChunkReceiveResult_SUCCESS) {
		if (e->set != NULL)
			(void)iox_ws_wait(e->set, info, 4, &missed);
		else
			relax();
	}
	return chunk;
}

static void receive_iceoryx(struct end *e, void *buffer, size_t size)
{
	const void *chunk = take_iceoryx(e);
	memcpy(buffer, chunk, size);
	iox_sub_release_chunk(e->sub, chunk);
}

static void close_iceoryx(struct end *e)
{
	while (iox_sub_has_chunks(e->sub))
		sleep_a_little();
	if (e->set != NULL)
		iox_ws_deinit(e->set);
	iox_sub_deinit(e->sub);
	iox_pub_deinit(e->pub);
	free(e);
}
const struct candidate iceoryx_polling = {.name = "iceoryx, polling",
                                          .spins = true,
                                          .slow_start = true,
                                          .make = make_iceoryx,
                                          .open = open_polling,
                                          .send = send_iceoryx,
                                          .receive = receive_iceoryx,
                                          .close = close_iceoryx,
                                          .finish = free,
                                          .package = "iceoryx"};
const struct candidate iceoryx_waiting = {.name = "iceoryx, WaitSet",
                                          .slow_start = true,
                                          .make = make_iceoryx,
                                          .open = open_waiting,
                                          .send = send_iceoryx,
                                          .receive = receive_iceoryx,
                                          .close = close_iceoryx,
                                          .finish = free,
                                          .package = "iceoryx"};
#else
const struct candidate iceoryx_polling = {
    .name = "iceoryx, polling", .make = make_none, .package = "libiceoryx-binding-c-dev"};
const struct candidate iceoryx_waiting = {
    .name = "iceoryx, WaitSet", .make = make_none, .package = "libiceoryx-binding-c-dev"};
#endif
