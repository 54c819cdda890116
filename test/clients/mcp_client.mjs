// A client of the SDK that answers what its server asks. `asked`: it was asked for its roots.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { CreateMessageRequestSchema, ListRootsRequestSchema } from "@modelcontextprotocol/sdk/types.js";

export const say = (...values) => console.log(JSON.stringify(values));
export const text = (result) => result.content[0].text;
export const client = new Client({ name: "test", version: "1" }, { capabilities: { sampling: {}, roots: { listChanged: true } } });
client.setRequestHandler(CreateMessageRequestSchema, async (request) => ({
	model: "none",
	role: "assistant",
	content: { type: "text", text: "asked back: " + request.params.messages[0].content.text },
}));
export const asked = new Promise((resolve) => {
	client.setRequestHandler(ListRootsRequestSchema, async () => {
		resolve();
		return { roots: [{ uri: "file:///here", name: "here" }] };
	});
});
