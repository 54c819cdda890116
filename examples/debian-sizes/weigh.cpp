// Takes `NUMBER name section KiB depends` from its port `packages`, and sends `NUMBER section KiB dependencies` to `weights`. It keeps nothing, so it may
// die at any time: a message is released only when what became of it was sent.
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <spore/chan.h>

namespace
{

std::vector<std::string_view> split(std::string_view text, char separator)
{
	std::vector<std::string_view> parts;
	for (;;) {
		auto at = text.find(separator);
		parts.push_back(text.substr(0, at));
		if (at == text.npos)
			return parts;
		text.remove_prefix(at + 1);
	}
}

std::string weigh(std::string_view message)
{
	auto fields = split(message, '\t');
	if (fields[0] == "end" || fields.size() < 5)
		return std::string(message);
	auto section = fields[2].substr(fields[2].rfind('/') + 1); // non-free/games: games
	auto dependencies = fields[4].empty() ? 0 : split(fields[4], ',').size();
	std::string out(fields[0]);
	out.append("\t").append(section.empty() ? "none" : section);
	out.append("\t").append(fields[3].empty() ? "0" : fields[3]);
	return out.append("\t").append(std::to_string(dependencies));
}

enum spore_err send(spore_chan *to, const std::string &text)
{
	enum spore_err e;
	do
		e = spore_chan_send(to, text.data(), text.size(), SPORE_FOREVER);
	while (e == SPORE_ECLOSED || e == SPORE_ERETURNED);
	return e;
}

} // namespace

int main()
{
	spore_chan *packages, *weights;
	if (spore_chan_open("packages", nullptr, &packages) != SPORE_OK ||
	    spore_chan_open("weights", nullptr, &weights) != SPORE_OK) {
		std::fprintf(stderr, "weigh: start it with spore: it has no ports otherwise\n");
		return 2;
	}
	spore_ready();
	for (;;) {
		const void *data;
		size_t len;
		auto e = spore_chan_read(packages, &data, &len, SPORE_FOREVER);
		if (e == SPORE_EEND)
			break;
		if (e == SPORE_ECLOSED || e == SPORE_ERETURNED)
			continue;
		if (e != SPORE_OK || send(weights, weigh({static_cast<const char *>(data), len})) != SPORE_OK)
			return 1;
		spore_chan_release(packages);
	}
	auto finished = spore_chan_finish(weights, SPORE_FOREVER);
	spore_chan_close(weights);
	spore_chan_close(packages);
	return finished == SPORE_OK ? 0 : 1;
}
