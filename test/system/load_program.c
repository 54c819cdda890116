// One direction of a channel under full load; what arrives proves itself. test_wires_load kills these.
//	load_program send PORT       sends for ever, messages of many sizes, each with its sender, its number and bytes that follow from both
//	load_program receive PORT    prints `from SENDER to RECEIVER channel N` for the first message of each channel; ends with 1 and `WRONG ...` when a
//	                             message is torn, repeated, or missing in the middle of a channel
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <spore/chan.h>

enum { LARGEST = 300000 };
struct head {
	uint64_t sender;
	uint64_t number;
};
static unsigned char buffer[LARGEST];

// Mostly small, as messages are; some in the heap of a ring, a few larger than a quarter of it.
static size_t size_of(uint64_t number)
{
	if (number % 1024 == 1023)
		return LARGEST;
	return sizeof(struct head) + (number % 64 == 63 ? number % 7000 : number * 7 % 200);
}

// One process id may come twice.
static uint64_t myself(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)getpid() << 40 | (((uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000) & 0xffffffffff);
}

static void fill(const struct head *h, unsigned char *bytes, size_t len)
{
	memcpy(bytes, h, sizeof *h);
	for (size_t i = sizeof *h; i < len; i++)
		bytes[i] = (unsigned char)(h->number + h->sender + i);
}

static int send_for_ever(struct spore_chan *c)
{
	struct head h = {.sender = myself()};
	for (;;) {
		size_t len = size_of(h.number);
		fill(&h, buffer, len);
		enum spore_err e = spore_chan_send(c, buffer, len, SPORE_FOREVER);
		if (e != SPORE_OK && e != SPORE_ECLOSED && e != SPORE_ERETURNED) {
			printf("WRONG %s\n", spore_err_text(e));
			return 1;
		}
		h.number++; // also of one that failed: it may have arrived
	}
}

static int wrong(const char *what, const struct head *h, uint64_t expected, size_t len)
{
	printf("WRONG %s: number %llu of %llx, %zu bytes, expected %llu\n", what, (unsigned long long)h->number,
	       (unsigned long long)h->sender, len, (unsigned long long)expected);
	return 1;
}

static int receive(struct spore_chan *c)
{
	struct head h, last = {0};
	unsigned channels = 0;
	bool fresh = true; // the next message may have any number, but none that was there before
	size_t len;
	for (;;) {
		enum spore_err e = spore_chan_recv(c, buffer, sizeof buffer, &len, SPORE_FOREVER);
		if (e == SPORE_ECLOSED || e == SPORE_ERETURNED || e == SPORE_EEND) {
			fresh = true;
			continue;
		}
		if (e != SPORE_OK) {
			printf("WRONG %s\n", spore_err_text(e));
			return 1;
		}
		memcpy(&h, buffer, sizeof h);
		if (len < sizeof h || len != size_of(h.number))
			return wrong("size", &h, last.number + 1, len);
		for (size_t i = sizeof h; i < len; i++)
			if (buffer[i] != (unsigned char)(h.number + h.sender + i))
				return wrong("bytes", &h, last.number + 1, len);
		if (h.sender == last.sender && (fresh ? h.number <= last.number : h.number != last.number + 1))
			return wrong("order", &h, last.number + 1, len);
		if (h.sender != last.sender && !fresh)
			return wrong("sender", &h, last.number + 1, len);
		if (fresh) {
			printf("from %llu to %ld channel %u\n", (unsigned long long)(h.sender >> 40), (long)getpid(),
			       ++channels);
			(void)fflush(stdout);
		}
		last = h;
		fresh = false;
	}
}

int main(int argc, char **argv)
{
	struct spore_chan *c;
	if (argc != 3 || spore_chan_open(argv[2], NULL, &c) != SPORE_OK)
		return 2;
	spore_ready();
	return strcmp(argv[1], "send") == 0 ? send_for_ever(c) : receive(c);
}
