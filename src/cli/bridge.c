#include "cli/become.h"

static const struct spore__option options[] = {
    {"listen", 'l', "ADDRESS", "offer TO at HOST:PORT or unix:PATH, to many", 0, NULL},
    {"connect", 'c', "ADDRESS", "what speaks FROM is at HOST:PORT or unix:PATH", 0, NULL},
    {"each", 0, NULL, "start the command, or connect, once for each client", 0, NULL},
    {"clients", 0, "N", "clients at once: 256 unless told otherwise", 0, NULL},
    {"in-flight", 0, "N", "calls of a client that are not answered: 128; further ones are told BUSY", 0, NULL},
    {"largest", 0, "BYTES", "the largest message: 67108864", 0, NULL},
    {"first", 0, "SECONDS", "until the first message of a client has come: 30", 0, NULL},
    {"idle", 0, "SECONDS", "a client without calls is kept so long: 0, which is for ever", 0, NULL},
    {"list", 0, NULL, "show the protocols, their options and what is lost in them", 0, NULL},
    {"json", 0, NULL, "with --list: as JSON", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore bridge json-rpc msgpack-rpc < calls.json > calls.bin", "as a filter"},
    {"spore bridge jsonl json-rpc -- jq -c --unbuffered .name", "a filter of JSON values, as a program that is called"},
    {"spore bridge msgpack-rpc json-rpc -- nvim --embed", "Neovim for a script that writes JSON"},
    {"spore bridge lsp json-rpc --listen unix:/tmp/clangd -- clangd", "a language server for many clients"},
    {0},
};

static int run(const struct spore__args *args)
{
	spore__command_become(args, "spore-bridge", NULL);
}

const struct spore__command spore__command_bridge = {
    .name = "bridge",
    .operands = "FROM TO [-- COMMAND [ARG...]]",
    .summary = "translate between two protocols",
    .text =
        "What is there speaks FROM, what is made of it speaks TO. Alone *bridge* is a filter: standard input speaks "
        "FROM, standard output TO, and every message stays what it is, with its id. With a COMMAND, that program "
        "speaks "
        "FROM on its standard input and output, and whoever talks to *bridge* on its own speaks TO. With *--connect* "
        "it is a server that is there already. With *--listen* TO is offered to many at once, each of which may "
        "call.\n\n"
        "Calls, answers, notifications, cancelling, progress, parts of results and deadlines go over where both "
        "protocols have them; *--list* says what each one loses. Each call is answered exactly once: when the program "
        "ends, by an error. A protocol without calls answers each message with the next one; to call, it needs the "
        "method: _jsonl,method=NAME_. What cannot be translated is said on standard error, and the rest goes on.\n\n"
        "Options of a protocol are written behind it: _NAME,option=value_. Before a byte of a stranger is read "
        "*bridge* "
        "gives up files, new processes and new connections. The exit status is the command's; as a filter 1 when a "
        "message was not translated.",
    .options = options,
    .examples = examples,
    .max_operands = (size_t)-1,
    .run = run,
};
