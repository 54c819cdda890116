/* How the ends of a ring fall asleep and wake each other (lib/chan/ring.c: lie_down, choose_fences; ring.h: spore__ring_wake), on processors
 * that keep stores back (x86: each has a queue of stores that others see later, in order). Checked: nobody sleeps for ever, that is, every
 * message arrives and no state without a way on is reached before both have ended.
 *
 * BROKEN=1 leaves out the barrier of a receiver that said it needs no fences; BROKEN=2 the one when it changes its mind; BROKEN=3 the sender's
 * fence; BROKEN=4 the barrier of a sender that sleeps; BROKEN=5 the second look before sleeping. Each has to be found.
 */
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef BROKEN
#define BROKEN 0
#endif
#define ROOM 2

/* What is in memory, and what a store queue has not brought there yet. Numbers only grow, so that a queue of one variable is its last value. */
byte published, published_queued;	/* sender writes */
byte released, released_queued;		/* receiver writes */
bool receiver_fence = true;		/* receiver writes: the sender has to fence */
byte receiver_sleep, sender_sleep;	/* each writes its own: odd means sleeps */
byte to_receiver, to_sender;		/* bytes in the pipes */

/* The processors bring stores to memory whenever they like. */
active proctype stores()
{
end:	do
	:: atomic { published != published_queued -> published = published_queued }
	:: atomic { released != released_queued -> released = released_queued }
	od
}

inline ring(pipe)
{
	if
	:: pipe < 2 -> pipe++
	:: else		/* full: it has been rung */
	fi
}

inline hear(pipe)
{
	atomic { pipe > 0 -> pipe = 0 }
}

active proctype sender()
{
	byte sent, number, rung, sleeps;
	bool fence;
	do
	:: sent == MESSAGES -> break
	:: sent < MESSAGES && sent - released < ROOM ->
		sent++;
		published_queued = sent;
		atomic { fence = receiver_fence; number = receiver_sleep }	/* one word */
		if
		:: fence && BROKEN != 3 -> published = published_queued; number = receiver_sleep
		:: else
		fi;
		if
		:: number % 2 == 1 && number != rung -> rung = number; ring(to_receiver)
		:: else
		fi
	:: sent < MESSAGES && sent - released >= ROOM ->
		/* lie_down: its own stores are fenced, the receiver's by the barrier */
		sleeps = sleeps + 1 + sleeps % 2;
		sender_sleep = sleeps;
		published = published_queued;
		if
		:: BROKEN != 4 -> released = released_queued
		:: else
		fi;
		if
		:: sent - released >= ROOM -> hear(to_sender)
		:: sent - released < ROOM
		fi;
		sleeps++;
		sender_sleep = sleeps
	od
}

/* Says what was released; the sender never asks for fences. */
inline release(number, rung)
{
	released_queued = received;
	number = sender_sleep;
	if
	:: number % 2 == 1 && number != rung -> rung = number; ring(to_sender)
	:: else
	fi
}

active proctype receiver()
{
	byte received, number, rung, sleeps;
	bool fence = true;
	do
	:: received == MESSAGES -> break
	:: received < MESSAGES && published > received ->
		received++;
		if	/* it may be told later */
		:: release(number, rung)
		:: true
		fi;
		if	/* busy for a while */
		:: fence -> fence = false; receiver_fence = false
		:: true
		fi
	:: received < MESSAGES && published == received ->
		release(number, rung);
		if	/* choose_fences */
		:: !fence ->
			fence = true;
			receiver_fence = true;
			if
			:: BROKEN != 2 -> published = published_queued; released = released_queued
			:: else
			fi
		:: true
		fi;
		sleeps = sleeps + 1 + sleeps % 2;
		receiver_sleep = sleeps;
		released = released_queued;
		if
		:: !fence && BROKEN != 1 -> published = published_queued
		:: else
		fi;
		if
		:: published == received || BROKEN == 5 -> hear(to_receiver)
		:: published != received && BROKEN != 5
		fi;
		sleeps++;
		receiver_sleep = sleeps
	od
}
