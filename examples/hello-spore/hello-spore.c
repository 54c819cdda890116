// A small service that uses all of libspore's first part: it counts rounds until it is asked to stop.
//
//	spore run examples/hello-spore
//	cc hello-spore.c $(pkg-config --cflags --libs spore) && ./a.out
//
// Under a hold, in a plain terminal and as a service of systemd (Type=notify) it is the same program. Its configuration: `greeting`
// and `period` (milliseconds); outside spore SPORE_CONFIG_GREETING and SPORE_CONFIG_PERIOD.
#include <stdio.h>
#include <stdlib.h>

#include <spore/spore.h>

int main(void)
{
	const char *greeting = spore_config("greeting", "hello");
	int period = atoi(spore_config("period", "1000"));
	if (period <= 0) {
		spore_log(SPORE_ERROR, "the period must be a number of milliseconds above 0",
		          spore_str("period", spore_config("period", "")));
		return 2;
	}

	int64_t rounds = 0;
	char status[64];
	spore_log(SPORE_INFO, greeting, spore_int("period", period));
	while (!spore_stop_wait(period)) {
		if (rounds++ == 0)
			spore_ready(); // the first round went well
		snprintf(status, sizeof status, "%lld rounds", (long long)rounds);
		spore_status(status);
		spore_log(SPORE_DEBUG, "round", spore_int("number", rounds));
	}
	spore_log(SPORE_INFO, "goodbye", spore_int("rounds", rounds), spore_bool("asked", true));
	return 0;
}
