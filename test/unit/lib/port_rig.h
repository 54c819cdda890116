// A port in the tests' own hands: they wire it to one peer after another, as the control connection would.
#ifndef SPORE_TEST_PORT_RIG_H
#define SPORE_TEST_PORT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chan/inside.h"

enum {
	PORT_PATIENCE = 20000, // ms; nothing waits so long unless it hangs
	PORT_LARGEST = 600000, // bytes of a message
	PORT_SMALL = 64,       // cells of port_small
};

extern const struct spore__channel_sizes port_small;

struct port_rig {
	struct spore_chan *p;                     // NULL: it was closed
	uint64_t serial;                          // of the last peer
	const char *transport;                    // of the next; a ring at first
	const struct spore__channel_sizes *sizes; // likewise; may be NULL
};

// Set-up and the end of a test: its state is the rig. The second is of a port for messages that stand for themselves.
int port_rig_setup(void **state);
int port_rig_setup_stateless(void **state);
int port_rig_teardown(void **state);
#define port_test(fn) cmocka_unit_test_setup_teardown(fn, port_rig_setup, port_rig_teardown)
#define port_test_stateless(fn) cmocka_unit_test_setup_teardown(fn, port_rig_setup_stateless, port_rig_teardown)

// False, and it says so: there are no rings on this machine, and no tests.
bool port_rig_has_rings(void);
// Another port in place of the one that was there, with nothing wired to it yet.
void port_rig_renew(struct port_rig *t, bool stateless);
// Before the end of the test.
void port_rig_close(struct port_rig *t);
// Wires the port to a new peer.
struct spore_chan *port_rig_wire(struct port_rig *t, bool redeliver);

// Message NUMBER, of one of many lengths (at most MOST), is sent in one of all ways. SPORE_EAGAIN: there was no loan.
enum spore_err port_give(struct spore_chan *c, uint64_t number, size_t most, int timeout_ms);
// It is received, in one of both ways.
void port_take(struct spore_chan *c, uint64_t number, size_t most);

#endif
