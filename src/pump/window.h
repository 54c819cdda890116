// What passes through a pump, for those who look on: memory that its hold makes and keeps, the pump writes, and whoever asks the hold maps for
// reading. The pump waits for none of them and knows none of them: it counts what it carries, and copies it only while the hold says that somebody
// looks. A reader that is too slow finds so from the positions, and how much it has missed.
//
//	page 0    what follows here
//	rings     one per direction: the byte at the position P lies at P modulo SPORE__WINDOW_RING
//
// Positions are those of all bytes that ever went that way, over pumps that were killed and channels that were others. There is one writer at a time:
// a pump carries one direction, or both. Linux only: elsewhere there is no such memory.
#ifndef SPORE_PUMP_WINDOW_H
#define SPORE_PUMP_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum spore__window_way { SPORE__WINDOW_IN, SPORE__WINDOW_OUT, SPORE__WINDOW_WAYS }; // to the program, from it
enum {
	SPORE__WINDOW_PAGE = 4096,
	SPORE__WINDOW_RING = 1 << 20, // bytes
	SPORE__WINDOW_SIZE = SPORE__WINDOW_PAGE + SPORE__WINDOW_WAYS * SPORE__WINDOW_RING,
};
#define SPORE__WINDOW_MAGIC UINT64_C(0x31776f646e697773) // "swindow1"

struct spore__window_lane {        // written by the pump
	_Atomic uint64_t passed;   // bytes so far
	_Atomic uint64_t begun;    // up to here the ring may be overwritten already
	_Atomic uint64_t unseen;   // what is before this position was not copied
	_Atomic uint32_t finished; // nothing more will pass by this pump
	uint32_t reserved[9];
};
struct spore__window {
	uint64_t magic;           // written by the hold, before anybody else has it
	_Atomic uint32_t watched; // ... by the hold: somebody looks, and there is memory behind the rings
	uint32_t reserved[13];
	struct spore__window_lane lanes[SPORE__WINDOW_WAYS];
};
_Static_assert(sizeof(struct spore__window_lane) == 64 && sizeof(struct spore__window) == 192, "it is shared");

// Maps the memory FD, which stays the caller's. NULL: it is no window (errno).
struct spore__window *spore__window_map(int fd, bool write);
void spore__window_unmap(struct spore__window *w); // NULL is fine

// ---- the pump

// Where the next N bytes (at most half a ring) go: one or two pieces, of which the number is returned. What was there may be gone from now on.
unsigned spore__window_room(struct spore__window *w, enum spore__window_way way, size_t n, struct iovec pieces[2]);
// N bytes have passed; COPIED: they are in the ring.
void spore__window_passed(struct spore__window *w, enum spore__window_way way, size_t n, bool copied);

// ---- who looks on

struct spore__window_view {
	const struct spore__window *window;
	uint64_t at[SPORE__WINDOW_WAYS];
	bool began[SPORE__WINDOW_WAYS]; // something was seen
};

// From what passes next on. FD is closed. False: it is no window.
bool spore__window_view_open(int fd, struct spore__window_view *v);
void spore__window_view_close(struct spore__window_view *v); // one that is zeroed too
// Copies what passed, at most SIZE bytes. *MISSED (which is set) bytes before them were overwritten, or not copied. 0: nothing is new.
size_t spore__window_read(struct spore__window_view *v, enum spore__window_way way, void *to, size_t size,
                          uint64_t *missed);
bool spore__window_is_finished(const struct spore__window_view *v, enum spore__window_way way);
uint64_t spore__window_count(const struct spore__window_view *v, enum spore__window_way way); // bytes in all

#endif
