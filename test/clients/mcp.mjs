// The SDK's client against the published server behind a bridge: node mcp.mjs URL. Prints one line of JSON per step.
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { asked, client, say, text } from "./mcp_client.mjs";

const transport = new StreamableHTTPClientTransport(new URL(process.argv[2]));
await client.connect(transport);
say("session", transport.sessionId.length, client.getServerVersion().name);
const { tools } = await client.listTools();
say("tools", tools.map((tool) => tool.name).includes("echo"));
say("echo", text(await client.callTool({ name: "echo", arguments: { message: "hi" } })));
const progress = [];
await client.callTool({ name: "trigger-long-running-operation", arguments: { duration: 0.3, steps: 3 } }, undefined, {
	onprogress: (p) => progress.push(p.progress),
});
say("progress", progress);
await asked; // the server asks by itself, on the stream of the session
say("roots");
say("sampling", text(await client.callTool({ name: "trigger-sampling-request", arguments: { prompt: "why", maxTokens: 5 } })));
const stop = new AbortController();
const long = client.callTool({ name: "trigger-long-running-operation", arguments: { duration: 600, steps: 6000 } }, undefined, {
	signal: stop.signal,
	onprogress: () => stop.abort("enough"),
});
say("aborted", await long.then(() => "no", (error) => error.message.includes("enough")));
say("still there", text(await client.callTool({ name: "echo", arguments: { message: "yes" } })));
try {
	await client.callTool({ name: "no such tool", arguments: {} });
	say("error", "none");
} catch (error) {
	say("error", error.code);
}
await transport.terminateSession();
const gone = await fetch(process.argv[2], {
	method: "POST",
	headers: { "content-type": "application/json", accept: "application/json, text/event-stream", "mcp-session-id": "0".repeat(32) },
	body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
});
say("unknown session", gone.status);
await client.close();
say("closed");
process.exit(0);
