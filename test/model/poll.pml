/* How one thread polls the doorbell of a ring for both directions (lib/chan/ring.c: arm, is_due, pass_on, wait_for). What is rung may be for either,
 * and a call of the one takes it from the other. Checked: it never polls a silent bell while a call that was refused would succeed.
 *
 * BROKEN=1 passes nothing on; BROKEN=2 does so without a new number; BROKEN=3 without ringing itself; BROKEN=4 leaves that out after a wait;
 * BROKEN=5 asks for new room without a new number. Each has to be found. The stores of both are seen at once: how they are kept in order is
 * wake.pml.
 */
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef BROKEN
#define BROKEN 0
#endif
#define ROOM 1
#define R 0
#define S 1

byte published, released;	/* the peer writes: to the receiving way, for the sending way */
byte sent, received;		/* this end writes */
bool asleep[2];			/* likewise: a way says an odd number, */
bool rung[2];			/* and the peer has rung for that one */
byte pipe;			/* bytes in it */

inline ring()
{
	if
	:: pipe < 2 -> pipe++
	:: else
	fi
}

inline wake(way)
{
	if
	:: atomic { asleep[way] && !rung[way] -> rung[way] = true }; ring()
	:: atomic { else -> skip }
	fi
}

active proctype peer()
{
	bool vain, answers, stubborn;
	if	/* of its own accord, or only once it has got everything, or once it is rid of everything */
	:: true
	:: answers = true
	:: stubborn = true
	fi;
	do
	:: atomic { published < MESSAGES && (!answers || released == MESSAGES) -> published++ }; wake(R)
	:: atomic { released < sent && (!stubborn || received == MESSAGES) -> released++ }; wake(S)
	:: atomic { !vain -> vain = true }; wake(S)	/* looks without need */
	:: atomic { !vain -> vain = true }; wake(R)
	:: published == MESSAGES && released == MESSAGES -> break
	od
}

#define due(way) (armed[way] && ((way) == S -> released != seen[S] : published > seen[R]))

inline lie_down(way)
{
	atomic { asleep[way] = true; rung[way] = false }	/* another number */
}

inline disarm(way)
{
	if
	:: atomic { armed[way] -> armed[way] = false; asleep[way] = false }
	:: atomic { else -> skip }
	fi
}

inline look_again()
{
	heard[R] = true;
	heard[S] = true
}

inline listen()
{
	if
	:: atomic { pipe > 0 -> pipe = 0; look_again() }
	:: atomic { else -> skip }
	fi
}

inline pass_on(way)
{
	if
	:: BROKEN != 1 && armed[way] && heard[way] ->
		heard[way] = false;
		if
		:: BROKEN != 2 -> lie_down(way)
		:: else
		fi;
		if
		:: BROKEN != 3 && due(way) -> ring()
		:: else
		fi
	:: else
	fi
}

/* After a call was refused. */
inline arm(way, at)
{
	if
	:: due(1 - way)
	:: else -> listen(); pass_on(1 - way)
	fi;
	if
	:: !armed[way] || (heard[way] && BROKEN != 5) -> lie_down(way)
	:: else
	fi;
	atomic { heard[way] = false; seen[way] = at; armed[way] = true }
}

inline wait_for_messages()
{
	disarm(R);
	if
	:: due(S) -> listen()
	:: else
	fi;
	lie_down(R);
	if
	:: published == received ->
		if
		:: atomic { pipe > 0 -> pipe = 0 }
		:: true		/* the time is over */
		fi;
		look_again()
	:: else
	fi;
	asleep[R] = false;
	if
	:: BROKEN != 4 -> pass_on(S)
	:: else
	fi
}

active proctype end_that_polls()
{
	byte room_seen, seen[2];
	bool armed[2], refused;
	bool heard[2];	/* something was, since this way was armed */
	do
	:: sent == MESSAGES && received == MESSAGES -> break
	:: else ->
		refused = true;
		if
		:: sent < MESSAGES ->
			do
			:: sent - room_seen < ROOM ->
				sent++; refused = false; break
			:: sent - room_seen >= ROOM && released != room_seen ->
				room_seen = released; disarm(S)
			:: sent - room_seen >= ROOM && released == room_seen ->
				arm(S, room_seen);
				if	/* the second look */
				:: released == room_seen -> break
				:: else
				fi
			od
		:: else
		fi;
		if	/* now and then in a call that waits */
		:: received < MESSAGES -> wait_for_messages()
		:: true
		fi;
		if
		:: received < MESSAGES ->
			do
			:: published > received -> received++; disarm(R); refused = false; break
			:: published == received ->
				arm(R, received);
				if
				:: published == received -> break
				:: else
				fi
			od
		:: else
		fi;
		if	/* poll */
		:: refused -> pipe > 0
		:: else
		fi
	od
}
