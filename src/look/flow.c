#include "look/flow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "show/text.h"

const char *const spore__flow_heads[SPORE__FLOW_COLUMNS] = {"MESSAGES", "BYTES", "RATE", "DEPTH",
                                                            "DROPPED",  "P50",   "P99"};

static void latency(uint64_t ns, char *out, size_t size)
{
	if (ns == 0)
		(void)snprintf(out, size, "-");
	else if (ns < 1000)
		(void)snprintf(out, size, "%" PRIu64 "ns", ns);
	else if (ns < 1000000)
		(void)snprintf(out, size, "%.3gus", (double)ns / 1e3);
	else if (ns < 1000000000)
		(void)snprintf(out, size, "%.3gms", (double)ns / 1e6);
	else
		(void)snprintf(out, size, "%.3gs", (double)ns / 1e9);
}

void spore__flow_cells(const struct spore__measured *m, char cells[SPORE__FLOW_COLUMNS][SPORE__FLOW_CELL])
{
	struct spore__flow f[2];
	for (size_t c = 0; c < SPORE__FLOW_COLUMNS; c++)
		(void)snprintf(cells[c], SPORE__FLOW_CELL, "-");
	for (unsigned way = 0; way < 2; way++)
		spore__measure_flow(m, way, &f[way]);
	if (m->between || (m->count > 0 && !m->pumped))
		(void)snprintf(cells[4], SPORE__FLOW_CELL, "%" PRIu64, f[0].dropped + f[1].dropped);
	if (m->count == 0)
		return;
	spore__bytes_text((double)(f[0].bytes + f[1].bytes), cells[1], SPORE__FLOW_CELL);
	if (m->pumped) { // it tells no messages apart
		char rate[SPORE__FLOW_CELL - 2];
		spore__bytes_text(f[0].byte_rate + f[1].byte_rate, rate, sizeof rate);
		(void)snprintf(cells[2], SPORE__FLOW_CELL, "%s/s", rate);
		return;
	}
	(void)snprintf(cells[0], SPORE__FLOW_CELL, "%" PRIu64, f[0].messages + f[1].messages);
	(void)snprintf(cells[2], SPORE__FLOW_CELL, "%.0f/s", f[0].rate + f[1].rate);
	(void)snprintf(cells[3], SPORE__FLOW_CELL, "%" PRIu64, f[0].depth + f[1].depth);
	latency(f[0].p50 > f[1].p50 ? f[0].p50 : f[1].p50, cells[5], SPORE__FLOW_CELL);
	latency(f[0].p99 > f[1].p99 ? f[0].p99 : f[1].p99, cells[6], SPORE__FLOW_CELL);
}

static void put_flow(struct spore__json *j, const char *key, const struct spore__measured *m, unsigned way)
{
	struct spore__flow f;
	spore__measure_flow(m, way, &f);
	spore__json_open(j, key, '{');
	if (m->count == 0) { // nothing else of it is known
		spore__json_int(j, "dropped", (int64_t)f.dropped);
		spore__json_close(j, '}');
		return;
	}
	spore__json_int(j, "messages", (int64_t)f.messages);
	spore__json_int(j, "bytes", (int64_t)f.bytes);
	spore__json_float(j, "rate", f.rate);
	spore__json_float(j, "byte_rate", f.byte_rate);
	spore__json_int(j, "depth", (int64_t)f.depth);
	spore__json_int(j, "dropped", (int64_t)f.dropped);
	spore__json_bool(j, "full", f.full);
	for (int i = 0; i < 2; i++) {
		uint64_t ns = i == 0 ? f.p50 : f.p99;
		if (ns != 0)
			spore__json_int(j, i == 0 ? "p50_ns" : "p99_ns", (int64_t)ns);
		else
			spore__json_null(j, i == 0 ? "p50_ns" : "p99_ns");
	}
	spore__json_close(j, '}');
}

void spore__flow_json(struct spore__json *j, const struct spore__measured *m)
{
	spore__json_int(j, "measured", (int64_t)m->count);
	if (m->count > 0 || m->between) {
		put_flow(j, "forward", m, SPORE__FORWARD);
		put_flow(j, "backward", m, SPORE__BACKWARD);
	}
}

// The bytes of a line of LEN that fill at most COLUMNS; a character of UTF-8 is taken for one column.
static size_t fitting(const char *line, size_t len, size_t columns)
{
	size_t i = 0;
	while (i < len && (columns > 0 || ((unsigned char)line[i] & 0xc0) == 0x80)) {
		if (((unsigned char)line[i] & 0xc0) != 0x80)
			columns--;
		i++;
	}
	return i;
}

bool spore__flow_repaint(const struct spore__buf *out)
{
	struct winsize size = {0};
	struct spore__buf screen = {0};
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	size_t rows = size.ws_row, row = 0;
	spore__buf_str(&screen, "\033[H");
	for (const char *line = out->data; line != NULL && *line != '\0' && row < rows; row++) {
		size_t len = strcspn(line, "\n");
		if (row > 0)
			spore__buf_str(&screen, "\n");
		spore__buf_add(&screen, line, fitting(line, len, size.ws_col));
		spore__buf_str(&screen, "\033[K");
		line += len + (line[len] == '\n');
	}
	spore__buf_str(&screen, row < rows ? "\n\033[J" : "\r");
	bool written = fwrite(screen.data, 1, screen.len, stdout) == screen.len && fflush(stdout) == 0;
	spore__buf_finish(&screen);
	return written;
}

void spore__flow_pause(long ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	(void)nanosleep(&t, NULL);
}
