#include "cli/become.h"

static const struct spore__option options[] = {
    {"http", 0, "ADDRESS", "offer it at HOST:PORT or unix:PATH over HTTP: POST /method", 0, NULL},
    {"websocket", 0, "ADDRESS", "likewise as JSON-RPC over WebSocket", 0, NULL},
    {"resp", 0, "ADDRESS", "likewise as a server of Redis' protocol", 0, NULL},
    {"mcp", 0, "ADDRESS", "likewise as a server of the Model Context Protocol over HTTP", 0, NULL},
    {"as", 0, "SPEC", "with --listen: any protocol, as of *spore bridge*", 0, NULL},
    {"listen", 'l', "ADDRESS", "where", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore serve shop/web.api --http 127.0.0.1:8080", "then curl -d '[1, 2]' http://127.0.0.1:8080/add"},
    {"spore serve cache.calls --as=resp --listen=unix:/tmp/cache", "for redis-cli -s /tmp/cache"},
    {0},
};

static int run(const struct spore__args *args)
{
	spore__command_become(args, "spore-look", "serve");
}

const struct spore__command spore__command_serve = {
    .name = "serve",
    .operands = "A.PORT",
    .summary = "offer a port in another protocol",
    .text =
        "Listens, and passes on what is called to the port, as one of its clients, until Ctrl-C. What the port speaks "
        "is what "
        "its program says, otherwise _rpc_. All protocols, their options and what is lost in them: *spore bridge "
        "--list*. An address without a host is of this machine alone; who listens for other machines should ask for a "
        "token (_http,token=..._). When the program ends callers get errors, and when it returns it is called again. "
        "To keep it, let a wire of "
        "a manifest listen: _listen 127.0.0.1:8080 (http) <> api.calls_ (*spore-manifest*(7)).",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = 1,
    .completes = SPORE__COMPLETES_PORT,
    .run = run,
};
