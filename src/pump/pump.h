// spore-pump: carries bytes between a plain program (a FIFO, a connection to a socket, its stdin or stdout) and the pipe or socket that the node made
// for the wire. It is started by the hold of the task with open descriptors, and owns nothing: each of them is the hold's too, bytes pass in the kernel
// where it can do that, and so another pump goes on where a killed one was. What passes can be seen in WINDOW (window.h); -1: there is none.
//
//	spore-pump in CHANNEL FIFO WINDOW PATH  from the channel into a FIFO that the program reads; PATH is its name
//	spore-pump out FROM CHANNEL WINDOW      from what the program writes, a FIFO or pipe, into the channel
//	spore-pump into CHANNEL TO WINDOW       from the channel into a pipe that the program reads
//	spore-pump socket CONNECTION CHANNEL-IN CHANNEL-OUT MID0 MID1 MID2 MID3 WINDOW
//	                                        both ways; -1 where there is none. Between two sockets bytes pass through the pipes MID0, MID1 (from the
//	                                        connection) and MID2, MID3 (to it), each to be read and to be written
#ifndef SPORE_PUMP_PUMP_H
#define SPORE_PUMP_PUMP_H

enum spore__pump_status {
	SPORE__PUMP_END = 0, // the channel is over, and what came from it has been taken; of out: the program's side is
	SPORE__PUMP_GONE = 10,   // out, into: nobody reads there any more
	SPORE__PUMP_CLOSED = 11, // socket: the program closed its connection, and what it sent is in the channel
};

// Of bytes that have been read and not written there are at most so many, in one direction.
enum { SPORE__PUMP_PIECE = 64 * 1024 };

int spore__pump_main(int argc, char *argv[]);

#endif
