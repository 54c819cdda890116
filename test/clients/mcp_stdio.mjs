// The SDK's client on standard input and output, over a bridge to a server that is reached by HTTP: node mcp_stdio.mjs SPORE ADDRESS. Prints one line of JSON per step.
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { LoggingMessageNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { asked, client, say, text } from "./mcp_client.mjs";

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
