// Numbers of errors that JSON-RPC 2.0 reserves, and that travel as they are.
#ifndef SPORE_BRIDGE_JSONRPC_H
#define SPORE_BRIDGE_JSONRPC_H

enum {
	SPORE__JSONRPC_PARSE = -32700,
	SPORE__JSONRPC_INVALID = -32600,
	SPORE__JSONRPC_NO_METHOD = -32601,
	SPORE__JSONRPC_PARAMS = -32602,
	SPORE__JSONRPC_ERROR = -32000, // of a callee that has no numbers
};

#endif
