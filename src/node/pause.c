#include "node/pause.h"

void spore__pause_begin(struct spore__pause *p, uint64_t now_ms)
{
	uint64_t ms = SPORE__PAUSE_MS;
	if (now_ms - p->failed_ms >= SPORE__PAUSE_CALM_MS)
		p->failures = 0;
	for (unsigned i = 0; i < p->failures && ms < SPORE__PAUSE_MOST_MS; i++)
		ms *= 2;
	p->failures++;
	p->failed_ms = now_ms;
	p->until_ms = now_ms + ms;
}

void spore__pause_briefly(struct spore__pause *p, uint64_t now_ms)
{
	p->until_ms = now_ms + SPORE__PAUSE_MS;
}

bool spore__pause_lasts(const struct spore__pause *p, uint64_t now_ms)
{
	return now_ms < p->until_ms;
}
