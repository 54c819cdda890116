// The SDK's client on standard input and output, over a bridge to a server that is reached by HTTP: node mcp_stdio.mjs SPORE ADDRESS. Prints one line of JSON per step.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { CreateMessageRequestSchema, ListRootsRequestSchema, LoggingMessageNotificationSchema } from "@modelcontextprotocol/sdk/types.js";

const say = (...values) => console.log(JSON.stringify(values));
const text = (result) => result.content[0].text;
const client = new Client({ name: "test", version: "1" }, { capabilities: { sampling: {}, roots: { listChanged: true } } });
client.setRequestHandler(CreateMessageRequestSchema, async (request) => ({
	model: "none",
	role: "assistant",
	content: { type: "text", text: "asked back: " + request.params.messages[0].content.text },
}));
const asked = new Promise((resolve) => {
	client.setRequestHandler(ListRootsRequestSchema, async () => {
		resolve();
		return { roots: [{ uri: "file:///here", name: "here" }] };
	});
});
const logged = new Promise((resolve) => client.setNotificationHandler(LoggingMessageNotificationSchema, resolve));
await client.connect(
	new StdioClientTransport({
		command: process.argv[2],
		args: ["bridge", "mcp-http", "mcp", "--connect", process.argv[3]],
		env: process.env,
		stderr: "inherit",
	}),
);
say("server", client.getServerVersion().name);
const { tools } = await client.listTools();
say("tools", tools.map((tool) => tool.name).includes("echo"));
const answers = await Promise.all([1, 2, 3].map((n) => client.callTool({ name: "echo", arguments: { message: `${n}` } })));
say("echo", answers.map(text));
const progress = [];
await client.callTool({ name: "trigger-long-running-operation", arguments: { duration: 0.3, steps: 3 } }, undefined, {
	onprogress: (p) => progress.push(p.progress),
});
say("progress", progress);
await asked; // the server asks by itself, on the stream of the session
say("roots");
say("sampling", text(await client.callTool({ name: "trigger-sampling-request", arguments: { prompt: "why", maxTokens: 5 } })).includes("asked back: "));
const stop = new AbortController();
const long = client.callTool({ name: "trigger-long-running-operation", arguments: { duration: 600, steps: 6000 } }, undefined, {
	signal: stop.signal,
	onprogress: () => stop.abort("enough"),
});
say("aborted", await long.then(() => "no", (error) => error.message.includes("enough")));
await client.setLoggingLevel("debug");
await client.callTool({ name: "toggle-simulated-logging", arguments: {} });
say("logged", typeof (await logged).params.level);
say("still there", text(await client.callTool({ name: "echo", arguments: { message: "yes" } })));
await client.close();
say("closed");
process.exit(0);
